"""How far a scaling law is off beyond the budgets that it was fitted to."""

from typing import NamedTuple

import numpy as np

from jaxgen.arrays import Array, Float, Shaped
from jaxgen.stats.intervals import Interval, mean_intervals
from jaxgen.stats.scaling_law import predicted_losses, training_flop
from jaxgen.stats.scaling_law_fit import ScalingLawFit, scaling_law_fit


class Extrapolation(NamedTuple):
    """A law of the smaller runs, and its errors on the larger ones.

    Attributes:
        fit: to the smaller runs alone.
        errors: predicted minus measured loss of each larger run, in the unit of the
            loss (nats), in the order given.
        relative_errors: the same, over the measured loss.
        error: of the mean size of the errors, in nats.
        relative_error: of the mean size of the relative errors.
        unchanged: as ``error``, had each larger run been expected to do as well as the
            best smaller one: what a law has to beat.
    """

    fit: ScalingLawFit
    errors: Float[np.ndarray, " larger"]
    relative_errors: Float[np.ndarray, " larger"]
    error: Interval
    relative_error: Interval
    unchanged: Interval


def extrapolation(
    parameters: Shaped[Array | np.ndarray, " runs"],
    tokens: Shaped[Array | np.ndarray, " runs"],
    losses: Shaped[Array | np.ndarray, " runs"],
    flop: float | int,
    level: float = 0.95,
) -> Extrapolation:
    """Errors on the runs above a budget, of the law of those up to it.

    With the law L̂ of `scaling_law_fit` to the runs of 6 N D ≤ C, over those above it::

        eᵢ = L̂(Nᵢ, Dᵢ) − Lᵢ,   mean |eᵢ|  and  mean |eᵢ| / Lᵢ

    No fit to all runs shows what this does: how well the law advises a larger run. The
    noise of the larger runs is in it, so not even the true law has error 0. Intervals
    are those of `mean_interval` over the larger runs, for the one law: they do not know
    that other small runs would have given another.

    Args:
        parameters: of each model, N.
        tokens: that it was trained on, D.
        losses: at the end of its training.
        flop: the budget C; runs above it are held out.
        level: the nominal coverage of the intervals, between 0 and 1.

    Returns:
        The law and its errors.

    Raises:
        ValueError: with fewer than 2 runs above the budget, or as `scaling_law_fit` of
            the others.

    References:
        Alabdulmohsin, Neyshabur and Zhai, "Revisiting Neural Scaling Laws in Language
        and Vision" (2022), on extrapolation as the measure of a law.

    Example:
        >>> N, D = np.meshgrid([1e8, 1e9, 1e10], [1e10, 1e11, 1e12])
        >>> N, D = N.ravel(), D.ravel()
        >>> L = 1.8 + 480 / N**0.35 + 2100 / D**0.37
        >>> found = extrapolation(N, D, L, 3e21)
        >>> len(found.errors), f"{found.error.high:.5f} {found.unchanged.estimate:.2f}"
        (3, '0.00000 0.19')
    """
    each = [np.asarray(values, np.float64) for values in (parameters, tokens, losses)]
    smaller = training_flop(each[0], each[1]) <= flop
    if np.sum(~smaller) < 2:
        raise ValueError(
            f"flop = {flop:g}; expected a budget with at least 2 runs above it: "
            f"{np.sum(~smaller)} of {len(smaller)} are"
        )
    fit = scaling_law_fit(*(values[smaller] for values in each))
    model, data, measured = (values[~smaller] for values in each)
    errors = predicted_losses(fit.law, model, data) - measured
    relative = errors / measured
    unchanged = each[2][smaller].min() - measured
    sizes = np.abs(np.stack([errors, relative, unchanged]))
    return Extrapolation(fit, errors, relative, *mean_intervals(sizes, level))
