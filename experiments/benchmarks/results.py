"""What a benchmark makes of its measurements: groups, words, a file."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.benchmarks.timing import Measurement


def require_positive(settings: Any, *names: str) -> None:
    """Raises:
    ValueError: naming the first of these settings that is not above 0.
    """
    for name in names:
        if getattr(settings, name) <= 0:
            raise ValueError(
                f"--{name} {getattr(settings, name)}: expected more than 0"
            )


def load_at_start(say: Callable[[str], None]) -> float:
    """What the machine has to do already, with a word about it if it is much."""
    load = os.getloadavg()[0]
    if load > 0.5:
        say(f"load {load:.1f} before the start: other programs will blur the numbers")
    return load


def by_contender(
    measurements: Sequence[Measurement],
) -> dict[str, list[Measurement]]:
    """The rounds of each contender, in order."""
    of: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        of.setdefault(measurement.contender, []).append(measurement)
    return of


def spread_text(of: Mapping[str, float], form: str) -> str:
    """A median, and in brackets the least and the largest.

    Example:
      >>> spread_text({"median": 2.0, "lowest": 1.0, "highest": 3.0}, ".0f")
      '2 (1 to 3)'
    """
    return f"{of['median']:{form}} ({of['lowest']:{form}} to {of['highest']:{form}})"


def written(out: Path, found: Mapping[str, Any], table: str) -> str:
    """Writes every measurement, and says where, below the table."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1))
    return f"{table}\n\nevery measurement: {out}"
