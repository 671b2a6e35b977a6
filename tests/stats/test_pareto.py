"""Fronts, against every point looked at on a fine grid of budgets."""

import numpy as np
import pytest

from jaxgen.stats.pareto import area_under_front, most_within


def test_the_area_is_the_mean_over_budgets():
    chance = np.random.default_rng(0)
    cost = chance.integers(-20, 130, (5, 4, 7)) / 100
    value = chance.normal(size=cost.shape)
    middles = (np.arange(100) + 0.5) / 100  # all steps are at hundredths
    by_hand = np.zeros((5, 4))
    for unit in np.ndindex(5, 4):
        for budget in middles:
            had = [
                v for c, v in zip(cost[unit], value[unit], strict=True) if c <= budget
            ]
            by_hand[unit] += max([0.0, *had]) / 100
    found = area_under_front(cost, value, 1.0)
    np.testing.assert_allclose(found, by_hand, atol=1e-12)
    np.testing.assert_allclose(most_within(cost, value, middles).mean(-1), by_hand)
    # a point that is worse in both adds nothing; one that is better can only add
    worse = np.concatenate([cost, cost[..., :1] + 0.01], -1)
    lower = np.concatenate([value, value[..., :1] - 1], -1)
    np.testing.assert_allclose(area_under_front(worse, lower, 1.0), by_hand)


def test_what_is_no_front_is_refused():
    with pytest.raises(ValueError, match="budget = 0"):
        area_under_front(np.ones(2), np.ones(2), 0.0)
    with pytest.raises(ValueError, match=r"cost\[1\] = nan"):
        most_within(np.array([0, np.nan]), np.ones(2), np.ones(1))
