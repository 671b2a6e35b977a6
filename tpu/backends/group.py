"""Managed instance groups of Compute Engine: v5p, v6e, tpu7x; one slice a group."""

import shlex
from pathlib import Path

from tpu.actions import Command, Plan, Write
from tpu.backends.backend import Answer, Backend, MachineState, here, require_found
from tpu.backends.shell import Reach, Words, alone_or_detected, by_shell, place
from tpu.job import Job
from tpu.startup import startup_script

COMPUTE = ("gcloud", "compute")
GROUPS = (*COMPUTE, "instance-groups", "managed")

CAPACITY = {
    "spot": ("--provisioning-model=SPOT",),
    "on_demand": ("--provisioning-model=STANDARD",),
    "reserved": ("--provisioning-model=RESERVATION_BOUND",),
}


IMAGES = {
    "v5p": "ubuntu-accel-2204-amd64-tpu-v5e-v5p-v6e",
    "v6e": "ubuntu-accel-2204-amd64-tpu-v5e-v5p-v6e",
    "tpu7x": "ubuntu-accel-2404-amd64-tpu-tpu7x",
}
"""Families of images of ``ubuntu-os-accelerator-images``, by kind of chip."""


def policy(job: Job) -> tuple[Command, ...]:
    """How the machines of a slice lie; one alone needs no policy."""
    if job.wanted.hosts == 1:
        return ()
    words = (
        "create",
        "workload-policy",
        f"{job.name}-policy",
        "--type=HIGH_THROUGHPUT",
        f"--accelerator-topology={job.wanted.topology}",
        f"--project={job.project}",
        f"--region={job.region}",
    )
    return (Command((*COMPUTE, "resource-policies", *words)),)


def template(job: Job, seconds: int, script: Path) -> Command:
    """What each machine is; Compute Engine itself ends it after so many seconds."""
    reserved = (
        ("--reservation-affinity=specific", f"--reservation={job.reservation}")
        if job.capacity == "reserved"
        else ()
    )
    return Command(
        (
            *COMPUTE,
            "instance-templates",
            "create",
            f"{job.name}-template",
            f"--project={job.project}",
            f"--machine-type={job.wanted.machine}",
            "--maintenance-policy=TERMINATE",
            *CAPACITY[job.capacity],
            *reserved,
            "--instance-termination-action=DELETE",
            f"--max-run-duration={seconds}s",
            f"--image-family={IMAGES[job.wanted.slice.generation]}",
            "--image-project=ubuntu-os-accelerator-images",
            f"--labels={job.label_text}",
            "--scopes=cloud-platform",
            f"--metadata-from-file=startup-script={script}",
            "--quiet",
        )
    )


def group(job: Job) -> Command:
    region = f"projects/{job.project}/regions/{job.region}"
    policies = (
        (f"--workload-policy={region}/resourcePolicies/{job.name}-policy",)
        if job.wanted.hosts > 1
        else ()
    )
    return Command(
        (
            *GROUPS,
            "create",
            job.name,
            *place(job),
            f"--template={job.name}-template",
            f"--size={job.wanted.hosts}",
            *policies,
            "--default-action-on-vm-failure=do-nothing",
            "--quiet",
        )
    )


def up(job: Job, seconds: int) -> Plan:
    if job.wanted.slice.generation not in IMAGES or job.wanted.slices > 1:
        raise ValueError(
            f"on={job.on!r}: backend 'group' has one slice of v5p, v6e or tpu7x; give "
            "--backend queued, or --backend gke"
        )
    script = here(job) / "startup.sh"
    return (
        Write(script, startup_script(job, seconds, group_deletion(job))),
        *policy(job),
        template(job, seconds, script),
        group(job),
    )


def status(job: Job) -> Command:
    shown = "--format=csv[no-heading](status.isStable,targetSize)"
    return Command((*GROUPS, "describe", job.name, *place(job), shown))


def state(answer: Answer) -> MachineState:
    if not require_found(answer, "was not found", "NOT_FOUND"):
        return "absent"
    stable, _, size = answer.output.strip().partition(",")
    if size == "0":
        return "suspended"
    return "active" if stable.lower() == "true" else "waiting"


def members(job: Job) -> Command:
    shown = "--format=value(name)"
    return Command((*GROUPS, "list-instances", job.name, *place(job), shown))


def ssh(job: Job, machine: str, words: Words) -> Command:
    line = f"--command={shlex.join(words)}"
    return Command((*COMPUTE, "ssh", machine, *place(job), "--quiet", line))


def copy(job: Job, machine: str, file: Path, target: str) -> Command:
    words = ("scp", str(file), f"{machine}:{target}", *place(job), "--quiet")
    return Command((*COMPUTE, *words))


def group_deletion(job: Job) -> Command:
    return Command((*GROUPS, "delete", job.name, *place(job), "--quiet"), True)


def down(job: Job) -> Plan:
    """The group, then what it was made by, which cannot go before."""
    project = f"--project={job.project}"
    made = (
        ("instance-templates", "delete", f"{job.name}-template", project),
        (
            *("resource-policies", "delete", f"{job.name}-policy", project),
            f"--region={job.region}",
        ),
    )
    return (
        group_deletion(job),
        *(Command((*COMPUTE, *words, "--quiet"), may_fail=True) for words in made),
    )


REACH = Reach(ssh, copy, ssh, alone_or_detected)

GROUP = Backend(up, status, state, members, down=down, **by_shell(REACH))
