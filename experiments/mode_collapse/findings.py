"""From trajectories to findings: intervals, fates, and the verdict's criteria."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from experiments.criterion import Criterion
from experiments.mode_collapse.protocols import Protocol
from experiments.training import Trajectories
from jaxgen.arrays import Float
from jaxgen.stats.intervals import (
    PairedDifference,
    mean_interval,
    paired_difference,
)
from jaxgen.stats.verdict import above, below


class Arms(NamedTuple):
    """All that was measured under one protocol.

    Attributes:
      methods: trajectories by method; the first is the baseline.
      perfect: scores of the data's own distribution, each (draws, ...).
      trivial: scores of one sample repeated, each (draws, ...).
    """

    methods: Mapping[str, Trajectories]
    perfect: Mapping[str, np.ndarray]
    trivial: Mapping[str, np.ndarray]


def criteria(protocol: Protocol, arms: Arms) -> list[Criterion]:
    """The claim about the baseline at the end of training, in three parts.

    The thresholds were fixed after a pilot on other seeds (key 0, where runs have key
    1), before any run that is reported.
    """
    baseline = next(iter(arms.methods.values()))
    modes = len(protocol.mixture.means)
    perfect = {name: values.mean() for name, values in arms.perfect.items()}
    kept = mean_interval(baseline.last("effective") / modes)
    good = mean_interval(baseline.last("high_quality") / perfect["high_quality"])
    again = mean_interval(baseline.last("near_duplicates") / perfect["near_duplicates"])
    return [
        Criterion(
            "Diversity is lost: effective modes are below three quarters of all modes.",
            kept,
            "of all modes",
            below(kept, 0.75),
        ),
        Criterion(
            "Single samples still look real: the share of high-quality samples is above "
            "three quarters of a perfect sampler's.",
            good,
            "of a perfect sampler's",
            above(good, 0.75),
        ),
        Criterion(
            "Outputs repeat: near-duplicates are more than twice as frequent as a "
            "perfect sampler's.",
            again,
            "times a perfect sampler's",
            above(again, 2.0),
        ),
    ]


def against_baseline(arms: Arms, method: str, score: str) -> PairedDifference:
    """A method's score less the baseline's, seed by seed."""
    baseline = next(iter(arms.methods.values()))
    return paired_difference(arms.methods[method].last(score), baseline.last(score))


def fates(trajectory: Trajectories, modes: int) -> dict[str, int]:
    """How many seeds ended collapsed, had recovered, or kept their modes.

    Collapsed is below half of the modes, in effective modes; recovered seeds were so
    at some evaluation of the second half of training, and not at the end.
    """
    effective = trajectory.scores["effective"]
    late = effective[:, effective.shape[1] // 2 :] < modes / 2
    collapsed = late[:, -1]
    recovered = late.any(axis=1) & ~collapsed
    kept = ~late.any(axis=1)
    return {
        "collapsed": int(collapsed.sum()),
        "recovered": int(recovered.sum()),
        "kept": int(kept.sum()),
    }


def turnover(trajectory: Trajectories) -> Float[np.ndarray, " seeds"]:
    """How much of the mass moves between modes from one evaluation to the next.

    Computes the total variation ``1/2 sum_k |p_k(t) - p_k(t - 1)|`` between mode
    histograms, averaged over the second half of training: zero for a generator that
    stays, one for one that hops. Evaluations without a high-quality sample are left
    out.
    """
    counts = trajectory.scores["counts"]
    late = counts[:, counts.shape[1] // 2 :]
    totals = late.sum(axis=2, keepdims=True)
    shares = np.where(totals > 0, late / np.maximum(totals, 1), np.nan)
    moved = np.abs(np.diff(shares, axis=1)).sum(axis=2) / 2
    known = np.isfinite(moved)
    return np.where(known, moved, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
