"""Machines of your own by ssh, and processes on this one: nothing is bought."""

import os
import shlex
from pathlib import Path

from tpu.actions import Command, Plan
from tpu.backends.backend import Backend, Machines, always, here
from tpu.backends.shell import (
    ASK,
    Reach,
    Words,
    by_shell,
    host,
    numbered,
    program,
    this_python,
)
from tpu.job import Job

SSH = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=20")
"""No questions, and no waiting for ever."""


def nothing(job: Job, seconds: int = 0) -> Plan:
    return ()


def no_question(job: Job) -> None:
    return None


def ssh(job: Job, machine: str, words: Words) -> Command:
    return Command(("ssh", *SSH, machine, shlex.join(words)))


def scp(job: Job, machine: str, file: Path, target: str) -> Command:
    return Command(("scp", *SSH, str(file), f"{machine}:{target}"))


def among_hosts(job: Job, machines: Machines, index: int) -> Words:
    return numbered(machines[0].rpartition("@")[2], job, machines, index)


def stop_hosts(job: Job) -> Plan:
    """Ends the program; the machines and what they hold stay."""
    return tuple(
        Command(ssh(job, machine, host(job, "stop")).argv, may_fail=True)
        for machine in job.hosts
    )


HOSTS = Backend(
    up=nothing,
    status=no_question,
    state=always,
    members=lambda job: job.hosts,
    down=stop_hosts,
    **by_shell(Reach(ssh, scp, ssh, among_hosts)),
)


def numbers(job: Job) -> Machines:
    return tuple(map(str, range(job.processes)))


def ask(job: Job, machine: str, verb: str, *arguments: str) -> Command:
    """Asks ``host.sh`` about one process of this machine."""
    script = Path(__file__).parents[1] / "host.sh"
    folder = (here(job) / machine).absolute()
    return Command(("bash", str(script), verb, str(folder), *arguments))


def ask_code(job: Job, machine: str) -> Command:
    """As the others are asked, for there may be no folder yet."""
    folder = (here(job) / machine).absolute()
    return Command(("bash", "-c", ASK, "ask", str(folder)))


def link(job: Job, machines: Machines) -> Plan:
    """Every process has a folder, in which the code is this very folder."""
    folders = [(here(job) / machine).absolute() for machine in machines]
    return tuple(
        command
        for folder in folders
        for command in (
            Command(("mkdir", "-p", str(folder))),
            Command(("ln", "-sfn", os.getcwd(), str(folder / "code"))),
        )
    )


def start(job: Job, machines: Machines, until: int) -> Plan:
    return tuple(
        ask(
            job,
            machine,
            "start",
            str(until),
            *program(
                this_python(),
                job,
                (
                    *numbered("127.0.0.1", job, machines, int(machine)),
                    f"--ledger={here(job) / 'ledger.jsonl'}",
                ),
            ),
        )
        for machine in machines
    )


LOCAL = Backend(
    up=nothing,
    status=no_question,
    state=always,
    members=numbers,
    sync=link,
    run=start,
    codes=lambda job, machines: tuple(ask_code(job, one) for one in machines),
    logs=lambda job, machines, lines, follow: (
        ask(job, machines[0], "logs", str(lines), *(("follow",) if follow else ())),
    ),
    profile=lambda job, machines: tuple(ask(job, one, "profile") for one in machines),
    down=lambda job: tuple(
        Command(ask(job, machine, "stop").argv, may_fail=True)
        for machine in numbers(job)
    ),
)
