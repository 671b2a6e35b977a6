"""``python -m tpu try``: a run that is killed, stopped and damaged, and ends the same."""

import difflib
import importlib.util
import pkgutil
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import tyro

from tpu.cluster import Cluster
from tpu.evidence import compared, contradiction, evidence
from tpu.exit_codes import PREEMPTED, verdict
from tpu.faults import (
    DAMAGES,
    ELASTIC,
    KINDS,
    Fault,
    aftermath,
    checkpoints,
    drawn,
    parsed,
    saving,
    strike,
)
from tpu.runs_below import last_step, latest, records_below

EXPECTED = dict.fromkeys(KINDS, "lost") | {"full": "fault"}
"""What the exit codes say after each fault."""

LATE, UNHARMED = "too late to strike", "with nothing to damage"
"""Of a fault whose moment never came; that found one checkpoint, or none."""

LIMIT = 240.0
"""Seconds of one attempt."""


@dataclass(frozen=True)
class Try:
    """What is tried; arguments of the program, such as a preset, stand behind ``--``.

    Attributes:
      module: the program, which takes ``--out FOLDER``; it leaves ``record.jsonl`` and
        ``checkpoints`` there, directly or further below.
      arguments: more of its arguments.
      processes: as many as hosts.
      devices: of each.
      chaos: faults, such as ``kill@12,term:1@20``: what, to which process, once the
        records tell so many steps, those of all runs together; see ``tpu.faults``.
      random: instead, so many faults drawn, over as many runs as they need.
      seed: of what is drawn.
      limit: seconds of one attempt.
      patience: seconds without a line in a record after which it counts as hung; more
        than the longest compilation takes here.
    """

    module: Annotated[str, tyro.conf.Positional] = "tpu.rehearsal"
    arguments: tyro.conf.Suppress[tuple[str, ...]] = ()
    processes: int = 2
    devices: int = 1
    chaos: str = "kill@12,term@24"
    random: int = 0
    seed: int = 0
    limit: float = LIMIT
    patience: float = 45.0


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
        if not self.late:
            return "as it must be"
        return UNHARMED if any(self.codes) else LATE


class Unwell(Exception):
    """The program ended badly, and nothing had been done to it."""


def main(arguments: Sequence[str]) -> int:
    """Tries; returns 0 where every run survived and ended the same, else 1.

    What cannot be tried is refused with 2.
    """
    place = list(arguments).index("--") if "--" in arguments else len(arguments)
    options, rest = list(arguments[:place]), tuple(arguments[place + 1 :])
    wish = tyro.cli(Try, args=options, prog="python -m tpu try")
    wish = replace(wish, arguments=rest)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        require_possible(wish)
        plans = planned(wish)
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            return tried(wish, plans, Path(folder))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Unwell as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)


def require_possible(wish: Try) -> None:
    """Raises:
    ValueError: a number is not positive, or there is no such program.
    """
    for name, least in (("processes", 1), ("devices", 1), ("random", 0)):
        if not getattr(wish, name) >= least:
            raise ValueError(
                f"--{name} {getattr(wish, name)}: expected {least} or more"
            )
    for name in ("limit", "patience"):
        if not getattr(wish, name) > 0:
            raise ValueError(f"--{name} {getattr(wish, name)}: expected more than 0")
    if not found(wish.module):
        raise ValueError(f"module {wish.module!r} is unknown{near(wish.module)}")


def found(module: str) -> bool:
    """Whether there is a module of that name."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def near(module: str) -> str:
    """A hint at what was meant, if it is one of the experiments.

    Example:
      >>> near("experiments.mode_colapse")
      '; did you mean experiments.mode_collapse?'
    """
    import experiments

    there = pkgutil.iter_modules(experiments.__path__, "experiments.")
    known = [one.name for one in there]
    close = difflib.get_close_matches(module, [*known, "tpu.rehearsal"], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def planned(wish: Try) -> list[tuple[Fault, ...]]:
    """The faults of each run.

    Raises:
      ValueError: one is none, or of a process that is not there.
    """
    if not wish.random:
        faults = [parsed(text) for text in wish.chaos.split(",") if text]
        for fault in faults:
            if (fault.process or 0) >= wish.processes:
                raise ValueError(
                    f"fault {fault}: expected a process below {wish.processes}"
                )
        return [tuple(sorted(faults, key=lambda fault: fault.step))]
    rng, plans = random.Random(wish.seed), []
    while sum(map(len, plans)) < wish.random:
        plans.append(drawn(rng, wish.processes, steps=40))
    return plans


def tried(wish: Try, plans: list[tuple[Fault, ...]], place: Path) -> int:
    """Runs undisturbed, then by each plan; tells of both, and of what differs.

    Raises:
      Unwell: the program fails without a fault.
      ValueError: a fault is to strike after the end.
    """
    start = time.monotonic()
    undisturbed = place / "undisturbed"
    survived(wish, undisturbed, (), random.Random(0), {})
    print(f"undisturbed: {time.monotonic() - start:.0f} s", flush=True)
    require_within(plans, told(undisturbed))
    whole = evidence(undisturbed)
    tally: Counter[tuple[str, str]] = Counter()
    wrongs = []
    for number, faults in enumerate(plans):
        folder = place / f"run-{number}"
        struck = survived(
            wish, folder, faults, random.Random(wish.seed + number), whole
        )
        exact = not any(fault.kind in ELASTIC for fault in faults)
        difference = compared(undisturbed, folder, exact)
        for one in struck:
            tally[one.fault.kind, one.outcome] += 1
            wrongs += [f"run {number}, {one.fault}: {one.wrong}"] if one.wrong else []
        wrongs += [f"run {number}: {difference}"] if difference else []
        print(f"run {number}: {difference or 'the same result'}", flush=True)
        if difference or any(one.wrong for one in struck):
            print((folder / "log").read_text()[-6000:], flush=True)
    if any(plans) and not any(outcome not in (LATE, UNHARMED) for _, outcome in tally):
        wrongs.append("no fault has struck: give earlier steps")
    print(table(tally), *wrongs, sep="\n")
    return 1 if wrongs else 0


def require_within(plans: Sequence[Sequence[Fault]], steps: int) -> None:
    """Raises:
    ValueError: a fault is to strike after the last step.
    """
    for fault in (fault for faults in plans for fault in faults):
        if fault.step > steps:
            raise ValueError(
                f"fault {fault}: the records end at {steps} steps; give an earlier one"
            )


def survived(
    wish: Try,
    folder: Path,
    faults: Sequence[Fault],
    rng: random.Random,
    whole: dict[str, Any],
) -> list[Struck]:
    """Runs to the end, however often it is struck.

    Args:
      wish: of whom.
      folder: of the run.
      faults: at steps in order.
      rng: of what is damaged.
      whole: evidence of the undisturbed run, with which all that is told before the first
        change of devices must agree to the bit.

    Raises:
      Unwell: it fails without a fault.
    """
    out = folder / "run"
    command = ("-m", wish.module, *wish.arguments, "--out", str(out))
    processes, devices, came = wish.processes, wish.devices, []
    for fault in (*faults, None):
        with Cluster(command, folder, processes, devices, wish.patience) as cluster:
            struck = bool(fault and awaited(fault, cluster, out, wish.limit))
            if fault and struck:
                strike(fault, cluster.pids)
            codes = cluster.codes(wish.limit + wish.patience)
        if any(codes) and not struck:
            log = (folder / "log").read_text()[-3000:]
            raise Unwell(f"exit codes {codes} without a fault; it told last:\n{log}")
        if fault:
            came.append(after(fault, codes, struck, out, rng))
            print(folder.name, fault, "->", codes, came[-1].damaged, flush=True)
        if fault and struck and fault.kind in ELASTIC:
            if (processes, devices) == (wish.processes, wish.devices):
                came[-1] = agreeing(came[-1], whole, evidence(folder))
            processes, devices = remaining(fault, processes, devices)
    return came


def agreeing(struck: Struck, whole: dict[str, Any], part: dict[str, Any]) -> Struck:
    """The same, wrong where what was told up to then was."""
    return struck._replace(wrong=struck.wrong or contradiction(whole, part))


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


def awaited(fault: Fault, cluster: Cluster, folder: Path, limit: float) -> bool:
    """Waits for the moment of a fault; whether it came before the run's end."""
    end = time.monotonic() + limit
    while time.monotonic() < end and cluster.running():
        if told(folder) >= fault.step and (fault.kind != "save" or saving(folder)):
            return True
        time.sleep(0.002)
    return False


def told(folder: Path) -> int:
    """Steps that the records tell, of all runs below a folder together."""
    return sum(map(last_step, records_below(folder)))


def complaint(fault: Fault, codes: tuple[int, ...], folder: Path) -> str:
    """What is not as it must be after a fault."""
    said = verdict(codes)
    if said != EXPECTED[fault.kind]:
        return f"exit codes {codes} mean {said!r}, expected {EXPECTED[fault.kind]!r}"
    if fault.kind == "term" and set(codes) != {PREEMPTED}:
        return f"exit codes {codes}: expected that all saved and stopped"
    run = latest(folder)
    if fault.kind == "term" and run:
        newest = max((int(path.name) for path in checkpoints(run)), default=-1)
        last = last_step(run / "record.jsonl")
        if newest != last:
            return f"{run}: saved step {newest}, and the record tells {last}"
    return ""


def remaining(fault: Fault, processes: int, devices: int) -> tuple[int, int]:
    """Processes and devices of each after a fault."""
    if fault.kind == "fewer":
        return (processes // 2, devices) if processes > 1 else (1, max(devices // 2, 1))
    return (processes, devices * 2) if fault.kind == "more" else (processes, devices)


def table(tally: Counter[tuple[str, str]]) -> str:
    """The faults that struck, by kind."""
    kinds = [kind for kind in KINDS if any(kind == key for key, _ in tally)]
    lines = []
    for kind in kinds:
        well = tally[kind, "as it must be"]
        told = "".join(
            f", {tally[kind, word]} {word}"
            for word in ("WRONG", LATE, UNHARMED)
            if tally[kind, word]
        )
        lines.append(f"{kind:6}{well:4} as it must be{told}   ({KINDS[kind]})")
    return "\n".join((f"{sum(tally.values())} faults", *lines))
