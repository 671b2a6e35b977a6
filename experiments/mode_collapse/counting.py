"""The rules by which papers count modes, applied to the same samples."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Metrics
from jaxgen.data.mixtures import Mixture
from jaxgen.metrics.modes import Box, OpenBall, Rule, anywhere, mode_scores


class CountingRule(NamedTuple):
    """How a paper counts.

    Attributes:
      title: whose it is, and which samples are of high quality.
      good: which samples are of high quality, and cover their mode.
      histogram: which samples enter the histogram of the KL.
      threshold: good samples that make a mode covered.
    """

    title: str
    good: Rule
    histogram: Rule
    threshold: int = 1


ANY_DISTANCE = CountingRule("any distance", anywhere, anywhere)
"""Each sample is its nearest mode's, however it looks."""

COUNTING = (
    CountingRule(
        "VEEGAN, PacGAN: 3 σ",
        OpenBall(3.0),
        OpenBall(3.0),
    ),
    CountingRule(
        "SelfCondGAN: 3 σ an axis",
        Box(3.0),
        anywhere,
    ),
    CountingRule("top-k: 4 σ", OpenBall(4.0), OpenBall(4.0)),
    ANY_DISTANCE,
    CountingRule("3 σ, three samples", OpenBall(3.0), OpenBall(3.0), 3),
    CountingRule("3 σ, ten samples", OpenBall(3.0), OpenBall(3.0), 10),
)
"""From what their code does; the strictness of an inequality decides nothing here."""


def counts_by_rule(mixture: Mixture, samples: Float[Array, "n d"]) -> Metrics:
    """Modes covered, high-quality share and reverse KL by each rule, (rules,) each."""
    told = []
    for rule in COUNTING:
        good, histogram = (
            mode_scores(
                samples,
                mixture.means,
                mixture.sigma,
                which,
                mixture.weights,
                rule.threshold,
            )
            for which in (rule.good, rule.histogram)
        )
        told.append((good.covered, good.high_quality, histogram.reverse_kl))
    covered, quality, divergence = map(jnp.stack, zip(*told, strict=True))
    return {
        "rule_covered": covered,
        "rule_quality": quality,
        "rule_kl": divergence,
    }
