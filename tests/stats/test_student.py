"""Student's interval and its power against closed forms, and against many samples."""

import numpy as np
import pytest
from scipy.stats import t, ttest_1samp

from jaxgen.stats.student import (
    equivalent,
    found,
    minimum_detectable_effect,
    student_interval,
)


def values(count, mean=0.3):
    return np.random.default_rng(0).normal(mean, 2.0, count)


@pytest.mark.parametrize("count", [2, 3, 10])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_is_that_of_scipy(count, level):
    own = student_interval(values(count), level)
    expected = ttest_1samp(values(count), 0).confidence_interval(level)
    np.testing.assert_allclose([own.low, own.high], expected)
    assert own.estimate == pytest.approx(values(count).mean())


def test_the_interval_of_two_values_is_that_of_cauchy():
    # with one degree of freedom t is tan(pi level / 2)
    low, mean, high = student_interval(np.array([1.0, 3.0]), 0.8)
    assert mean == 2
    assert (high - low) / 2 == pytest.approx(np.tan(np.pi * 0.4))


def test_many_values_find_what_the_normal_law_says():
    many = np.tile([-3.0, 3.0], 20_000)
    expected = (1.959964 + 0.841621) * 3 / 200
    assert minimum_detectable_effect(many) == pytest.approx(expected, rel=1e-4)
    stricter = minimum_detectable_effect(many, level=0.99, power=0.9)
    assert stricter == pytest.approx((2.575829 + 1.281552) * 3 / 200, rel=1e-4)


@pytest.mark.parametrize("count", [2, 4, 10])
def test_it_is_found_four_times_in_five(count):
    spread = values(count).std(ddof=1)
    effect = minimum_detectable_effect(values(count))
    samples = np.random.default_rng(1).normal(effect, spread, (40_000, count))
    error = samples.std(axis=1, ddof=1) / np.sqrt(count)
    share = (samples.mean(axis=1) / error > t.ppf(0.975, count - 1)).mean()
    assert share == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / 40_000))


def test_the_effect_follows_the_spread_and_not_the_mean():
    base = minimum_detectable_effect(values(8))
    assert minimum_detectable_effect(values(8) + 9) == pytest.approx(base)
    assert minimum_detectable_effect(values(8) * 3) == pytest.approx(3 * base)
    assert found(values(8)).detectable == base


def test_equal_but_for_a_margin():
    near = np.array([0.01, -0.01, 0.005, -0.004, 0.0])
    assert equivalent(near, 0.02) == "supported"
    assert equivalent(near + 1, 0.02) == "refuted"
    assert equivalent(near - 1, 0.02) == "refuted"
    assert equivalent(near + 0.02, 0.02) == "undecided"
    # two tests of five in a hundred are an interval of ninety
    half = student_interval(near, 0.9).high - near.mean()
    edge = half + abs(near.mean())
    assert equivalent(near, edge * 1.001) == "supported"
    assert equivalent(near, edge * 0.999) == "undecided"


@pytest.mark.parametrize(
    "make, complaint",
    [
        (lambda: student_interval(np.ones(1)), "holds 1 unit"),
        (lambda: student_interval(np.array([1.0, np.nan])), r"values\[1\] = nan"),
        (lambda: student_interval(np.ones(2), 1.0), "level = 1.0"),
        (lambda: minimum_detectable_effect(np.ones(3), power=0.01), "power = 0.01"),
        (lambda: minimum_detectable_effect(np.ones(3), power=1.0), "power = 1.0"),
        (lambda: equivalent(np.ones(3), 0), "margin = 0"),
    ],
)
def test_what_has_no_answer_is_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
