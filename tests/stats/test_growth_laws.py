"""Fitted laws against closed forms and against SciPy's own solvers."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar, nnls

from jaxgen.stats.growth_laws import (
    PowerLaw,
    Quadratic,
    longest_within,
    power_law_fit,
    power_law_fits,
    predicted,
    quadratic_fit,
)

LENGTHS = 2.0 ** np.arange(7, 14)

QUADRATICS = [
    Quadratic(0.0, 0.0, 3.0),
    Quadratic(0.0, 2.0, 0.0),
    Quadratic(5.0, 0.0, 0.0),
    Quadratic(1e-4, 0.0, 1e-9),
    Quadratic(2e-4, 3e-7, 1e-10),
    Quadratic(4e12, 1e10, 2e7),
]
POWER_LAWS = [
    PowerLaw(0.0, 3.0, 2.0),
    PowerLaw(0.0, 2.0, 0.07),
    PowerLaw(0.0, 2.0, 3.93),
    PowerLaw(5.0, 0.0, 0.0),
    PowerLaw(1e-4, 1e-8, 1.5),
    PowerLaw(4e12, 1e9, 1.1),
    PowerLaw(1e3, 1e2, 0.5),
]


def squared_residual(law: Quadratic | PowerLaw, means: np.ndarray) -> float:
    return float(np.sum((predicted(law, LENGTHS) / means - 1) ** 2))


def searched(means: np.ndarray) -> tuple[float, float]:
    """Exponent and squared residual, by SciPy's search with SciPy's solver inside."""

    def residual(p: float) -> float:
        powers = (LENGTHS / LENGTHS[-1]) ** p
        columns = np.stack([1 / means, powers / means], axis=1) * means[-1]
        return nnls(columns, np.ones(len(means)))[1] ** 2

    grid = np.linspace(0, 4, 41)
    best = grid[np.argmin([residual(p) for p in grid])]
    bounds = max(best - 0.1, 0.0), min(best + 0.1, 4.0)
    found = minimize_scalar(
        residual, bounds=bounds, method="bounded", options={"xatol": 1e-9}
    )
    return found.x, found.fun


@pytest.mark.parametrize("law", QUADRATICS)
def test_a_quadratic_is_recovered(law: Quadratic):
    found = quadratic_fit(LENGTHS, predicted(law, LENGTHS))
    np.testing.assert_allclose(found, law, rtol=1e-6, atol=0)


@pytest.mark.parametrize("law", POWER_LAWS)
def test_a_power_law_is_recovered(law: PowerLaw):
    found = power_law_fit(LENGTHS, predicted(law, LENGTHS))
    np.testing.assert_allclose(found, law, rtol=1e-6, atol=0)


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("law", POWER_LAWS)
def test_no_search_of_scipy_finds_a_better_power_law(law: PowerLaw, noise: float):
    rng = np.random.default_rng(0)
    for errors in noise * rng.normal(size=(8, 7)):
        means = predicted(law, LENGTHS) * np.exp(errors)
        found, (exponent, residual) = power_law_fit(LENGTHS, means), searched(means)
        assert squared_residual(found, means) <= residual * (1 + 1e-9)
        if found.scale > 0:
            assert found.exponent == pytest.approx(exponent, abs=1e-4)


@pytest.mark.parametrize("law", QUADRATICS)
def test_no_quadratic_nearby_fits_better(law: Quadratic):
    rng = np.random.default_rng(1)
    means = predicted(law, LENGTHS) * np.exp(0.1 * rng.normal(size=7))
    found = np.array(quadratic_fit(LENGTHS, means))
    typical = means.mean() / LENGTHS.mean() ** np.arange(3)
    least = squared_residual(Quadratic(*found.tolist()), means)
    for step in 1e-3 * rng.normal(size=(200, 3)) * typical:
        nearby = Quadratic(*np.maximum(found + step, 0).tolist())
        assert squared_residual(nearby, means) >= least


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_fits_commute_with_the_unit(scale: float):
    means = np.exp(0.1 * np.random.default_rng(2).normal(size=7)) * (1e5 + LENGTHS**1.5)
    one, scaled = power_law_fit(LENGTHS, means), power_law_fit(LENGTHS, scale * means)
    expected = (scale * one.offset, scale * one.scale, one.exponent)
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)
    np.testing.assert_allclose(
        quadratic_fit(LENGTHS, scale * means),
        scale * np.array(quadratic_fit(LENGTHS, means)),
        rtol=1e-9,
    )


def test_each_row_has_the_law_that_it_has_alone():
    rng = np.random.default_rng(3)
    rows = (1e4 + LENGTHS**1.5) * np.exp(0.2 * rng.normal(size=(20, 7)))
    alone = [power_law_fit(LENGTHS, row) for row in rows]
    np.testing.assert_allclose(power_law_fits(LENGTHS, rows), alone, rtol=1e-6)


def test_what_falls_with_length_is_held_constant():
    falling = 1 / LENGTHS
    assert power_law_fit(LENGTHS, falling)[1:] == (0.0, 0.0)
    assert quadratic_fit(LENGTHS, falling)[1:] == (0.0, 0.0)


def test_growth_beyond_every_power_ends_at_the_largest():
    law = power_law_fit(LENGTHS, np.exp(LENGTHS / 500))
    assert law.exponent == pytest.approx(4.0, abs=1e-6)


@pytest.mark.parametrize("law", [*QUADRATICS, *POWER_LAWS])
def test_the_longest_length_costs_the_budget(law: Quadratic | PowerLaw):
    budget = 3.0 * float(predicted(law, LENGTHS)[0])
    longest = longest_within(law, budget)
    if law[1:] == (0.0, 0.0):
        assert longest == math.inf
    else:
        assert predicted(law, np.array(longest)) == pytest.approx(budget, rel=1e-9)


@pytest.mark.parametrize(
    ("law", "budget", "longest"),
    [
        (Quadratic(2.0, 1.0, 0.0), 1.0, 0.0),
        (Quadratic(2.0, 1.0, 0.0), 2.0, 0.0),
        (Quadratic(2.0, 0.0, 1.0), 2.0, 0.0),
        (Quadratic(2.0, 0.0, 0.0), 2.0, math.inf),
        (Quadratic(2.0, 0.0, 0.0), 1.0, 0.0),
        (Quadratic(2.0, 1.0, 1.0), math.inf, math.inf),
        (PowerLaw(2.0, 1.0, 1.5), 1.0, 0.0),
        (PowerLaw(2.0, 0.0, 1.5), 3.0, math.inf),
        (PowerLaw(2.0, 1.0, 0.0), 3.0, math.inf),
        (PowerLaw(2.0, 1.0, 0.0), 2.5, 0.0),
        (PowerLaw(0.0, 1.0, 1e-4), 2.0, math.inf),
        (PowerLaw(0.0, 1.0, 2.0), -1.0, 0.0),
    ],
)
def test_budgets_at_the_edge(law: Quadratic | PowerLaw, budget: float, longest: float):
    assert longest_within(law, budget) == longest


def test_a_budget_is_a_number():
    with pytest.raises(ValueError, match="budget = nan"):
        longest_within(Quadratic(0.0, 1.0, 0.0), math.nan)


@pytest.mark.parametrize("fit", [quadratic_fit, power_law_fit])
def test_means_that_cannot_be_fitted_are_refused(fit):
    with pytest.raises(ValueError, match="at least 3"):
        fit(LENGTHS[:2], LENGTHS[:2])
    with pytest.raises(ValueError, match=r"means\[1\] = 0"):
        fit(LENGTHS[:3], np.array([1.0, 0.0, 2.0]))
    with pytest.raises(ValueError, match=r"means has shape \(4,\); expected \(3\)"):
        fit.__wrapped__(LENGTHS[:3], LENGTHS[:4])
