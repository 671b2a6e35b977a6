"""Jobs that are written down, for verbs that are told a name alone."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tpu.backends.backend import here
from tpu.job import Job


def keep(job: Job) -> None:
    """Writes the job down."""
    file = here(job) / "job.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(job), indent=2, default=str) + "\n")


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
