"""What a benchmark makes of its measurements: groups, words, a file."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.benchmarks.timing import Measurement, spread


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


Seconds = Mapping[str, Mapping[str, Sequence[float]]]
"""Of one call, by the clock, by the contender, in each round."""

CLOCKS = ("cpu_seconds", "wall_seconds")


def seconds_of(of: Mapping[str, Sequence[Measurement]]) -> Seconds:
    """What a unit of work took, by each clock."""
    return {
        clock: {
            name: [getattr(one, clock) / one.units for one in rounds]
            for name, rounds in of.items()
        }
        for clock in CLOCKS
    }


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """How often ours go into theirs, round by round.

    Example:
      >>> ratio([3.0, 8.0], [1.0, 4.0])
      {'median': 2.5, 'lowest': 2.0, 'highest': 3.0}
    """
    return spread(a / b for a, b in zip(theirs, ours, strict=True))._asdict()


def side(
    seconds: Seconds, name: str, limit: Sequence[float], flops: int
) -> dict[str, Any]:
    """A contender's seconds, and its share of the machine's limit in each round."""
    return {
        **{clock: spread(seconds[clock][name])._asdict() for clock in CLOCKS},
        "share_of_limit": spread(
            flops / took / rate
            for took, rate in zip(seconds["cpu_seconds"][name], limit, strict=True)
        )._asdict(),
    }


def milliseconds_text(seconds: Mapping[str, float]) -> str:
    """A spread of seconds, in thousandths: three digits, or all where there are more.

    Example:
      >>> milliseconds_text({"median": 1.5, "lowest": 1.25, "highest": 2.0})
      '1,500 (1,250 to 2,000)'
    """
    thousandths = {which: 1e3 * value for which, value in seconds.items()}
    return spread_text(thousandths, ",.0f" if thousandths["median"] >= 100 else ".3g")


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
