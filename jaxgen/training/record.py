"""The record of a run: one JSON line a step, appended, never rewritten."""

import json
import math
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen.arrays import PyTree


class Record:
    """An open record, one line for each step that is told.

    A line holds ``step``, the values, and ``wall_time`` (seconds since 1970, the only
    field that differs between two runs of the same program). Numbers that JSON lacks
    become null. A line that a crash cut short is ended before the next one.

    Args:
      path: of the JSON lines.
      tensorboard: folder for TensorBoard event files of the scalars, if wished; needs
        the extra ``tensorboard``.

    Raises:
      OSError: the file cannot be opened or written.
    """

    def __init__(self, path: Path, tensorboard: Path | None = None):
        self.file = open(path, "ab+", buffering=0)  # noqa: SIM115
        if _cut_short(path):
            self.file.write(b"\n")
        self.regular = path.is_file()
        self.events = _event_writer(tensorboard) if tensorboard else None

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        if self.events:
            self.events.close()

    def write(self, step: int, values: dict[str, Any]) -> None:
        """Appends the line of a step; it is on disk when this returns."""
        line = {"step": step, **json_ready(values), "wall_time": time.time()}
        text = json.dumps(line, allow_nan=False) + "\n"
        try:
            rest = text.encode()
            while rest:  # a full disk takes a part without a word
                rest = rest[self.file.write(rest) :]
            if self.regular:  # not so for processes that tell nobody
                os.fsync(self.file.fileno())
        except OSError as error:
            raise OSError(
                error.errno,
                f"the record cannot be written: {error.strerror}. Make room and give "
                "the same command again",
                self.file.name,
            ) from error
        if self.events:
            for name, value in _scalars(values):
                self.events.add_scalar(name, value, step)


def recorded(path: Path) -> list[dict[str, Any]]:
    """The lines of a record in order of step, the last one told of each step.

    A resumed run tells the steps again that followed its checkpoint. Lines that a
    crash cut short are left out, with a warning.

    Raises:
      FileNotFoundError: there is no record.
    """
    lines, damaged = {}, 0
    for text in path.read_bytes().splitlines():
        try:
            line = json.loads(text)
            lines[int(line["step"])] = line
        except (ValueError, KeyError, TypeError):
            damaged += 1
    if damaged:
        warnings.warn(
            f"{path}: {damaged} line(s) were cut short and are left out", stacklevel=2
        )
    return [lines[step] for step in sorted(lines)]


def json_ready(tree: PyTree) -> Any:
    """Arrays as nested lists, with null for what JSON cannot say.

    Example:
      >>> json_ready({"loss": np.array([0.1, np.nan], np.float32)})
      {'loss': [0.1, None]}
    """
    if isinstance(tree, dict):
        return {str(name): json_ready(value) for name, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [json_ready(value) for value in tree]
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else None
    if tree is None or isinstance(tree, (str, bool, int)):
        return tree
    return json_ready(_shortest(np.asarray(tree)).tolist())


def _shortest(array: np.ndarray) -> np.ndarray:
    narrow = array.dtype.name in ("float32", "float16", "bfloat16")
    return array.astype(np.float32).astype(str).astype(np.float64) if narrow else array


def _scalars(values: dict[str, Any]):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}/{key}", leaf) for key, leaf in _scalars(value))
        elif np.asarray(value).dtype.kind in "biufV" and np.ndim(value) < 2:
            rows = enumerate(np.ravel(value).astype(np.float64))
            flat = np.ndim(value) == 0
            yield from ((name if flat else f"{name}/{row}", one) for row, one in rows)


def _cut_short(path: Path) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        if not file.tell():
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _event_writer(folder: Path):
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "TensorBoard events need tensorboardX: pip install 'jaxgen[tensorboard]'"
        ) from error
    return SummaryWriter(str(folder))
