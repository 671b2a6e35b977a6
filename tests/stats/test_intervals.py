"""Intervals against closed forms, enumeration, published tables and simulation."""

import itertools

import numpy as np
import pytest
import scipy.stats

from jaxgen.stats.intervals import (
    Interval,
    finite,
    mean_interval,
    mean_intervals,
    paired_difference,
    proportion_interval,
)

SEEDS = np.array([8.0, 7.0, 8.0, 1.0, 8.0, 7.0, 3.0, 8.0])


def bca(values: np.ndarray, level: float) -> tuple[float, float]:
    """Efron's formulas over every resample of the values, none left to chance."""
    n, normal = len(values), scipy.stats.norm
    every = np.array(list(itertools.product(values, repeat=n))).mean(axis=1)
    near = np.isclose(every, values.mean(), rtol=0, atol=1e-12)
    share = np.mean(~near & (every < values.mean())) + near.mean() / 2
    bias = normal.ppf(share)
    left_out = np.array([np.delete(values, i).mean() for i in range(n)])
    gap = left_out.mean() - left_out
    skew = np.sum(gap**3) / (6 * np.sum(gap**2) ** 1.5)
    z = bias + normal.ppf([(1 - level) / 2, (1 + level) / 2])
    low, high = np.quantile(every, normal.cdf(bias + z / (1 - skew * z)))
    return low, high


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_mean_interval_is_that_of_every_resample(level: float):
    values = np.array([0.3, 1.1, 1.9, 2.2, 7.5, 2.8])
    low, estimate, high = mean_interval(values, level)
    # what 9,999 draws leave to chance; plain percentiles are off by 15 % and more
    np.testing.assert_allclose((low, high), bca(values, level), rtol=0.04)
    assert estimate == pytest.approx(values.mean(), abs=1e-15)


def test_mean_interval_covers_a_skewed_mean_at_its_level():
    rng = np.random.default_rng(1)
    hits = [
        low <= 1.0 <= high
        for low, _, high in (
            mean_interval(rng.exponential(size=40)) for _ in range(300)
        )
    ]
    assert 0.89 < np.mean(hits) < 0.98


def test_mean_interval_covers_as_often_as_its_docstring_says():
    rng = np.random.default_rng(2)
    for seeds, promised in ((2, 0.50), (5, 0.84), (10, 0.90)):
        drawn = [mean_interval(rng.normal(size=seeds)) for _ in range(250)]
        covered = np.mean([low <= 0 <= high for low, _, high in drawn])
        assert abs(covered - promised) < 3 * np.sqrt(promised * (1 - promised) / 250)


@pytest.mark.parametrize("scale", [-3.0, 1e-200, 1e100])
def test_mean_interval_commutes_with_scale(scale: float):
    ends = scale * np.array(mean_interval(SEEDS))
    np.testing.assert_allclose(
        np.sort(mean_interval(scale * SEEDS)), np.sort(ends), 1e-9
    )


def test_mean_interval_widens_with_its_level():
    inner, outer = mean_interval(SEEDS, 0.5), mean_interval(SEEDS, 0.99)
    assert outer.low < inner.low < inner.estimate < inner.high < outer.high


def test_equal_values_have_no_width():
    assert mean_interval(np.full(7, 0.1)) == Interval(0.1, 0.1, 0.1)


def test_values_one_rounding_apart_still_have_an_interval():
    low, estimate, high = mean_interval(np.array([1.0, np.nextafter(1.0, 2.0), 1.0]))
    assert 1.0 <= low <= estimate <= high <= np.nextafter(1.0, 2.0)


def test_ends_of_counts_are_exact():
    eighths = 8 * np.array(mean_interval(SEEDS))
    np.testing.assert_array_equal(eighths, np.round(eighths))


def test_integers_and_single_precision_are_read_as_they_are():
    assert mean_interval(SEEDS.astype(int)) == mean_interval(SEEDS.astype(np.float32))


def test_same_values_give_the_same_interval_whatever_was_drawn_before():
    first = mean_interval(SEEDS), paired_difference(SEEDS, SEEDS[::-1])
    np.random.default_rng().normal(size=5)
    assert first == (mean_interval(SEEDS), paired_difference(SEEDS, SEEDS[::-1]))


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_each_row_has_the_interval_that_it_has_alone(seeds: int):
    rng = np.random.default_rng(8)  # has ties that round apart
    shape = (40, seeds)
    rows = np.concatenate([rng.normal(size=shape), rng.integers(0, 3, shape)])
    assert mean_intervals(rows) == [mean_interval(row) for row in rows]


def test_one_replicate_has_no_interval():
    with pytest.raises(ValueError, match=r"1 replicate.*more seeds"):
        mean_interval(np.array([3.0]))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_a_level_is_a_probability(level: float):
    with pytest.raises(ValueError, match="level"):
        mean_interval(SEEDS, level)
    with pytest.raises(ValueError, match="level"):
        proportion_interval(1, 2, level)


def test_finite_names_the_first_wrong_entry():
    values = np.ones((2, 3))
    values[1, 2], values[1, 1] = np.inf, np.nan
    with pytest.raises(ValueError, match=r"loss\[1, 1\] = nan"):
        finite("loss", values)
    with pytest.raises(ValueError, match=r"b\[0\] = -inf"):
        paired_difference(np.ones(2), np.array([-np.inf, 0.0]))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(2, 10, 6, 51), (16, 64, 16, 37), (44, 200, 17, 28)],
)
def test_published_success_rates(successes: int, trials: int, low: int, high: int):
    interval = proportion_interval(successes, trials)
    assert (round(100 * interval.low), round(100 * interval.high)) == (low, high)
    assert interval.estimate == successes / trials


@pytest.mark.parametrize("successes", [0, 3, 9])
def test_wilson_ends_are_where_the_score_test_just_rejects(successes: int):
    low, _, high = proportion_interval(successes, 9, 0.9)
    z = scipy.stats.norm.ppf(0.95)
    for p in {low, high} - {0.0, 1.0}:
        score = abs(successes / 9 - p) / np.sqrt(p * (1 - p) / 9)
        assert score == pytest.approx(z, rel=1e-9)


def test_wilson_covers_its_level_on_average_over_probabilities():
    ends = np.array([proportion_interval(k, 20) for k in range(21)])
    p = np.linspace(0.005, 0.995, 199)[:, None]
    inside = (ends[:, 0] <= p) & (p <= ends[:, 2])
    covered = np.sum(inside * scipy.stats.binom.pmf(np.arange(21), 20, p), axis=1)
    assert 0.94 < covered.mean() < 0.96


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3), (0, 0)])
def test_counts_must_be_possible(successes: int, trials: int):
    with pytest.raises(ValueError, match=r"successes = |trials = 0"):
        proportion_interval(successes, trials)


@pytest.mark.parametrize("shift", [0.0, 0.4, 1.5])
def test_p_value_is_the_share_of_sign_vectors_as_extreme(shift: float):
    rng = np.random.default_rng(3)
    a, b = rng.normal(shift, 1, 9), rng.normal(size=9)
    signs = np.array(list(itertools.product([-1, 1], repeat=9)))
    extreme = np.abs(signs @ (a - b)) >= abs(np.sum(a - b)) * (1 - 1e-12)
    assert paired_difference(a, b).p_value == pytest.approx(extreme.mean(), abs=1e-12)


def test_sampled_p_value_agrees_with_the_normal_limit():
    difference = np.random.default_rng(4).normal(0.3, 1, 60)
    sampled = paired_difference(difference, np.zeros(60)).p_value
    z = difference.sum() / np.sqrt(np.sum(difference**2))
    assert sampled == pytest.approx(2 * scipy.stats.norm.sf(abs(z)), abs=0.012)


def test_six_equal_differences_give_the_least_p_value():
    found = paired_difference(np.arange(6) + 2.0, np.arange(6.0))
    assert found == (Interval(2.0, 2.0, 2.0), 2**-5)


def test_no_difference_is_no_surprise():
    assert paired_difference(SEEDS, SEEDS).p_value == 1.0


def test_interval_of_a_difference_is_paired():
    common = 100 * np.random.default_rng(5).normal(size=8)
    paired = paired_difference(common + SEEDS, common).interval
    np.testing.assert_allclose(paired, mean_interval(SEEDS), rtol=1e-9)


def test_swapping_the_pair_mirrors_the_estimate_and_keeps_the_p_value():
    a, b = SEEDS, SEEDS[::-1] ** 0.5
    one, other = paired_difference(a, b), paired_difference(b, a)
    assert one.interval.estimate == pytest.approx(-other.interval.estimate)
    assert one.p_value == other.p_value
