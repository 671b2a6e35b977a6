"""Whether a model is right as often as it says."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.objectives.language import cross_entropy


class Calibration(NamedTuple):
    """How sure a model is, against how often it is right.

    Attributes:
      error: the expected calibration error: the mean gap of the bins.
      nats: the mean negative log-likelihood.
      confidence: mean of each bin, from the least sure on.
      accuracy: of each bin.
    """

    error: Scalar
    nats: Scalar
    confidence: Float[Array, " bins"]
    accuracy: Float[Array, " bins"]


def calibration(
    logits: Float[Array, "*n v"], targets: Int[Array, "*n"], bins: int = 15
) -> Calibration:
    """The calibration of the likeliest class, in bins that hold as many examples.

    Computes ``mean_b |accuracy_b - confidence_b|``. Bins of equal mass are as sure as one
    another; those of equal width would be nearly empty where a model is seldom sure.

    Args:
      logits: of each class, for each example or token.
      targets: what was true.
      bins: of equal mass; the least sure examples that fill no bin are left out of the
        error.

    Raises:
      ValueError: fewer examples than bins, or no bin.

    References:
      Naeini et al., 2015, *Obtaining well calibrated probabilities using Bayesian
      binning*; of equal mass: Nixon et al., 2019, *Measuring calibration in deep
      learning*.

    Example:
      >>> told = calibration(jnp.zeros((4, 2)), jnp.array([0, 1, 0, 1]), bins=1)
      >>> float(told.error), float(told.accuracy[0])
      (0.0, 0.5)
    """
    nats = cross_entropy(logits, targets)
    if not 1 <= bins <= nats.size:
        raise ValueError(
            f"calibration(bins={bins}) of {nats.size} examples: expected 1 to as many"
        )
    shares = jax.nn.softmax(logits.astype(jnp.float32)).reshape(-1, logits.shape[-1])
    confidence = shares.max(-1)
    right = (shares.argmax(-1) == targets.reshape(-1)).astype(jnp.float32)
    kept = jnp.argsort(confidence)[nats.size % bins :].reshape(bins, -1)
    sure, accuracy = confidence[kept].mean(1), right[kept].mean(1)
    return Calibration(jnp.abs(accuracy - sure).mean(), nats.mean(), sure, accuracy)
