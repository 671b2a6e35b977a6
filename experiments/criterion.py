"""The parts of a claim, each with the interval that decides it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxgen.report.page import interval_text
from jaxgen.stats.intervals import Interval
from jaxgen.stats.verdict import Verdict, all_of


class Criterion(NamedTuple):
    """One part of a claim, and what was found of it.

    Attributes:
      sentence: what must hold.
      interval: of the quantity it speaks of.
      unit: of that quantity.
      verdict: whether it does.
    """

    sentence: str
    interval: Interval
    unit: str
    verdict: Verdict


def overall(found: Sequence[Criterion]) -> Verdict:
    """The verdict on the claim: all parts together."""
    verdicts: list[Verdict] = [part.verdict for part in found]
    return all_of(*verdicts)


def criterion_text(part: Criterion) -> str:
    """A part of the claim, and what was measured of it.

    Example:
      >>> criterion_text(Criterion("It grows.", Interval(1, 2, 3), "a step", "supported"))
      'It grows. Measured: 2.00 [1.00, 3.00] a step.'
    """
    measured = interval_text(part.interval, "z.2f")
    return f"{part.sentence} Measured: {measured} {part.unit}."


def criterion_row(part: Criterion) -> dict[str, Any]:
    """The same, as JSON could hold it."""
    return {**part._asdict(), "interval": part.interval._asdict()}
