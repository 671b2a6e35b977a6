"""The runs below a folder, found without a look into their checkpoints."""

import json
import os
from functools import lru_cache
from pathlib import Path

UNENTERED = ("checkpoints", "unreadable", "events", "compiled", "profile")
"""Folders with many files, and without records."""

RECORD = "record.jsonl"


def runs_below(folder: Path) -> list[Path]:
    """Folders that hold a record or checkpoints, in order.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> for name in ("a/checkpoints/9", "b/c"): (folder / name).mkdir(parents=True)
      >>> (folder / "b/c/record.jsonl").touch()
      >>> [str(run.relative_to(folder)) for run in runs_below(folder)]
      ['a', 'b/c']
    """
    found = []
    for place, folders, files in os.walk(folder):
        if RECORD in files or "checkpoints" in folders:
            found.append(Path(place))
        folders[:] = [name for name in folders if name not in UNENTERED]
    return sorted(found)


def records_below(folder: Path) -> list[Path]:
    """The records of those runs."""
    return [run / RECORD for run in runs_below(folder) if (run / RECORD).is_file()]


def latest(folder: Path) -> Path | None:
    """The run below a folder whose record was written last."""
    records = records_below(folder)
    return max(records, key=written).parent if records else None


def written(path: Path) -> int:
    """When a file was written last, in nanoseconds; 0 where it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def last_step(record: Path) -> int:
    """The highest step that a record tells."""
    return _last_step(record, record.stat().st_size)


@lru_cache(maxsize=4096)
def _last_step(record: Path, size: int) -> int:
    steps = [0]
    for line in record.read_bytes().splitlines():
        try:
            steps.append(json.loads(line)["step"])
        except (ValueError, KeyError):
            continue
    return max(steps)
