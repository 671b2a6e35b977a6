"""Whether a model is right as often as it says."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.objectives.language import cross_entropy


class Guess(NamedTuple):
    """The likeliest class of each example or token, and what the true one cost.

    Attributes:
      confidence: the share that it was given.
      right: one where it was true, else zero.
      nats: to tell the true one.
    """

    confidence: Float[Array, "*n"]
    right: Float[Array, "*n"]
    nats: Float[Array, "*n"]


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


def guesses(logits: Float[Array, "*n v"], targets: Int[Array, "*n"]) -> Guess:
    """What a model holds likeliest: three numbers for each example, of many logits.

    Args:
      logits: of each class, for each example or token.
      targets: what was true.
    """
    shares = jax.nn.softmax(logits.astype(jnp.float32))
    right = (shares.argmax(-1) == targets).astype(jnp.float32)
    return Guess(shares.max(-1), right, cross_entropy(logits, targets))


def calibration_of(found: Guess, bins: int = 15) -> Calibration:
    """The calibration of guesses, in bins that hold as many of them.

    Computes ``mean_b |accuracy_b - confidence_b|``. Bins of equal mass are as sure as one
    another; those of equal width would be nearly empty where a model is seldom sure. Where
    accuracy is known from few examples the error of a perfect model is above zero.

    Args:
      found: of all examples.
      bins: of equal mass; the least sure examples that fill no bin are left out of the
        error.

    Raises:
      ValueError: fewer examples than bins, or no bin.

    References:
      Naeini et al., 2015, *Obtaining well calibrated probabilities using Bayesian
      binning*; of equal mass: Nixon et al., 2019, *Measuring calibration in deep
      learning*.
    """
    confidence, right = found.confidence.reshape(-1), found.right.reshape(-1)
    if not 1 <= bins <= confidence.size:
        raise ValueError(
            f"calibration(bins={bins}) of {confidence.size} examples: expected 1 to as "
            "many"
        )
    kept = jnp.argsort(confidence)[confidence.size % bins :].reshape(bins, -1)
    sure, accuracy = confidence[kept].mean(1), right[kept].mean(1)
    return Calibration(
        jnp.abs(accuracy - sure).mean(), found.nats.mean(), sure, accuracy
    )


def calibration(
    logits: Float[Array, "*n v"], targets: Int[Array, "*n"], bins: int = 15
) -> Calibration:
    """`calibration_of` the guesses that logits make.

    Args:
      logits: of each class, for each example or token.
      targets: what was true.
      bins: of equal mass.

    Raises:
      ValueError: fewer examples than bins, or no bin.

    Example:
      >>> told = calibration(jnp.zeros((4, 2)), jnp.array([0, 1, 0, 1]), bins=1)
      >>> float(told.error), float(told.accuracy[0])
      (0.0, 0.5)
    """
    return calibration_of(guesses(logits, targets), bins)
