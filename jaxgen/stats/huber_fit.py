"""Fits of sums of power laws to losses: Huber on logarithms, from many starts."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from jaxgen.arrays import Float
from jaxgen.stats.growth_laws import EXACT

DELTA = 1e-3
"""The residual of log L above which it counts by its size and not by its square."""

LARGEST_EXPONENT = 4.0
"""What an exponent may grow to: one of 4 may stand for a larger one."""

_REACHED = 1e-6


class HuberFit(NamedTuple):
    """The best of fits from many starts.

    Attributes:
        theta: where the objective is least, as `huber_objective` takes it.
        objective: its value there.
        starts: how many starts there were.
        reached: how many of them ended at the least value, within a relative 1e-6.
        endings: one row for each other value that starts ended at, best first.
    """

    theta: Float[np.ndarray, " coefficients"]
    objective: float
    starts: int
    reached: int
    endings: Float[np.ndarray, "others coefficients"]


def huber_objective(
    theta: Float[np.ndarray, " coefficients"],
    log_sizes: Float[np.ndarray, "sizes runs"],
    log_losses: Float[np.ndarray, " runs"],
) -> tuple[float, Float[np.ndarray, " coefficients"]]:
    """Misfit of ``E + Σ Aₖ / xₖ ** αₖ`` to the losses, and its gradient.

    With θ = (e, a₁ … a_K, α₁ … α_K), E = exp e and Aₖ = exp aₖ, the **sum** over runs::

        Σᵢ h(rᵢ),   rᵢ = log(exp e + Σₖ exp(aₖ − αₖ log xₖᵢ)) − log Lᵢ
        h(r) = r² / 2 where |r| ≤ δ,   δ |r| − δ² / 2 beyond,   δ = 1e-3

    Summing or averaging changes no minimum, but it does change where an optimiser stops:
    tolerances are absolute where the objective is below 1, as it is here, and the mean
    over 240 runs of a step that matters is less than the usual tolerance.

    Args:
        theta: e, then the log scale of each size, then the exponent of each.
        log_sizes: for each size a row, with its natural logarithm in each run.
        log_losses: the natural logarithm of each loss.

    Returns:
        The sum, and its derivative in each entry of ``theta``.

    References:
        Hoffmann et al., "Training Compute-Optimal Large Language Models" (2022),
        equation 3. Besiroglu et al., "Chinchilla Scaling: A Replication Attempt"
        (2024), on the scale of the loss.

    Example:
        >>> theta = np.log([1.0, 1.0, np.e])  # L = 1 + 1 / x
        >>> value, gradient = huber_objective(theta, np.zeros((1, 1)), np.zeros(1))
        >>> round(value, 9)  # δ log 2 − δ² / 2
        0.000692647
    """
    value, gradient = _misfit(theta, log_sizes, log_losses)
    return float(value), gradient


def huber_fit(
    log_sizes: Float[np.ndarray, "sizes runs"],
    log_losses: Float[np.ndarray, " runs"],
    starts: Float[np.ndarray, "starts coefficients"],
) -> HuberFit:
    """The least `huber_objective` that L-BFGS-B finds from any of the starts.

    Exponents are held between 0 and 4. It runs about the middle of the runs, where
    scales and exponents are nearly independent, and in units of δ², in which the usual
    size of the sum is the number of runs: the tolerances of 1e-14 of the value and 1e-9
    of the gradient are then relative.

    Args:
        log_sizes: as `huber_objective`.
        log_losses: as `huber_objective`.
        starts: for each start a row, as `huber_objective` takes it.

    Returns:
        The best fit, and how many starts found it.

    References:
        Byrd, Lu, Nocedal and Zhu, "A Limited Memory Algorithm for Bound Constrained
        Optimization", SIAM Journal on Scientific Computing 16 (1995).

    Example:
        >>> x = np.log([[1.0, 2.0, 4.0, 8.0]])
        >>> y = np.log(3.0 + 2.0 * np.exp(-0.5 * x[0]))
        >>> found = huber_fit(x, y, np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 0.1]]))
        >>> np.exp(found.theta[:2]).round(4), found.theta[2].round(4)
        (array([3., 2.]), np.float64(0.5))
    """
    middle, level = log_sizes.mean(axis=1), float(log_losses.mean())
    about = log_sizes - middle[:, None], log_losses - level
    with threadpool_limits(1):  # over a handful of numbers, threads wait for each other
        found = [_descended(start, *about) for start in _moved(starts, -middle, -level)]
    found.sort(key=lambda each: each[0])
    distinct = _distinct(found, len(log_losses))
    rows = _moved(np.array([theta for _, theta in distinct]), middle, level)
    return HuberFit(
        theta=rows[0],
        objective=found[0][0],
        starts=len(found),
        reached=sum(each <= _bound(found[0][0], len(log_losses)) for each, _ in found),
        endings=rows[1:],
    )


def _distinct(
    found: list[tuple[float, np.ndarray]], runs: int
) -> list[tuple[float, np.ndarray]]:
    distinct = found[:1]
    for each in found:
        if each[0] > _bound(distinct[-1][0], runs):
            distinct.append(each)
    return distinct


def _bound(objective: float, runs: int) -> float:
    # what counts as the same value; runs that all count as exact have a value of 0
    return objective * (1 + _REACHED) + runs * EXACT**2 / 2


def _descended(
    start: np.ndarray, log_sizes: np.ndarray, log_losses: np.ndarray
) -> tuple[float, np.ndarray]:
    sizes = len(log_sizes)
    bounds = [(None, None)] * (sizes + 1) + [(0.0, LARGEST_EXPONENT)] * sizes
    found = minimize(
        lambda theta: _misfit(theta, log_sizes, log_losses, 1 / DELTA**2),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 2_000, "maxfun": 4_000},
    )
    return float(found.fun) * DELTA**2, found.x


def _misfit(theta, log_sizes, log_losses, unit=1.0):
    # called 10,000 times a fit: one array of (terms, runs), and nothing twice
    last = len(log_sizes) + 1
    terms = np.empty((last, len(log_losses)))
    terms[0] = theta[0]
    terms[1:] = theta[1:last, None] - theta[last:, None] * log_sizes
    top = terms.max(axis=0)
    shares = np.exp(terms - top)
    total = shares.sum(axis=0)
    residual = top + np.log(total) - log_losses
    pull = residual.clip(-DELTA, DELTA)
    shares *= pull / total
    value = pull @ (residual - pull / 2)
    slopes = np.einsum("kr,kr->k", shares[1:], log_sizes)
    return value * unit, np.concatenate([shares.sum(axis=1), -slopes]) * unit


def _moved(rows: np.ndarray, middle: np.ndarray, level: float) -> np.ndarray:
    # from coordinates about a middle to those about 0, or back with the signs changed
    last = len(middle) + 1
    scales = rows[:, :last] + level
    scales[:, 1:] += rows[:, last:] * middle
    return np.concatenate([scales, rows[:, last:]], axis=1)
