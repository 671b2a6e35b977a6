"""Kubernetes on Google Cloud: a pool of nodes for each slice, and one JobSet."""

import json
from pathlib import Path

from tpu.actions import Command, Pack, Plan, Write
from tpu.backends.backend import (
    Answer,
    Backend,
    Machines,
    MachineState,
    Unreachable,
    here,
    require_found,
)
from tpu.exit_codes import DONE, FAULT, Code
from tpu.job import Job
from tpu.jobset import job_set

POOLS = ("gcloud", "container", "node-pools")


def place(job: Job) -> tuple[str, ...]:
    """The words that say which cluster; it is in a zone or in the zone's region."""
    where, _, name = str(job.cluster).rpartition("/")
    return (
        f"--project={job.project}",
        f"--location={where or job.zone}",
        f"--cluster={name}",
    )


def kubectl(job: Job, *words: str, may_fail: bool = False) -> Command:
    where, _, name = str(job.cluster).rpartition("/")
    context = f"--context=gke_{job.project}_{where or job.zone}_{name}"
    return Command(("kubectl", context, *words), may_fail)


def pools(job: Job) -> tuple[str, ...]:
    """One pool a slice."""
    return tuple(f"{job.name}-{index}" for index in range(job.wanted.slices))


def up(job: Job, seconds: int) -> Plan:
    """Pools without nodes: they come when pods ask, and go when none do."""
    where, _, name = str(job.cluster).rpartition("/")
    location = f"--location={where or job.zone}"
    words = ("get-credentials", name, f"--project={job.project}", location)
    return (
        Command(("gcloud", "container", "clusters", *words)),
        *(_pool(job, pool, seconds) for pool in pools(job)),
    )


def _pool(job: Job, name: str, seconds: int) -> Command:
    wanted = job.wanted
    capacity = {
        "spot": ("--spot",),
        "on_demand": (),
        "reserved": (
            "--reservation-affinity=specific",
            f"--reservation={job.reservation}",
        ),
    }[job.capacity]
    topology = (f"--tpu-topology={wanted.topology}",) if wanted.hosts > 1 else ()
    return Command(
        (
            *POOLS,
            "create",
            name,
            *place(job),
            f"--node-locations={job.zone}",
            f"--machine-type={wanted.machine}",
            *topology,
            "--num-nodes=0",
            "--enable-autoscaling",
            "--total-min-nodes=0",
            f"--total-max-nodes={wanted.hosts}",
            f"--max-run-duration={seconds}s",
            *capacity,
            f"--labels={job.label_text}",
            "--scopes=cloud-platform",
            "--quiet",
        )
    )


def status(job: Job) -> Command:
    words = ("describe", pools(job)[-1], *place(job), "--format=value(status)")
    return Command((*POOLS, *words))


def state(answer: Answer) -> MachineState:
    if not require_found(answer, "Not found", "NOT_FOUND", "not found"):
        return "absent"
    word = answer.output.strip()
    if word in ("PROVISIONING", "RECONCILING", "STOPPING"):
        return "waiting"
    if word in ("RUNNING", "RUNNING_WITH_ERROR"):
        return "active"
    if word == "ERROR":
        return "failed"
    raise Unreachable(f"node pool in unknown state {word!r}")


def sync(job: Job, machines: Machines) -> Plan:
    """An image of the code, built from what may be sent and nothing else."""
    archive, context = here(job) / "code.tar.gz", here(job) / "context"
    recipe, extra = context / "tpu" / "Dockerfile", f"EXTRA={job.extra}"
    return (
        Pack(Path("."), archive),
        Command(("rm", "-rf", str(context))),
        Command(("mkdir", "-p", str(context))),
        Command(("tar", "-xzf", str(archive), "-C", str(context))),
        Command(
            (
                *("docker", "build", "--file", str(recipe), "--build-arg", extra),
                *("--tag", str(job.image), str(context)),
            )
        ),
        Command(("docker", "push", str(job.image))),
    )


def run(job: Job, machines: Machines, until: int) -> Plan:
    """The JobSet; its pods end later by as long as they may wait for nodes."""
    manifest = here(job) / "jobset.json"
    latest = until + int(job.max_wait_hours * 3600)
    text = json.dumps(job_set(job, latest), indent=2) + "\n"
    return (
        Write(manifest, text),
        _jobset_deletion(job),
        kubectl(job, "apply", "--server-side", "--filename", str(manifest)),
    )


def codes(job: Job, machines: Machines) -> tuple[Command, ...]:
    """Of the JobSet: Completed, Failed, or nothing while it goes on; and all nodes."""
    ours = f"cloud.google.com/gke-nodepool in ({','.join(pools(job))})"
    shown = "jsonpath={.metadata.name} {.status.terminalState}"
    words = ("get", "jobset", job.name, "--ignore-not-found", "--output", shown)
    nodes = kubectl(job, "get", "nodes", f"--selector={ours}", "--output=name")
    return (kubectl(job, *words), nodes)


def read(answers: list[Answer]) -> list[Code]:
    """Completed is an exit code of 0, Failed one of 1; no answer, no such JobSet.

    What goes on waits where there is no node; who may not ask for nodes counts as if
    there were.
    """
    answer, nodes = answers
    require_found(answer)
    name, _, word = answer.output.strip().partition(" ")
    none = nodes.code == 0 and not nodes.output.strip()
    goes_on: Code = "waiting" if none else "running"
    known: dict[str, Code] = {"Completed": DONE, "Failed": FAULT, "": goes_on}
    if word not in known:
        raise Unreachable(f"JobSet in unknown state {word!r}")
    return [known[word] if name else "none"]


def logs(job: Job, machines: Machines, lines: int, follow: bool) -> Plan:
    """Of the first machine of the first slice, which tells for all."""
    pod = "jobset.sigs.k8s.io/job-index=0,batch.kubernetes.io/job-completion-index=0"
    chosen = f"--selector=jobset.sigs.k8s.io/jobset-name={job.name},{pod}"
    wish = ("--follow",) if follow else ()
    return (kubectl(job, "logs", chosen, f"--tail={lines}", *wish),)


def profile(job: Job, machines: Machines) -> Plan:
    """Asks the first machine, whose trace shows what the others do, too."""
    first = f"job/{job.name}-slice-0"
    return (kubectl(job, "exec", first, "--", "touch", "/job/profile"),)


def down(job: Job) -> Plan:
    return (
        _jobset_deletion(job),
        *(
            Command((*POOLS, "delete", pool, *place(job), "--quiet"), may_fail=True)
            for pool in pools(job)
        ),
    )


def _jobset_deletion(job: Job) -> Command:
    words = ("delete", "jobset", job.name, "--ignore-not-found", "--wait")
    return kubectl(job, *words, may_fail=True)


GKE = Backend(
    up=up,
    status=status,
    state=state,
    members=lambda job: (job.name,),
    sync=sync,
    run=run,
    codes=codes,
    logs=logs,
    profile=profile,
    down=down,
    read=read,
)
