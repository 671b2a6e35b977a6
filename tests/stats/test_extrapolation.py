"""Errors beyond a budget against laws that hold, and against their definition.

Uses ../shared/data where it is, and runs drawn from the published law where it is not.
"""

import numpy as np
import pytest

from jaxgen.stats.extrapolation import extrapolation
from jaxgen.stats.intervals import mean_interval
from jaxgen.stats.scaling_law import predicted_losses
from jaxgen.stats.scaling_law_fit import scaling_law_fit
from published_runs import REFIT, drawn_runs, published_runs, without_the_worst


def test_the_true_law_extrapolates_without_error():
    found = extrapolation(*drawn_runs(REFIT, 40, 0.0, seed=0), flop=1e20)
    assert 2 <= len(found.errors) <= 38
    assert found.error.high < 1e-6 < found.unchanged.low
    assert found.relative_error.high < 1e-6


def test_errors_are_those_of_the_law_of_the_smaller_runs():
    runs = drawn_runs(REFIT, 40, 0.01, seed=1)
    flop = float(np.median(6 * runs.parameters * runs.tokens))
    held_out = 6 * runs.parameters * runs.tokens > flop
    found = extrapolation(*runs, flop, 0.9)
    law = scaling_law_fit(*(each[~held_out] for each in runs)).law
    N, D, L = (each[held_out] for each in runs)
    errors = predicted_losses(law, N, D) - L
    np.testing.assert_allclose(found.errors, errors, rtol=1e-9)
    np.testing.assert_allclose(found.relative_errors, errors / L, rtol=1e-9)
    assert found.error == mean_interval(np.abs(found.errors), 0.9)
    assert found.relative_error == mean_interval(np.abs(found.relative_errors), 0.9)
    best = runs.losses[~held_out].min()
    assert found.unchanged == mean_interval(np.abs(best - L), 0.9)


def test_what_is_held_out_does_not_touch_the_law():
    runs = drawn_runs(REFIT, 30, 0.01, seed=2)
    flop = float(np.median(6 * runs.parameters * runs.tokens))
    held_out = 6 * runs.parameters * runs.tokens > flop
    other = runs._replace(losses=np.where(held_out, 9.0, runs.losses))
    one, other = extrapolation(*runs, flop), extrapolation(*other, flop)
    assert one.fit == other.fit
    assert other.error.estimate > 10 * one.error.estimate


def test_the_published_runs_are_foretold_within_three_percent():
    runs = without_the_worst(published_runs()[0])
    largest = float(np.quantile(6 * runs.parameters * runs.tokens, 0.8))
    found = extrapolation(*runs, largest)
    assert len(found.errors) == 48
    assert found.relative_error.high < 0.03
    assert found.error.high < found.unchanged.low


def test_a_budget_has_runs_on_both_sides():
    runs = drawn_runs(REFIT, 12, 0.01, seed=3)
    with pytest.raises(ValueError, match="at least 2 runs above it: 0 of 12"):
        extrapolation(*runs, flop=1e30)
    with pytest.raises(ValueError, match="at least 6 runs"):
        extrapolation(*runs, flop=1.0)
