"""Jobs that are written down, for verbs that are told a name alone, and their lives."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tpu.backends.backend import here
from tpu.job import Job
from tpu.supervisor import LEFT, Life

LIMITS = frozenset(
    (
        *("max_hours", "max_usd", "max_wait_hours", "prices"),
        *("preemptions", "failures", "patience", "heartbeat"),
    )
)
"""What may change of a job while it lives."""


def keep(job: Job) -> Life:
    """Writes the job down; returns its life so far.

    Raises:
      ValueError: another job of that name is not over.
    """
    file, life = here(job) / "job.json", life_of(job.name)
    if is_over(life):
        (here(job) / "life.json").unlink(missing_ok=True)
        life = Life()
    elif file.exists():
        require_same(job, kept(job.name))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(job), indent=2, default=str) + "\n")
    return life._replace(last="look", silences=0, deletions=0)


def require_same(ours: Job, theirs: Job) -> None:
    """Raises:
    ValueError: jobs that differ by more than by their limits.
    """
    apart = [
        f"{field.name}: {getattr(theirs, field.name)!r} there, "
        f"{getattr(ours, field.name)!r} here"
        for field in fields(Job)
        if field.name not in LIMITS
        and getattr(theirs, field.name) != getattr(ours, field.name)
    ]
    if apart:
        raise ValueError(
            f"name={ours.name!r} is that of another job, which may have machines "
            f"({'; '.join(apart)}): give --name, or delete those first, with "
            f"`python -m tpu down {ours.name} --yes`"
        )


def life_of(name: str) -> Life:
    """What the last client remembered of a job; nothing, if none did."""
    try:
        found = json.loads((here(Job(name, ())) / "life.json").read_text())
    except FileNotFoundError:
        return Life()
    return Life(**found)


def is_over(life: Life) -> bool:
    """Whether a life has ended, and left no machines."""
    return life.last == "over" and LEFT not in life.outcome


def end(job: Job) -> None:
    """Writes down that nothing of a job is left."""
    life = life_of(job.name)._replace(last="over", outcome="deleted")
    (here(job) / "life.json").write_text(json.dumps(life._asdict()) + "\n")


def kept(name: str) -> Job:
    """The job of a name.

    Raises:
      ValueError: there is none.
    """
    file = here(Job(name, ())) / "job.json"
    try:
        found = json.loads(file.read_text())
    except FileNotFoundError:
        raise ValueError(
            f"no job {name!r} in {file.parent.parent}: `launch` or `up` makes one, with "
            "--yes"
        ) from None
    names = {field.name for field in fields(Job)}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in found.items()
        if key in names
    }
    if found.get("prices"):
        values["prices"] = Path(found["prices"])
    return Job(**values)
