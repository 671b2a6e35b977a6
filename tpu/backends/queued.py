"""Queued resources of the TPU API: v4 to v6e; Google keeps it up, and adds nothing."""

import shlex
from pathlib import Path

from tpu.actions import Command, Plan, Write
from tpu.backends.backend import (
    Answer,
    Backend,
    Machines,
    MachineState,
    Unreachable,
    here,
    require_found,
)
from tpu.backends.shell import Reach, Words, alone_or_detected, by_shell, place
from tpu.job import Job
from tpu.startup import startup_script

STATES: dict[str, MachineState] = {
    "ACCEPTED": "waiting",
    "CREATING": "waiting",
    "WAITING_FOR_RESOURCES": "waiting",
    "PROVISIONING": "waiting",
    "ACTIVE": "active",
    "FAILED": "failed",
    "SUSPENDING": "suspended",
    "SUSPENDED": "suspended",
    "DELETING": "waiting",
}

CAPACITY = {"spot": ("--spot",), "reserved": ("--reserved",), "on_demand": ()}

REQUESTS = ("gcloud", "compute", "tpus", "queued-resources")
MACHINES = ("gcloud", "compute", "tpus", "tpu-vm")


def deletion(job: Job, name: str) -> Command:
    """Deletes a request and its machines, whatever state they are in."""
    words = ("delete", name, *place(job), "--force", "--quiet")
    return Command((*REQUESTS, *words), may_fail=True)


def up(job: Job, seconds: int) -> Plan:
    wanted, script = job.wanted, here(job) / "startup.sh"
    if not wanted.chip.runtime:
        raise ValueError(
            f"on={job.on!r}: the TPU API does not have these; give --backend group, or "
            "--backend gke"
        )
    nodes = (
        (f"--node-id={job.name}",)
        if wanted.slices == 1
        else (f"--node-count={wanted.slices}", f"--node-prefix={job.name}")
    )
    return (
        Write(script, startup_script(job, seconds, deletion(job, job.name))),
        Command(
            (
                *REQUESTS,
                "create",
                job.name,
                *nodes,
                *place(job),
                f"--accelerator-type={job.accelerator}",
                f"--runtime-version={wanted.chip.runtime}",
                *CAPACITY[job.capacity],
                f"--valid-until-duration={int(job.max_wait_hours * 3600)}s",
                f"--labels={job.label_text}",
                "--scopes=https://www.googleapis.com/auth/cloud-platform",
                f"--metadata-from-file=startup-script={script}",
                "--async",
                "--quiet",
            )
        ),
    )


def status(job: Job) -> Command:
    words = ("describe", job.name, *place(job), "--format=value(state.state)")
    return Command((*REQUESTS, *words))


def state(answer: Answer) -> MachineState:
    if not require_found(answer, "NOT_FOUND", "not found"):
        return "absent"
    word = answer.output.strip()
    if word not in STATES:
        raise Unreachable(f"queued resource in unknown state {word!r}")
    return STATES[word]


def members(job: Job) -> Machines:
    """One name a slice; the machines of a slice are reached at once."""
    if job.wanted.slices == 1:
        return (job.name,)
    return tuple(f"{job.name}-{index}" for index in range(job.wanted.slices))


def ssh(job: Job, machine: str, words: Words, worker: str = "all") -> Command:
    line = f"--command={shlex.join(words)}"
    where = (*place(job), f"--worker={worker}", "--quiet")
    return Command((*MACHINES, "ssh", machine, *where, line))


def ssh_to_first(job: Job, machine: str, words: Words) -> Command:
    return ssh(job, machine, words, "0")


def copy(job: Job, machine: str, file: Path, target: str) -> Command:
    where = (*place(job), "--worker=all", "--quiet")
    return Command((*MACHINES, "scp", str(file), f"{machine}:{target}", *where))


def down(job: Job) -> Plan:
    return (deletion(job, job.name),)


def stale(job: Job) -> Command:
    ours = "tpu.nodeSpec.node.labels.launcher:jaxgen"
    dead = "state.state:(FAILED SUSPENDED)"
    shown = "--format=value(name.basename())"
    return Command(
        (*REQUESTS, "list", *place(job), f"--filter={ours} AND {dead}", shown)
    )


def bury(job: Job, name: str) -> Plan:
    return (deletion(job, name),)


REACH = Reach(ssh, copy, ssh_to_first, alone_or_detected)

QUEUED = Backend(
    up=up,
    status=status,
    state=state,
    members=members,
    down=down,
    stale=stale,
    bury=bury,
    **by_shell(REACH),
)
