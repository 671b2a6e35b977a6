"""``python -m tpu try``: a run that is killed, stopped and damaged, and ends the same."""

import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import tyro

from tpu.cluster import PATIENCE, Cluster
from tpu.exit_codes import PREEMPTED, verdict
from tpu.faults import (
    DAMAGES,
    KINDS,
    Fault,
    aftermath,
    checkpoints,
    drawn,
    parsed,
    saving,
    strike,
)

EXPECTED = {
    "kill": "lost",
    "save": "lost",
    "term": "lost",
    "hang": "lost",
    "stall": "lost",
    "full": "fault",
    "cut": "lost",
    "flip": "lost",
    "fewer": "lost",
    "more": "lost",
}
"""What the exit codes say after each fault."""

LATE = "too late to strike"
"""Of a fault whose moment never came."""

LIMIT = 240.0
"""Seconds of one attempt."""

TOLERANCE = 1e-4
"""Relative difference of numbers computed on other meshes."""


@dataclass(frozen=True)
class Try:
    """What is tried.

    Attributes:
      module: the program, which takes ``--out FOLDER``; it leaves ``record.jsonl`` and
        ``checkpoints`` there, directly or further below.
      arguments: more of its arguments, such as a preset.
      processes: as many as hosts.
      devices: of each.
      chaos: faults, such as ``kill@12,term:1@20``; see ``tpu.faults``.
      random: instead, so many faults drawn, over as many runs as they need.
      seed: of what is drawn.
    """

    module: Annotated[str, tyro.conf.Positional] = "tpu.rehearsal"
    arguments: tuple[str, ...] = ()
    processes: int = 2
    devices: int = 1
    chaos: str = "kill@12,term@24"
    random: int = 0
    seed: int = 0


class Struck(NamedTuple):
    """What came of a fault.

    Attributes:
      fault: which.
      codes: of the processes.
      damaged: the file that was, if one was.
      wrong: what was not as it must be; empty if nothing.
      late: whether the run was over before, or there was nothing to damage.
    """

    fault: Fault
    codes: tuple[int, ...]
    damaged: str
    wrong: str
    late: bool

    @property
    def outcome(self) -> str:
        """Which column of the tally it belongs to."""
        if self.wrong:
            return "WRONG"
        return LATE if self.late else "as it must be"


def main(arguments: Sequence[str]) -> int:
    """Tries; returns 0 where every run survived and ended the same."""
    wish = tyro.cli(Try, args=list(arguments), prog="python -m tpu try")
    try:
        plans = planned(wish)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with tempfile.TemporaryDirectory(prefix="chaos-") as place:
            return tried(wish, plans, Path(place))
    finally:
        signal.signal(signal.SIGTERM, before)


def planned(wish: Try) -> list[tuple[Fault, ...]]:
    """The faults of each run."""
    if not wish.random:
        faults = [parsed(text) for text in wish.chaos.split(",") if text]
        return [tuple(sorted(faults, key=lambda fault: fault.step))]
    rng, plans = random.Random(wish.seed), []
    while sum(map(len, plans)) < wish.random:
        plans.append(drawn(rng, wish.processes, steps=40))
    return plans


def tried(wish: Try, plans: list[tuple[Fault, ...]], place: Path) -> int:
    start = time.monotonic()
    undisturbed = place / "undisturbed"
    survived(wish, undisturbed, (), random.Random(0))
    print(f"undisturbed: {time.monotonic() - start:.0f} s")
    tally: Counter[tuple[str, str]] = Counter()
    wrongs = []
    for number, faults in enumerate(plans):
        folder = place / f"run-{number}"
        struck = survived(wish, folder, faults, random.Random(wish.seed + number))
        exact = not any(fault.kind in ("fewer", "more") for fault in faults)
        difference = compared(undisturbed, folder, exact)
        for one in struck:
            tally[one.fault.kind, one.outcome] += 1
            wrongs += [f"run {number}, {one.fault}: {one.wrong}"] if one.wrong else []
        wrongs += [f"run {number}: {difference}"] if difference else []
        print(f"run {number}: {difference or 'the same result'}", flush=True)
        if difference:
            print((folder / "log").read_text()[-4000:])
    if any(plans) and not any(outcome != LATE for _, outcome in tally):
        wrongs.append("no fault has struck: give earlier steps")
    print(table(tally), *wrongs, sep="\n")
    return 1 if wrongs else 0


def survived(
    wish: Try, folder: Path, faults: Sequence[Fault], rng: random.Random
) -> list[Struck]:
    """Runs to the end, however often it is struck."""
    out = folder / "run"
    command = ("-m", wish.module, *wish.arguments, "--out", str(out))
    processes, devices, found = wish.processes, wish.devices, []
    for fault in (*faults, None):
        with Cluster(command, folder, processes, devices) as cluster:
            struck = bool(fault and awaited(fault, cluster, out))
            if fault and struck:
                strike(fault, cluster.pids, out)
            codes = cluster.codes(LIMIT + PATIENCE)
        if any(codes) and not struck:
            log = (folder / "log").read_text()[-6000:]
            raise RuntimeError(f"exit codes {codes} without a fault:\n{log}")
        if fault:
            found.append(after(fault, codes, struck, out, rng))
            print(folder.name, fault, "->", codes, found[-1].damaged, flush=True)
        if fault and struck:
            processes, devices = remaining(fault, processes, devices)
    return found


def after(
    fault: Fault, codes: tuple[int, ...], struck: bool, out: Path, rng: random.Random
) -> Struck:
    """What came of a fault, and what is damaged now, if it is one that damages."""
    late = not struck or set(codes) == {0}
    harm = "" if late else aftermath(fault, out, rng)
    wrong = "" if late else complaint(fault, codes, out)
    return Struck(
        fault, codes, harm, wrong, late or (fault.kind in DAMAGES and not harm)
    )


def awaited(fault: Fault, cluster: Cluster, folder: Path) -> bool:
    """Waits for the moment of a fault; whether it came before the run's end."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and cluster.running():
        if told(folder) >= fault.step and (fault.kind != "save" or saving(folder)):
            return True
        time.sleep(0.002)
    return False


def told(folder: Path) -> int:
    """The last step that any record tells."""
    steps = [0]
    for path in folder.rglob("record.jsonl"):
        for line in path.read_bytes().splitlines()[-2:]:
            try:
                steps.append(json.loads(line)["step"])
            except (ValueError, KeyError):
                continue
    return max(steps)


def complaint(fault: Fault, codes: tuple[int, ...], folder: Path) -> str:
    """What is not as it must be after a fault."""
    said = verdict(codes)
    if said != EXPECTED[fault.kind]:
        return f"exit codes {codes} mean {said!r}, expected {EXPECTED[fault.kind]!r}"
    if fault.kind == "term" and set(codes) != {PREEMPTED}:
        return f"exit codes {codes}: expected that all saved and stopped"
    if fault.kind == "term" and (folder / "record.jsonl").exists():
        newest = max((int(path.name) for path in checkpoints(folder)), default=0)
        if newest != told(folder):
            return f"saved step {newest}, and the record tells {told(folder)}"
    return ""


def remaining(fault: Fault, processes: int, devices: int) -> tuple[int, int]:
    """Processes and devices of each after a fault."""
    if fault.kind == "fewer":
        return (processes // 2, devices) if processes > 1 else (1, max(devices // 2, 1))
    return (processes, devices * 2) if fault.kind == "more" else (processes, devices)


def compared(there: Path, here: Path, exact: bool) -> str:
    """The first difference between two runs; empty where there is none.

    Args:
      there: folder of the undisturbed run.
      here: of the other.
      exact: whether to the bit, or to float tolerance, bits left out.
    """
    expected, found = evidence(there), evidence(here)
    if expected.keys() != found.keys():
        return f"other files: {sorted(expected.keys() ^ found.keys())}"
    for name, value in expected.items():
        if exact and value != found[name]:
            return f"{name} differs"
        if not exact and not close(value, found[name]):
            return f"{name} differs by more than {TOLERANCE}"
    return ""


def evidence(folder: Path) -> dict[str, Any]:
    """What a run told, without its clock: every step once, and what it left."""
    from jaxgen.training.record import recorded

    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("record.jsonl")):
        for line in recorded(path):
            line.pop("wall_time")
            found[f"{path.relative_to(folder)} step {line['step']}"] = line
    for path in folder.rglob("final.json"):
        found[str(path.relative_to(folder))] = json.loads(path.read_text())
    return found


def close(expected: Any, found: Any) -> bool:
    if isinstance(expected, dict):
        names = expected.keys() - {"bits"}
        return all(close(expected[name], found[name]) for name in names)
    there, here = np.asarray(expected, float), np.asarray(found, float)
    return np.allclose(there, here, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def table(tally: Counter[tuple[str, str]]) -> str:
    """The faults that struck, by kind."""
    kinds = [kind for kind in KINDS if any(kind == key for key, _ in tally)]
    lines = []
    for kind in kinds:
        well = tally[kind, "as it must be"]
        told = "".join(
            f", {tally[kind, word]} {word}"
            for word in ("WRONG", LATE)
            if tally[kind, word]
        )
        lines.append(f"{kind:6}{well:4} as it must be{told}   ({KINDS[kind]})")
    return "\n".join((f"{sum(tally.values())} faults", *lines))
