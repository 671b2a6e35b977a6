"""Resampled means and percentile intervals, against every resample of few rounds."""

import itertools

import numpy as np
import pytest

from jaxgen.stats.bootstrap import percentile_interval, resampled_means

ROUNDS = np.array([[0.3, 5.0], [1.1, 1.0], [2.5, 0.0], [7.4, 3.0]])


def every_mean(values: np.ndarray) -> np.ndarray:
    """Means of all rounds drawn with replacement, none left to chance."""
    drawn = itertools.product(range(len(values)), repeat=len(values))
    return np.array([values[list(rounds)].mean(axis=0) for rounds in drawn])


def test_the_sample_itself_comes_first():
    np.testing.assert_allclose(resampled_means(ROUNDS, 5)[0], ROUNDS.mean(axis=0))


def test_each_draw_is_a_mean_of_whole_rounds():
    means = resampled_means(ROUNDS, 2_000)
    possible = {tuple(each) for each in every_mean(ROUNDS).round(9)}
    assert {tuple(each) for each in means.round(9)} == possible


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_draws_are_as_likely_as_every_resample(quantile: float):
    draws, every = resampled_means(ROUNDS, 9_999)[:, 0], every_mean(ROUNDS)[:, 0]
    chance = 3 * np.sqrt(quantile * (1 - quantile) / 9_999)
    low, high = np.quantile(every, [quantile - chance, quantile + chance])
    assert low - 1e-12 <= np.quantile(draws, quantile) <= high + 1e-12


def test_equal_rounds_have_equal_means_to_the_last_digit():
    rounds = np.tile([0.1, 1 / 3], (7, 1))
    assert np.all(resampled_means(rounds, 100) == rounds[0])


def test_one_round_is_not_drawn_again():
    np.testing.assert_array_equal(resampled_means(ROUNDS[:1], 100), ROUNDS[:1])


def test_same_rounds_give_the_same_draws_whatever_was_drawn_before():
    first = resampled_means(ROUNDS, 50)
    np.random.default_rng().normal(size=5)
    np.testing.assert_array_equal(first, resampled_means(ROUNDS, 50))


def test_ends_leave_out_as_many_draws_on_either_side():
    others = np.delete(np.arange(1.0, 401.0), 199)
    draws = np.array([200.0, *np.random.default_rng(0).permutation(others)])
    assert percentile_interval(draws, 0.95) == (10.0, 200.0, 391.0)


def test_infinite_draws_are_ranked_and_never_averaged():
    draws = np.array([5.0, *np.full(200, 3.0), *np.full(200, np.inf)])
    assert percentile_interval(draws) == (3.0, 5.0, np.inf)


def test_an_interval_holds_its_estimate():
    assert percentile_interval(np.array([9.0, *np.arange(5.0)]), 0.5).high == 9.0
    assert percentile_interval(np.array([-9.0, *np.arange(5.0)]), 0.5).low == -9.0


def test_a_single_draw_has_no_width():
    assert percentile_interval(np.array([0.1])) == (0.1, 0.1, 0.1)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_a_level_is_a_probability(level: float):
    with pytest.raises(ValueError, match="level"):
        percentile_interval(np.arange(3.0), level)
