"""The verbs of machines that run a line of shell, however they are reached."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tpu.actions import Command, Pack, Plan
from tpu.backends.backend import Machines, here
from tpu.job import Job

Words = tuple[str, ...]


UNPACK = (
    'rm -rf "$1/code" && mkdir -p "$1/code" && tar -xzf "$1.tar.gz" -C "$1/code" '
    '&& bash "$1/code/tpu/host.sh" install "$@"'
)
"""Arguments: the folder of a job, the extra; where a bucket is, and its folder there."""

ASK = (
    'if [ -d "$1/code" ]; then bash "$1/code/tpu/host.sh" code "$1"; '
    "else echo code=none; fi"
)
"""Argument: the folder of a job, which need not be there yet."""


def place(job: Job) -> Words:
    """The words that tell gcloud where machines are."""
    return (f"--project={job.project}", f"--zone={job.zone}")


class Reach(NamedTuple):
    """How machines are reached.

    Attributes:
      shell: ``(job, machine, words) -> command`` that runs the words there.
      copy: ``(job, machine, file, target) -> command`` that sends a file there.
      first: as ``shell``, where one machine of many is meant.
      place: ``(job, machines, index) -> words`` that tell a program its place among the
        others; none where it finds out itself.
    """

    shell: Callable[[Job, str, Words], Command]
    copy: Callable[[Job, str, Path, str], Command]
    first: Callable[[Job, str, Words], Command]
    place: Callable[[Job, Machines, int], Words]


def there(job: Job) -> str:
    """The folder of a job on its machines, from the home of who is logged in."""
    return f"jaxgen-{job.name}"


def host(job: Job, verb: str, *arguments: str) -> Words:
    """Words that ask ``host.sh`` on a machine."""
    folder = there(job)
    return ("bash", f"{folder}/code/tpu/host.sh", verb, folder, *arguments)


def by_shell(reach: Reach) -> dict[str, Any]:
    """The verbs ``sync``, ``run``, ``codes``, ``logs`` and ``profile``."""

    def each(job: Job, machines: Machines, *words: str) -> tuple[Command, ...]:
        return tuple(reach.shell(job, machine, words) for machine in machines)

    def sync(job: Job, machines: Machines) -> Plan:
        archive, folder = here(job) / "code.tar.gz", there(job)
        shared = ("/mnt/jaxgen", f"runs/{job.name}") if job.bucket else ()
        unpack = ("bash", "-c", UNPACK, "unpack", folder, job.extra, *shared)
        copies = (
            reach.copy(job, machine, archive, f"{folder}.tar.gz")
            for machine in machines
        )
        return (Pack(Path("."), archive), *copies, *each(job, machines, *unpack))

    def run(job: Job, machines: Machines, until: int) -> Plan:
        python = "../venv/bin/python"
        return tuple(
            reach.shell(
                job,
                machine,
                host(
                    job,
                    "start",
                    str(until),
                    *program(python, job, reach.place(job, machines, index)),
                ),
            )
            for index, machine in enumerate(machines)
        )

    def codes(job: Job, machines: Machines) -> tuple[Command, ...]:
        return each(job, machines, "bash", "-c", ASK, "ask", there(job))

    def logs(job: Job, machines: Machines, lines: int, follow: bool) -> Plan:
        wish = ("follow",) if follow else ()
        return (reach.first(job, machines[0], host(job, "logs", str(lines), *wish)),)

    def profile(job: Job, machines: Machines) -> Plan:
        return each(job, machines, *host(job, "profile"))

    return {
        "sync": sync,
        "run": run,
        "codes": codes,
        "logs": logs,
        "profile": profile,
    }


def program(python: str, job: Job, place: Sequence[str]) -> Words:
    """The words that start the program of a job on one machine."""
    watched = (f"--patience={job.patience:g}", f"--heartbeat={job.heartbeat}")
    return (python, "-m", "tpu.bootstrap", *place, *watched, "--", *job.command)


def alone_or_detected(job: Job, machines: Machines, index: int) -> Words:
    """TPU machines find each other; one alone needs not to."""
    return ("--together",) if job.wanted.hosts * job.wanted.slices > 1 else ()


def numbered(address: str, job: Job, machines: Machines, index: int) -> Words:
    """The place of one machine among several, which the first brings together."""
    if len(machines) == 1:
        return ()
    return (
        f"--coordinator={address}:{job.port}",
        f"--processes={len(machines)}",
        f"--process={index}",
    )


def this_python() -> str:
    """The Python that runs here."""
    return sys.executable
