"""The objective against its definition and differences, its minimum against all near it."""

import math

import numpy as np
import pytest

from jaxgen.stats.huber_fit import DELTA, huber_fit, huber_objective
from jaxgen.stats.scaling_law_starts import balanced_starts, published_starts
from published_runs import REFIT, drawn_runs

TRUE = np.array([*np.log(REFIT[:3]), *REFIT[3:]])


def logarithms(count: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    runs = drawn_runs(REFIT, count, noise, seed)
    return np.log(np.stack(runs[:2])), np.log(runs.losses)


def brute_force(theta: np.ndarray, log_sizes: np.ndarray, losses: np.ndarray) -> float:
    """The definition, run by run, without logarithms of sums."""
    count, total = len(log_sizes), []
    scales, exponents = np.exp(theta[: count + 1]), theta[count + 1 :]
    for sizes, loss in zip(np.exp(log_sizes.T), losses, strict=True):
        added = zip(scales[1:], sizes, exponents, strict=True)
        law = scales[0] + sum(scale / size**power for scale, size, power in added)
        off = abs(math.log(law) - math.log(loss))
        total.append(off**2 / 2 if off <= DELTA else DELTA * off - DELTA**2 / 2)
    return math.fsum(total)


@pytest.mark.parametrize("sizes", [1, 2, 3])
def test_the_objective_is_its_definition(sizes: int):
    rng = np.random.default_rng(sizes)
    log_sizes = rng.uniform(0, 5, size=(sizes, 30))
    theta = rng.uniform(0, 1, size=2 * sizes + 1)
    near = sum(
        np.exp(theta[k + 1] - theta[sizes + k + 1] * log_sizes[k]) for k in range(sizes)
    )
    losses = (np.exp(theta[0]) + near) * np.exp(2 * DELTA * rng.normal(size=30))
    value, _ = huber_objective(theta, log_sizes, np.log(losses))
    assert value == pytest.approx(brute_force(theta, log_sizes, losses), rel=1e-10)


@pytest.mark.parametrize("far", [0.0, 0.3])
def test_the_gradient_is_that_of_differences(far: float):
    log_sizes, log_losses = logarithms(40, 2 * DELTA, 0)
    rng = np.random.default_rng(1)
    for _ in range(5):
        theta = TRUE + far * rng.normal(size=5)
        _, gradient = huber_objective(theta, log_sizes, log_losses)
        for k, step in enumerate(1e-6 * np.eye(5)):
            above, below = (
                huber_objective(theta + sign * step, log_sizes, log_losses)[0]
                for sign in (1, -1)
            )
            slope = (above - below) / 2e-6
            assert gradient[k] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_no_coefficients_nearby_fit_better():
    log_sizes, log_losses = logarithms(60, 0.01, 2)
    found = huber_fit(log_sizes, log_losses, TRUE[None])
    rng = np.random.default_rng(3)
    for size in (1e-1, 1e-3, 1e-5):
        for step in size * rng.normal(size=(100, 5)):
            nearby = huber_objective(found.theta + step, log_sizes, log_losses)[0]
            assert nearby >= found.objective * (1 - 1e-12)


def test_what_is_found_has_the_objective_that_is_told():
    log_sizes, log_losses = logarithms(60, 0.01, 4)
    found = huber_fit(
        log_sizes, log_losses, balanced_starts(log_sizes, log_losses)[::9]
    )
    value, gradient = huber_objective(found.theta, log_sizes, log_losses)
    assert value == pytest.approx(found.objective, rel=1e-12)
    assert np.abs(gradient[:3]).max() < 1e-9


def test_fits_commute_with_every_unit():
    log_sizes, log_losses = logarithms(60, 0.01, 5)
    moves, level = np.array([[-20.0], [7.0]]), 3.0
    one, other = (
        huber_fit(x, y, balanced_starts(x, y)[::9])
        for x, y in (
            (log_sizes, log_losses),
            (log_sizes + moves, log_losses + level),
        )
    )
    expected = one.theta + level * np.array([1, 1, 1, 0, 0])
    expected[1:3] += one.theta[3:] * moves[:, 0]
    np.testing.assert_allclose(other.theta, expected, rtol=1e-5)
    assert (other.reached, other.starts) == (one.reached, one.starts)


def test_starts_that_end_elsewhere_are_counted_and_kept():
    log_sizes, log_losses = logarithms(60, 0.01, 6)
    starts = published_starts()[::97]
    found = huber_fit(log_sizes, log_losses, starts)
    values = [huber_objective(each, log_sizes, log_losses)[0] for each in found.endings]
    assert found.starts == len(starts) == 47
    assert 1 < found.reached < found.starts - len(found.endings) < found.starts
    assert values == sorted(values) and values[0] > found.objective * (1 + 1e-6)
    each = [huber_fit(log_sizes, log_losses, start[None]).objective for start in starts]
    assert np.isclose(each, found.objective, rtol=1e-6).sum() == found.reached


def test_exponents_stay_between_0_and_4():
    log_sizes = np.log(np.linspace(1.0, 2.0, 12))[None]
    rising, falling = log_sizes[0] + 1.0, -9.0 * log_sizes[0] + 1.0
    for log_losses, exponent in ((rising, 0.0), (falling, 4.0)):
        starts = balanced_starts(log_sizes, log_losses)
        assert huber_fit(log_sizes, log_losses, starts).theta[2] == exponent
