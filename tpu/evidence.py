"""What a run leaves behind, without its clock; and whether two have left the same."""

import json
import math
from pathlib import Path
from typing import Any

from tpu.runs_below import records_below

TOLERANCE = 1e-4
"""Difference of numbers computed on other meshes, relative and absolute."""

UNLIKE = frozenset({"wall_time", "seconds", "versions", "out"})
"""What differs between two runs of the same program: its clock, devices, place."""

LEFT = ("final.json", "results.json")
"""What a program may leave beside its records."""


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
    if not expected:
        return f"nothing was left: expected {', '.join(LEFT)}, or records"
    for name, value in expected.items():
        if exact and value != found[name]:
            return f"{name} differs"
        if not exact and not close(value, found[name]):
            return f"{name} differs by more than {TOLERANCE}"
    return ""


def contradiction(whole: dict[str, Any], part: dict[str, Any]) -> str:
    """The first thing told by a run under way that the whole does not tell alike."""
    for name, value in part.items():
        if whole.get(name) != value:
            return f"{name} differs"
    return ""


def evidence(folder: Path) -> dict[str, Any]:
    """What a run told: every step once, and what it left."""
    from jaxgen.training.record import recorded

    found: dict[str, Any] = {}
    for path in records_below(folder):
        for line in recorded(path):
            name = f"{path.relative_to(folder)} step {line['step']}"
            found[name] = timeless(line)
    for path in sorted(one for name in LEFT for one in folder.rglob(name)):
        told = json.loads(path.read_text())
        found[str(path.relative_to(folder))] = timeless(told)
    return found


def timeless(value: Any) -> Any:
    """A value without what `UNLIKE` names, however deep.

    Example:
      >>> timeless({"loss": 1.0, "rows": [{"step": 3, "wall_time": 1.7e9}]})
      {'loss': 1.0, 'rows': [{'step': 3}]}
    """
    if isinstance(value, dict):
        return {
            name: timeless(one) for name, one in value.items() if name not in UNLIKE
        }
    return [timeless(one) for one in value] if isinstance(value, list) else value


def close(expected: Any, found: Any) -> bool:
    """Whether two values are of the same form, and their numbers near; bits left out.

    Example:
      >>> close({"loss": [1.0, None]}, {"loss": [1.00001, None]}), close([1.0], [1.1])
      (True, False)
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(
            close(value, found[name])
            for name, value in expected.items()
            if name != "bits"
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(close, expected, found))
    if isinstance(expected, float | int) and isinstance(found, float | int):
        return math.isclose(expected, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return expected == found
