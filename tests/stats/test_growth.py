"""Exponents and the choice of a law against closed forms and simulation."""

import itertools

import numpy as np
import pytest

from jaxgen.stats.growth import exponent, growth, local_exponents
from jaxgen.stats.growth_laws import power_law_fit, power_law_fits, quadratic_fit
from jaxgen.stats.intervals import mean_interval

LENGTHS = 2.0 ** np.arange(7, 14)


def noisy(means: np.ndarray, rounds: int, rng: np.random.Generator) -> np.ndarray:
    """Rounds of 5 % noise, each slowed down as a whole by 20 % more or less."""
    each, whole = rng.normal(size=(rounds, len(means))), rng.normal(size=(rounds, 1))
    return means * np.exp(0.05 * each + 0.2 * whole)


def test_local_exponents_are_slopes_between_neighbours():
    lengths = np.array([128, 256, 768, 1024])
    found = local_exponents(lengths, 7.0 * lengths[None] ** 1.5)
    np.testing.assert_allclose(found, np.full((3, 3), 1.5), rtol=1e-12)


def test_local_exponents_are_means_over_rounds():
    costs = noisy(LENGTHS**2, 6, np.random.default_rng(0))
    each = np.log2(costs[:, 1:] / costs[:, :-1])
    assert len(local_exponents(LENGTHS, costs)) == 6
    for found, slopes in zip(local_exponents(LENGTHS, costs), each.T, strict=True):
        np.testing.assert_allclose(found, mean_interval(slopes), rtol=1e-9)


def test_the_exponent_is_the_least_squares_slope_of_each_round():
    costs = noisy(LENGTHS**2, 6, np.random.default_rng(1))
    slopes = np.polyfit(np.log(LENGTHS), np.log(costs).T, 1)[0]
    np.testing.assert_allclose(
        exponent(LENGTHS, costs, 0.8), mean_interval(slopes, 0.8), rtol=1e-9
    )


def test_what_slows_a_whole_round_changes_nothing():
    rng = np.random.default_rng(2)
    costs, slower = noisy(1e5 + LENGTHS**2, 5, rng), np.exp(rng.normal(size=(5, 1)))
    for found, expected in (
        (exponent(LENGTHS, slower * costs), exponent(LENGTHS, costs)),
        (growth(LENGTHS, slower * costs).exponent, growth(LENGTHS, costs).exponent),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_an_offset_pulls_the_slope_down_and_the_fit_undoes_it():
    costs = (1e6 + LENGTHS**2)[None]
    assert exponent(LENGTHS, costs).estimate < 1.2
    assert growth(LENGTHS, costs).exponent.estimate == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize(
    ("costs", "law", "found"),
    [
        (LENGTHS, "quadratic", 1.0),
        (LENGTHS**2, "quadratic", 2.0),
        (1e3 + 2 * LENGTHS, "quadratic", 1.0),
        (1e4 + LENGTHS + LENGTHS**2 / 100, "quadratic", 1.97),
        (np.full(7, 5.0), "quadratic", 0.0),
        (LENGTHS**1.5, "power law", 1.5),
        (LENGTHS**3, "power law", 3.0),
        (1e3 + LENGTHS**1.5, "power law", 1.5),
        (LENGTHS * np.log(LENGTHS), "power law", 1.15),
    ],
    ids=["n", "n2", "a+n", "a+n+n2", "1", "n1.5", "n3", "a+n1.5", "nlogn"],
)
def test_noiseless_costs_choose_their_law(costs: np.ndarray, law: str, found: float):
    chosen = growth(LENGTHS, costs[None])
    assert chosen.law == law
    assert chosen.exponent.estimate == pytest.approx(found, abs=5e-3)
    assert (chosen.aicc_difference > 0) == (law == "power law")


def test_noise_does_not_speak_clearly_for_the_wrong_law():
    rng = np.random.default_rng(8)
    for means, power in ((LENGTHS**2, False), (LENGTHS * np.log(LENGTHS), True)):
        found = [growth(LENGTHS, noisy(means, 9, rng)) for _ in range(20)]
        clear = [each.aicc_difference > 10 for each in found]
        assert np.mean(clear) == 1 if power else np.mean(clear) < 0.1


def test_of_two_exact_laws_the_one_with_fewer_parameters_is_chosen():
    # 2 k N / (N − k − 1) at N = 7 of k = 3 and 4; the same of k = 2 and 3
    assert growth(LENGTHS, 1e3 + LENGTHS[None]).aicc_difference == -14.0
    assert growth(LENGTHS, LENGTHS[None]).aicc_difference == -7.0
    constant = growth(LENGTHS, np.ones((1, 7)))
    assert (constant.aicc_difference, constant.law) == (0.0, "quadratic")


def test_aicc_is_that_of_its_formula():
    costs = noisy(1e5 + 10 * LENGTHS**1.5, 9, np.random.default_rng(3))
    found, means = growth(LENGTHS, costs), np.exp(np.log(costs).mean(axis=0))
    c0, c1, c2 = found.quadratic
    a, c, p = found.power
    aicc = []
    for fitted, law in (
        (c0 + c1 * LENGTHS + c2 * LENGTHS**2, found.quadratic),
        (a + c * LENGTHS**p, found.power),
    ):
        k = 1 + sum(each > 0 for each in law)
        variance = np.mean((fitted / means - 1) ** 2)
        aicc.append(7 * np.log(variance) + 2 * k + 2 * k * (k + 1) / (7 - k - 1))
    assert found.aicc_difference == pytest.approx(aicc[0] - aicc[1], abs=1e-6)


def test_laws_are_fitted_to_the_geometric_mean_over_rounds():
    costs = noisy(1e5 + 10 * LENGTHS**1.5, 9, np.random.default_rng(4))
    means, found = np.exp(np.log(costs).mean(axis=0)), growth(LENGTHS, costs)
    np.testing.assert_allclose(found.quadratic, quadratic_fit(LENGTHS, means), 1e-9)
    np.testing.assert_allclose(found.power, power_law_fit(LENGTHS, means), 1e-6)
    assert found.exponent.estimate == found.power.exponent


def test_the_residual_is_the_largest_of_the_chosen_law():
    means = (1e3 + LENGTHS**1.5) * np.array([1.0, 1, 1, 1, 1.08, 1, 1])
    found = growth(LENGTHS, means[None])
    offset, scale, p = found.power
    off = (offset + scale * LENGTHS**p) / means - 1
    assert found.law == "power law"
    assert found.residual == pytest.approx(np.abs(off).max(), rel=1e-9)


def test_one_round_and_equal_rounds_are_exact():
    means = 1e5 + 10 * LENGTHS**1.5
    for rounds in (1, 4):
        costs = np.tile(means, (rounds, 1))
        found = growth(LENGTHS, costs).exponent
        assert found.low == found.estimate == found.high
        for low, middle, high in local_exponents(LENGTHS, costs):
            assert low == middle == high


def test_the_interval_is_that_of_every_resample():
    rng, rounds = np.random.default_rng(5), 4
    logs = np.log(noisy(1e5 + 10 * LENGTHS**1.5, rounds, rng))
    drawn = itertools.product(range(rounds), repeat=rounds)
    means = np.exp([logs[list(each)].mean(axis=0) for each in drawn])
    every = [law.exponent for law in power_law_fits(LENGTHS, means)]
    low, _, high = growth(LENGTHS, np.exp(logs), 0.8).exponent
    chance = 3 * np.sqrt(0.1 * 0.9 / 399)
    for end, share in ((low, 0.1), (high, 0.9)):
        near = np.quantile(every, [share - chance, share + chance])
        assert near[0] <= end <= near[1]


@pytest.mark.parametrize(("offset", "promised"), [(1e5, 0.82), (0.0, 0.79)])
def test_the_exponent_is_covered_as_often_as_the_docstring_says(offset, promised):
    rng, hits = np.random.default_rng(6), []
    for _ in range(80):
        costs = noisy(offset + 10 * LENGTHS**1.5, 5, rng)
        low, _, high = growth(LENGTHS, costs).exponent
        hits.append(low <= 1.5 <= high)
    assert abs(np.mean(hits) - promised) < 3 * np.sqrt(promised * (1 - promised) / 80)


def test_a_higher_level_is_wider():
    costs = noisy(1e5 + LENGTHS**2, 9, np.random.default_rng(7))
    inner, outer = (growth(LENGTHS, costs, level).exponent for level in (0.5, 0.99))
    assert outer.low < inner.low < inner.estimate < inner.high < outer.high


def test_aicc_needs_six_lengths():
    growth(LENGTHS[:6], LENGTHS[None, :6])
    with pytest.raises(ValueError, match=r"AICc.* at least 6: measure more"):
        growth(LENGTHS[:5], LENGTHS[None, :5])


@pytest.mark.parametrize("ask", [growth, exponent, local_exponents])
def test_what_cannot_be_fitted_is_refused(ask):
    costs = np.tile(LENGTHS, (3, 1))
    with pytest.raises(ValueError, match="level"):
        ask(LENGTHS, costs[:1], 95.0)
    with pytest.raises(ValueError, match="at least"):
        ask(LENGTHS[:1], costs[:, :1])
    with pytest.raises(ValueError, match=r"lengths\[1\]"):
        ask(LENGTHS[::-1], costs)
    with pytest.raises(ValueError, match=r"costs has shape \(3, 6\)"):
        ask.__wrapped__(LENGTHS, costs[:, :6])
    costs[2, 4] = 0.0
    with pytest.raises(ValueError, match=r"costs\[2, 4\] = 0.*positive"):
        ask(LENGTHS, costs)
