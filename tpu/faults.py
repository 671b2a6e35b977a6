"""What can happen to a run: by a word, a step, and sometimes a process."""

import os
import random
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tpu.runs_below import latest, runs_below
from tpu.stalling import STALL

ELASTIC = ("fewer", "more")
"""After these the run goes on upon another mesh."""

SMALL = 64
"""Bytes to which files may still grow when a disk is full."""


class Fault(NamedTuple):
    """One thing that happens.

    Attributes:
      kind: one of ``KINDS``.
      step: once the record has told it.
      process: to which; drawn, where it matters and is not said.
    """

    kind: str
    step: int
    process: int | None = None

    def __str__(self) -> str:
        where = "" if self.process is None else f":{self.process}"
        return f"{self.kind}{where}@{self.step}"


KINDS: Mapping[str, str] = {
    "kill": "a process is killed, with no word before",
    "save": "a process is killed while a checkpoint is being written",
    "term": "a process is asked to stop: all save the same step",
    "hang": "a process stands still, and gives no sign",
    "stall": "a process gives signs, and does not go on",
    "full": "the disk is full",
    "cut": "all are killed; a file of the newest checkpoint is cut short",
    "flip": "all are killed; a bit of the newest checkpoint is flipped",
    "fewer": "all are killed, and fewer devices are left",
    "more": "all are killed, and more devices are there",
}


def parsed(text: str) -> Fault:
    """A fault such as ``kill@12`` or ``term:1@20``.

    Raises:
      ValueError: it is none.

    Example:
      >>> parsed("term:1@20")
      Fault(kind='term', step=20, process=1)
    """
    what, _, step = text.partition("@")
    kind, _, process = what.partition(":")
    if kind not in KINDS or not step.isdigit() or not (process or "0").isdigit():
        raise ValueError(
            f"fault {text!r}: expected KIND@STEP or KIND:PROCESS@STEP, where KIND is one "
            f"of {', '.join(KINDS)}"
        )
    return Fault(kind, int(step), int(process) if process else None)


def drawn(rng: random.Random, processes: int, steps: int) -> tuple[Fault, ...]:
    """Some faults of one run, at steps in order, of every kind alike.

    Of four runs one comes to other devices by its last fault, after which no bits can be
    compared.
    """
    count = rng.randint(2, 4)
    kinds = rng.choices([kind for kind in KINDS if kind not in ELASTIC], k=count)
    if rng.random() < 0.25:
        kinds[-1] = rng.choice(ELASTIC)
    at = sorted(rng.sample(range(1, steps - 2), count))
    return tuple(
        Fault(kind, step, rng.randrange(processes))
        for kind, step in zip(kinds, at, strict=True)
    )


def strike(fault: Fault, pids: Sequence[int]) -> None:
    """Lets it happen to running processes; what follows a death is `aftermath`."""
    victim = pids[(fault.process or 0) % len(pids)]
    if fault.kind in ("kill", "save"):
        os.kill(victim, signal.SIGKILL)
    elif fault.kind == "term":
        os.kill(victim, signal.SIGTERM)
    elif fault.kind == "hang":
        os.kill(victim, signal.SIGSTOP)
    elif fault.kind == "stall":
        os.kill(victim, STALL)
    elif fault.kind == "full":
        for pid in pids:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL, hard))
    else:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def aftermath(fault: Fault, folder: Path, rng: random.Random) -> str:
    """What is done to the files once all processes are dead; what was damaged."""
    if fault.kind in DAMAGES:
        return damaged(folder, DAMAGES[fault.kind], rng)
    return ""


def damaged(
    folder: Path, damage: Callable[[Path, random.Random], None], rng: random.Random
) -> str:
    """Damages a file of the newest checkpoint, if another is left to go back to.

    It is one of the run below the folder that was going on.
    """
    run = latest(folder)
    steps = sorted(int(path.name) for path in checkpoints(run)) if run else []
    if not run or len(steps) < 2:
        return ""
    newest = run / "checkpoints" / str(steps[-1])
    files = [
        path
        for path in sorted(newest.rglob("*"))
        if path.is_file() and path.stat().st_size and path.parent != newest
    ]
    file = rng.choice(files)
    damage(file, rng)
    return str(file.relative_to(folder))


def checkpoints(folder: Path) -> list[Path]:
    """Those of a run that are whole."""
    if not (folder / "checkpoints").is_dir():
        return []
    return [path for path in (folder / "checkpoints").iterdir() if path.name.isdigit()]


def saving(folder: Path) -> bool:
    """Whether a checkpoint of a run below a folder is being written."""
    return any(any((run / "checkpoints").glob("*tmp*")) for run in runs_below(folder))


def cut(file: Path, rng: random.Random) -> None:
    os.truncate(file, rng.randrange(file.stat().st_size))


def flip(file: Path, rng: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


DAMAGES: Mapping[str, Callable[[Path, random.Random], None]] = {
    "cut": cut,
    "flip": flip,
}
