"""What the seconds of a run were for, by the JSON lines that it left: offline."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import tyro

from tpu.runs_below import records_below

KINDS = {
    "productive": "steps that were kept",
    "compile": "compiling",
    "save": "waiting for checkpoints to be written",
    "restore": "reading checkpoints",
    "start": "from the start of the program to its first step, else",
    "lost": "steps that were made again",
    "waiting": "between two attempts: for machines, and to be started",
}
"""All seconds from the first start to the last line are one of these."""

LISTENED = {
    "/jax/core/compile/jaxpr_trace_duration": "compile",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "compile",
    "/jax/core/compile/backend_compile_duration": "compile",
    "/jaxgen/save": "save",
    "/jaxgen/restore": "restore",
}


class Event(NamedTuple):
    """Something that ended.

    Attributes:
      end: when, in seconds since 1970.
      kind: ``start`` of an attempt, ``step``, or one of ``KINDS``.
      seconds: that it took.
      step: whose record and which, of a step.
    """

    end: float
    kind: str
    seconds: float = 0.0
    step: tuple[str, int] | None = None


def listen(path: Path, born: float) -> None:
    """Writes a line for each event of this process, if it is the first.

    Args:
      path: of the JSON lines, appended to.
      born: when the process began, in seconds since 1970.
    """
    import jax

    if jax.process_index():
        return
    path.parent.mkdir(parents=True, exist_ok=True)

    def write(kind: str, end: float, seconds: float) -> None:
        line = {"kind": kind, "end": end, "seconds": seconds}
        try:
            with path.open("a") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            print(f"ledger {path}: {error.strerror}", file=sys.stderr)

    def heard(event: str, duration_secs: float, **_: Any) -> None:
        if event in LISTENED:
            write(LISTENED[event], time.time(), duration_secs)

    write("start", born, 0.0)
    jax.monitoring.register_event_duration_secs_listener(heard)


def ledger(events: Iterable[Event]) -> dict[str, float]:
    """Seconds by kind; they sum to those from the first start to the last event.

    A step costs the time since the step before it, less what else ended meanwhile. It
    is lost where a later attempt made it again; so is what followed the last step of an
    attempt that was not the last.

    Raises:
      ValueError: there is no start.

    Example:
      >>> made = [Event(0, "start"), Event(9, "compile", 8), Event(10, "step", 0, ("a", 1))]
      >>> {kind: seconds for kind, seconds in ledger(made).items() if seconds}
      {'compile': 8.0, 'start': 2.0}
    """
    attempts = divided(sorted(events, key=lambda event: event.end))
    found = dict.fromkeys(KINDS, 0.0)
    for index, attempt in enumerate(attempts):
        later = {event.step for other in attempts[index + 1 :] for event in other}
        if index:
            found["waiting"] += attempt[0].end - attempts[index - 1][-1].end
        last = index == len(attempts) - 1
        for kind, seconds in spent(attempt, later, "productive" if last else "lost"):
            found[kind] += seconds
    return found


def divided(events: Sequence[Event]) -> list[list[Event]]:
    """The events of each attempt, its start first."""
    attempts: list[list[Event]] = []
    for event in events:
        if event.kind == "start":
            attempts.append([])
        if attempts:
            attempts[-1].append(event)
    if not attempts:
        raise ValueError("no start in the ledger: was it run by tpu.bootstrap?")
    return attempts


def spent(
    attempt: Sequence[Event], later: set, tail: str
) -> Iterable[tuple[str, float]]:
    """The seconds of one attempt, by kind."""
    since, other, stepped = attempt[0].end, 0.0, False
    for event in attempt[1:]:
        if event.kind != "step":
            known = min(event.seconds, event.end - since - other)
            other += known
            yield event.kind, known
            continue
        rest = event.end - since - other
        if not stepped:
            yield "start", rest
        else:
            yield ("lost" if event.step in later else "productive"), rest
        since, other, stepped = event.end, 0.0, True
    yield (tail if stepped else "start"), attempt[-1].end - since - other


def events_of(path: Path, folder: Path) -> list[Event]:
    """The events of a ledger, and the steps of all records below a folder.

    Raises:
      ValueError: there is no such ledger.
    """
    if not path.is_file():
        raise ValueError(
            f"no ledger {path}: a program started by tpu.bootstrap leaves one; --lines "
            "names another"
        )
    found = [
        Event(line["end"], line["kind"], line["seconds"]) for line in json_lines(path)
    ]
    for record in records_below(folder):
        found += [
            Event(line["wall_time"], "step", 0.0, (str(record), line["step"]))
            for line in json_lines(record)
            if "wall_time" in line
        ]
    return found


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file, those that were cut short left out."""
    found = []
    for text in path.read_bytes().splitlines():
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    return found


def table(found: dict[str, float]) -> str:
    """Seconds and shares for people."""
    whole = sum(found.values()) or 1.0
    return "\n".join(
        f"{kind:11}{seconds:10.1f} s {seconds / whole:6.1%}   {KINDS[kind]}"
        for kind, seconds in found.items()
    )


@dataclass(frozen=True)
class Ledger:
    """Whose seconds.

    Attributes:
      folder: with the records, and ``ledger.jsonl`` there or named by ``--lines``.
      lines: the JSON lines that ``tpu.bootstrap`` left.
    """

    folder: Annotated[Path, tyro.conf.Positional] = Path("runs")
    lines: Path | None = None


def main(arguments: Sequence[str]) -> int:
    """Prints what the seconds of a run were for."""
    wish = tyro.cli(Ledger, args=list(arguments), prog="python -m tpu ledger")
    try:
        lines = wish.lines or wish.folder / "ledger.jsonl"
        print(table(ledger(events_of(lines, wish.folder))))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
