"""Laws of what a length costs: a quadratic and a power law, fitted to mean costs."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from jaxgen.arrays import Array, Shaped
from jaxgen.stats.costs import increasing_lengths, positive_costs

EXACT = float(np.sqrt(np.finfo(np.float64).eps))
"""The relative residual, 1.5e-8, up to which a fit counts as exact."""

_LARGEST_EXPONENT = 4.0
_GOLDEN = (math.sqrt(5) - 1) / 2


class Quadratic(NamedTuple):
    """The cost ``offset + linear n + quadratic n²`` of length n; none is negative."""

    offset: float
    linear: float
    quadratic: float


class PowerLaw(NamedTuple):
    """The cost ``offset + scale n ** exponent`` of length n; none is negative."""

    offset: float
    scale: float
    exponent: float


def quadratic_fit(
    lengths: Shaped[Array | np.ndarray, " lengths"],
    means: Shaped[Array | np.ndarray, " lengths"],
) -> Quadratic:
    """Quadratic of least relative residuals with no negative coefficient.

    With mean cost mⱼ at length nⱼ, by non-negative least squares::

        min Σⱼ ((c₀ + c₁ nⱼ + c₂ nⱼ²) / mⱼ − 1)²   over c₀, c₁, c₂ ≥ 0

    A term that reaches nowhere `EXACT` of the cost is rounding, and given as 0.

    Args:
        lengths: increasing, at least 3.
        means: positive, in seconds or bytes.

    Returns:
        The law, in the unit of the means.

    Raises:
        ValueError: with fewer than 3 lengths, lengths that do not increase, a mean that
            is not positive, or shapes that differ.

    References:
        Lawson and Hanson, "Solving Least Squares Problems" (1974), chapter 23.

    Example:
        >>> n = np.array([1.0, 2.0, 4.0, 8.0])
        >>> law = quadratic_fit(n, 3.0 + 2.0 * n**2)
        >>> [round(each, 9) for each in law]
        [3.0, 0.0, 2.0]
    """
    at, costs = _measured(lengths, means, rows=())
    longest, last = at[-1], costs[-1]
    terms = (at / longest)[:, None] ** np.arange(3) * (last / costs)[:, None]
    norms = np.linalg.norm(terms, axis=0)  # columns of one size, for the conditioning
    shares = nnls(terms / norms, np.ones(len(at)))[0] / norms
    seen = np.where(shares * terms.max(axis=0) > EXACT, shares, 0.0)
    return Quadratic(*(seen * last / longest ** np.arange(3)).tolist())


def power_law_fit(
    lengths: Shaped[Array | np.ndarray, " lengths"],
    means: Shaped[Array | np.ndarray, " lengths"],
) -> PowerLaw:
    """Power law above an offset, of least relative residuals.

    With mean cost mⱼ at length nⱼ::

        min Σⱼ ((c₀ + c nⱼᵖ) / mⱼ − 1)²   over c₀, c ≥ 0 and p from 0 to 4

    For each p the best c₀ and c are those of non-negative least squares, in closed form
    for two columns; what is left is a function of p alone (variable projection). Its
    least value on a grid of step 0.05 is refined by golden section. An offset that is
    nowhere `EXACT` of the cost is given as 0; growth that is nowhere that much has
    scale and exponent 0.

    Args:
        lengths: increasing, at least 3.
        means: positive, in seconds or bytes.

    Returns:
        The law, in the unit of the means. An exponent of 4 may stand for a larger one.

    Raises:
        ValueError: as `quadratic_fit`.

    References:
        Golub and Pereyra, "The Differentiation of Pseudo-Inverses and Nonlinear Least
        Squares Problems Whose Variables Separate", SIAM Journal on Numerical Analysis
        10 (1973), section 2.

    Example:
        >>> n = np.array([1.0, 2.0, 4.0, 8.0])
        >>> law = power_law_fit(n, 3.0 + 2.0 * n**1.5)
        >>> [round(each, 6) for each in law]
        [3.0, 2.0, 1.5]
    """
    at, costs = _measured(lengths, means, rows=())
    return power_law_fits(at, costs[None])[0]


def power_law_fits(
    lengths: Shaped[Array | np.ndarray, " lengths"],
    means: Shaped[Array | np.ndarray, "laws lengths"],
) -> list[PowerLaw]:
    """`power_law_fit` of every row, at little more than the cost of one.

    Args:
        lengths: increasing, at least 3.
        means: positive, in seconds or bytes; for each law a row.

    Returns:
        A law for each row.

    Raises:
        ValueError: as `quadratic_fit`.

    Example:
        >>> n = np.array([1.0, 2.0, 4.0, 8.0])
        >>> [round(law.exponent, 6) for law in power_law_fits(n, np.stack([n, n**3]))]
        [1.0, 3.0]
    """
    at, costs = _measured(lengths, means, rows=("laws",))
    ratios, unit = at / at[-1], costs / costs[:, -1:]
    exponents = _best_exponents(ratios, unit)
    offsets, scales, _ = _best_given(exponents, ratios, unit)
    least = unit.min(axis=1)
    start = ratios[0] ** exponents
    flat = scales * (1 - start) <= EXACT * least
    offsets = np.where(flat, offsets + scales * start, offsets)
    offsets = np.where(offsets > EXACT * least, offsets, 0.0) * costs[:, -1]
    scales = np.where(flat, 0.0, scales * costs[:, -1] / at[-1] ** exponents)
    laws = np.stack([offsets, scales, np.where(flat, 0.0, exponents)], axis=1)
    return [PowerLaw(*law) for law in laws.tolist()]


def predicted(
    law: Quadratic | PowerLaw, lengths: Shaped[Array | np.ndarray, "*shape"]
) -> Shaped[np.ndarray, "*shape"]:
    """What each length costs by a law.

    Args:
        law: in seconds or bytes.
        lengths: positive, of any shape.

    Returns:
        The costs, float64, in the unit of the law.

    Example:
        >>> predicted(Quadratic(1.0, 2.0, 3.0), np.array([1, 2]))
        array([ 6., 17.])
    """
    at = np.asarray(lengths, np.float64)
    match law:
        case Quadratic(offset, linear, quadratic):
            costs = offset + at * (linear + at * quadratic)
        case PowerLaw(offset, scale, exponent):
            costs = offset + scale * at**exponent
    return np.asarray(costs)  # one length has one cost, of as many axes


def longest_within(law: Quadratic | PowerLaw, budget: float | int) -> float:
    """The largest length that costs no more than a budget.

    With s = budget − offset::

        n = 2 s / (c₁ + √(c₁² + 4 c₂ s))      or      n = (s / c)^(1/p)

    Args:
        law: in seconds or bytes.
        budget: in the unit of the law.

    Returns:
        The length, not rounded; infinite where nothing grows or nothing is too much, 0
        where the offset alone exceeds the budget.

    Raises:
        ValueError: if the budget is NaN.

    Example:
        >>> round(longest_within(Quadratic(1.0, 0.0, 2.0), 33.0), 9)
        4.0
    """
    if math.isnan(budget):
        raise ValueError("budget = nan; expected seconds or bytes")
    left = float(budget) - law.offset
    match law:
        case PowerLaw(_, scale, 0.0):
            left, grows = left - scale, False
        case PowerLaw(_, scale, _):
            grows = scale > 0
        case Quadratic(_, linear, quadratic):
            grows = max(linear, quadratic) > 0
    if left < 0:
        return 0.0
    if not grows or math.isinf(left):
        return math.inf
    return _grown_by(law, left) if left else 0.0


def _grown_by(law: Quadratic | PowerLaw, left: float) -> float:
    match law:
        case Quadratic(_, linear, quadratic):
            # this root, of the two ways to write it, stands a quadratic of 0
            steep = math.hypot(linear, 2 * math.sqrt(quadratic) * math.sqrt(left))
            return 2 * left / (linear + steep)
        case PowerLaw(_, scale, exponent):
            with np.errstate(over="ignore", under="ignore"):
                return float(np.power(left / scale, 1 / np.float64(exponent)))


def _measured(
    lengths: np.ndarray | Array, means: np.ndarray | Array, rows: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    at = increasing_lengths(lengths, 3, "a law of three parameters")
    return at, positive_costs("means", means, (*rows, len(at)))


def _best_exponents(ratios: np.ndarray, costs: np.ndarray) -> np.ndarray:
    grid = np.linspace(0.0, _LARGEST_EXPONENT, 81)
    best = _best_given(grid, ratios, costs[:, None])[2].argmin(axis=1)
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, 80)]
    for _ in range(40):  # 0.1 · 0.618⁴⁰ = 4e-10
        inner = _GOLDEN * (high - low)
        pair = np.stack([high - inner, low + inner])
        left, right = _best_given(pair, ratios, costs)[2]
        low = np.where(left > right, pair[0], low)
        high = np.where(left > right, high, pair[1])
    return (low + high) / 2


def _best_given(
    exponents: np.ndarray, ratios: np.ndarray, costs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # offset, scale and squared residual for each exponent; a sign that least squares
    # would have negative is 0, and the other term then stands alone
    powers, weights = ratios ** exponents[..., None], 1 / costs
    shares = weights * powers  # of the costs
    total, ones = _dot(weights, weights), weights.sum(axis=-1)
    first, alone = _dot(weights, shares), shares.sum(axis=-1) / _dot(shares, shares)
    away = shares - weights * (first / total)[..., None]
    rise, spread = away.sum(axis=-1), _dot(away, away)
    scale = np.divide(rise, spread, out=np.zeros_like(rise), where=spread > 0).clip(0)
    offset = (ones - scale * first) / total
    scale, offset = np.where(offset < 0, alone, scale), offset.clip(0)
    misfit = weights * offset[..., None] + shares * scale[..., None] - 1
    return offset, scale, _dot(misfit, misfit)


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.einsum("...l,...l->...", one, other)
