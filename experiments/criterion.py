"""The parts of a claim, each with the interval that decides it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.intervals import Interval
from jaxgen.stats.verdict import Verdict, all_of


class Criterion(NamedTuple):
    """One part of a claim, and what was found of it.

    Attributes:
      sentence: what must hold.
      interval: of the quantity it speaks of.
      unit: of that quantity; empty where it has none.
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
    return f"{part.sentence} Measured: {measured_text(part)}."


def measured_text(part: Criterion) -> str:
    """The interval with its unit."""
    return f"{interval_text(part.interval, 'z.2f')} {part.unit}".strip()


def criteria_table(found: Sequence[Criterion], caption: str) -> Fragment:
    """Many parts of a claim: what must hold, what was measured, whether it does."""
    rows = [
        (
            part.sentence,
            f"{interval_text(part.interval, 'z.2f')} {part.unit}",
            part.verdict,
        )
        for part in found
    ]
    return table(("what must hold", "measured", "verdict"), rows, caption)


def criterion_row(part: Criterion) -> dict[str, Any]:
    """The same, as JSON could hold it."""
    return {**part._asdict(), "interval": part.interval._asdict()}
