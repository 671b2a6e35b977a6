"""What every way to mix tokens costs, beside full attention."""

from typing import NamedTuple

import numpy as np

from experiments.attention_scaling.costs import Costs, Line
from experiments.attention_scaling.findings import (
    far_exponent,
    shared,
    speed_up,
    times,
)
from experiments.attention_scaling.titles import MIXERS
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.intervals import Interval

KEY = ("mixer", True)
"""Scope and direction of what is measured of them."""


class MixerCost(NamedTuple):
    """What a mixer costs with its gradient.

    Attributes:
      time: exponent of its time, over the longer lengths.
      memory: exponent of its temporaries there.
      work: exponent of its products of matrices there.
      faster: how many times faster than full attention at the longest length of both.
      share: of the time of full attention there, by which it is drawn.
      at: that length.
    """

    time: Interval
    memory: float
    work: float
    faster: Interval
    share: float
    at: int


def mixer_costs(costs: Costs) -> dict[str, MixerCost]:
    """Every mixer that was measured at two lengths or more; none without full attention."""
    full = costs.get((*KEY, "full"))
    if full is None:
        return {}
    return {
        name: mixer_cost(costs, full, line, name)
        for (scope, _, name), line in costs.items()
        if scope == "mixer" and line.lengths.size > 1
    }


def mixer_cost(costs: Costs, full: Line, line: Line, name: str) -> MixerCost:
    """Of one mixer."""
    longest = int(shared(full, line)[-1])
    of_full, own = (
        one.seconds[:, one.lengths == longest][:, 0] for one in (full, line)
    )
    return MixerCost(
        far_exponent(line, line.seconds)[1],
        far_exponent(line, line.temporaries[None])[1].estimate,
        far_exponent(line, np.maximum(line.flops, 1)[None])[1].estimate,
        speed_up(costs, True, "mixer", "full", name),
        times(own, of_full).estimate,
        longest,
    )


def mixer_table(found: dict[str, MixerCost]) -> Fragment:
    """The exponents of every mixer, and how much faster it is than full attention."""
    rows = [
        (
            MIXERS[name],
            interval_text(one.time, "z.2f"),
            f"{one.memory:.2f}",
            f"{one.work:.2f}",
            interval_text(one.faster, "z.1f"),
            f"{one.at:,}",
        )
        for name, one in found.items()
    ]
    return table(
        ("mixer, with gradient", "time", "memory", "work", "faster, times", "tokens"),
        rows,
        "Exponents of the length over the lengths from 4,096 on, or over the last two: of "
        "time with 95 % intervals over rounds, of temporaries, and of the operations of "
        "products of matrices, which a Fourier transform has none of. Right: how many "
        "times faster than full attention at the longest length of both. Projections are "
        "in all of it.",
    )
