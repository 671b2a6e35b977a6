"""The rules by which papers count modes, applied to the same samples."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Metrics
from jaxgen.data.mixtures import Mixture
from jaxgen.metrics.modes import Box, OpenBall, Rule, anywhere, mode_scores


class CountingRule(NamedTuple):
    """How a paper counts.

    Attributes:
      title: in words.
      good: which samples are of high quality, and cover their mode.
      histogram: which samples enter the histogram of the KL.
      threshold: good samples that make a mode covered.
    """

    title: str
    good: Rule
    histogram: Rule
    threshold: int = 1


COUNTING = (
    CountingRule(
        "within 3 σ of the nearest mode; KL over those (VEEGAN, PacGAN, alpha-GAN)",
        OpenBall(3.0),
        OpenBall(3.0),
    ),
    CountingRule(
        "within 3 σ along each axis; KL over all samples (SelfCondGAN)",
        Box(3.0),
        anywhere,
    ),
    CountingRule("within 4 σ (JAX-GAN, top-k)", OpenBall(4.0), OpenBall(4.0)),
    CountingRule("nearest mode at any distance", anywhere, anywhere),
    CountingRule("within 3 σ, three or more samples", OpenBall(3.0), OpenBall(3.0), 3),
    CountingRule("within 3 σ, ten or more samples", OpenBall(3.0), OpenBall(3.0), 10),
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
