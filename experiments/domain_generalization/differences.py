"""Differences of several arms from one, over the domains that were left out."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np

from jaxgen.arrays import Float
from jaxgen.report.page import interval_text
from jaxgen.stats.holm import holm
from jaxgen.stats.intervals import paired_difference
from jaxgen.stats.student import Found, equivalent, found
from jaxgen.stats.verdict import Verdict

MARGIN = 0.02
"""Threshold: bits per byte that count as nothing."""

Name = TypeVar("Name", bound=str)


class Difference(NamedTuple):
    """One arm less another, over the domains left out.

    Attributes:
      told: the mean, and what would have been found.
      p_value: of a sign-flip test, corrected for the number of arms.
      equal: whether they are equal but for `MARGIN`.
    """

    told: Found
    p_value: float
    equal: Verdict


def differences(
    bits: Mapping[Name, Float[np.ndarray, " domains"]], base: Name
) -> dict[Name, Difference]:
    """Bits of the domain left out, of each arm less those of the base."""
    apart = {name: own - bits[base] for name, own in bits.items() if name != base}
    raw = [paired_difference(d, np.zeros_like(d)).p_value for d in apart.values()]
    return {
        name: Difference(found(d), float(p), equivalent(d, MARGIN))
        for (name, d), p in zip(apart.items(), holm(np.array(raw)), strict=True)
    }


def difference_cells(one: Difference) -> tuple[str, str, str, str]:
    """Of a table: interval, p, what would have been found, and whether they are equal."""
    return (
        interval_text(one.told.interval, "z.3f"),
        f"{one.p_value:.3f}",
        f"{one.told.detectable:.3f}",
        one.equal,
    )
