"""Whether a code collapsed, in one word, and which knob to turn."""

import math
from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Array, Float, Int, Scalar

Numbers = Array | np.ndarray

NOTHING = 0.1  # share of the entropy of data below which a code tells next to nothing
HOLES = 0.1  # nats a dimension from prior to codes, above which samples fall into holes


class CollapseReport(NamedTuple):
    """What is wrong with a code, if anything.

    Attributes:
        verdict: "healthy", "partly collapsed", "collapsed" or "holes".
        reason: the numbers that led to it.
        knob: what to turn.
        rate: nats of all dimensions.
        active: how many dimensions tell examples apart.
        size: how many there are.
    """

    verdict: str
    reason: str
    knob: str
    rate: float
    active: int
    size: int


def collapse_report(
    rates: Float[Numbers, " z"],
    active: int | Int[Array, ""],
    information: float | Scalar,
    entropy: float,
    from_prior: float | Scalar,
) -> CollapseReport:
    """A verdict on a trained code, from five measures of it; a host function.

    In this order::

        collapsed          no active unit, or information < 0.1 entropy
        partly collapsed   information < entropy
        holes              from_prior > 0.1 nat a dimension
        healthy            otherwise

    Units that are not active are no collapse where information is enough: a code that
    is larger than needed leaves them to the prior.

    Args:
        rates: nats that each dimension costs, `active_units.unit_rates`; zeros for a
            code of points.
        active: `active_units.active_units`.
        information: mean `latent_information.mutual_information`, nats; infinite for
            points, which tell all examples apart.
        entropy: nats that the code should tell at least: log of the number of classes,
            or the entropy of whatever is to be read off it; the estimate of information
            cannot exceed log n of the examples it is from.
        from_prior: KL(prior ‖ aggregate), of `prior_mismatch`.

    Raises:
        ValueError: an entropy that is not positive, more active units than dimensions, or
            a measure that is not a number.

    Example:
        >>> rates = np.array([0.01, 0.0])
        >>> report = collapse_report(rates, 0, 0.004, math.log(10), 0.01)
        >>> report.verdict, report.reason
        ('collapsed', '0 of 2 units active, 0.00 of 2.30 nats told at a rate of 0.01')
    """
    size, rate = len(rates), float(np.sum(rates))
    active, information, from_prior = int(active), float(information), float(from_prior)
    _refuse(size, active, entropy, rate, information, from_prior)
    told = f"{information:.2f} of {entropy:.2f} nats told at a rate of {rate:.2f}"
    reason = f"{active} of {size} units active, {told}"
    about = rate, active, size
    if active == 0 or information < NOTHING * entropy:
        return CollapseReport("collapsed", reason, _revival(rate, entropy), *about)
    if information < entropy:
        return CollapseReport(
            "partly collapsed", reason, _revival(rate, entropy), *about
        )
    if from_prior > HOLES * size:
        holes = f"{from_prior:.2f} nats from the prior to the codes"
        return CollapseReport("holes", holes, _filling(information), *about)
    return CollapseReport("healthy", reason, _pruning(active, size), *about)


def _revival(rate: float, entropy: float) -> str:
    if rate >= entropy:  # it pays, but for what all examples have in common
        return (
            "The rate is paid for codes that are far from the prior but alike: fit the "
            "prior to the codes, and check that the decoder is given the code."
        )
    return (
        "Lower the weight of the rate: warm it up from zero, give each dimension free "
        "bits, or hold the rate at a target. If that does not help, weaken the decoder, "
        "or train the encoder more often than the decoder."
    )


def _filling(information: float) -> str:
    if math.isinf(information):
        return (
            "Draw from a density fitted to the codes, such as a mixture of normal "
            "densities, or make the code a density with a rate."
        )
    return (
        "Raise the weight of the rate, or learn the prior, or fit a density to the codes "
        "and draw from it."
    )


def _pruning(active: int, size: int) -> str:
    if 2 * active < size:
        return f"None; {active} of {size} dimensions would do as well."
    return "None."


def _refuse(
    size: int, active: int, entropy: float, rate: float, *measures: float
) -> None:
    if not entropy > 0:
        raise ValueError(
            f"entropy={entropy}: expected positive nats, such as log of the classes."
        )
    if not 0 <= active <= size:
        raise ValueError(f"active={active}: expected 0 to {size}, the dimensions.")
    if any(math.isnan(x) for x in (rate, *measures)):
        raise ValueError(
            "rates, information or from_prior is not a number: the model diverged, or "
            "a posterior has a scale of zero."
        )
