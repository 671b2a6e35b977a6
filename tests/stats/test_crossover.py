"""Crossovers against the roots of known laws, every resample, and simulation."""

import itertools
import math

import numpy as np
import pytest

from jaxgen.stats.crossover import crossover

LENGTHS = 2.0 ** np.arange(7, 14)


def noisy(means: np.ndarray, rounds: int, rng: np.random.Generator) -> np.ndarray:
    return means * np.exp(0.05 * rng.normal(size=(rounds, len(means))))


@pytest.mark.parametrize("length", [128.0, 700.0, 4096.0, 8000.0])
def test_power_laws_cross_where_they_are_equal(length: float):
    found = crossover(LENGTHS, LENGTHS[None] ** 2, length * LENGTHS[None])
    np.testing.assert_allclose(found, [length] * 3, rtol=1e-12)


def test_a_line_crosses_a_parabola_at_their_root():
    # a + b n = d n²
    a, b, d = 4e4, 300.0, 0.5
    root = (b + math.sqrt(b**2 + 4 * a * d)) / (2 * d)
    lengths = np.geomspace(64, 8192, 500)
    found = crossover(lengths, d * lengths[None] ** 2, a + b * lengths[None])
    assert found.estimate == pytest.approx(root, rel=1e-4)


def test_of_several_crossings_the_last_counts():
    one = np.array([[2.0, 1.0, 2.0, 1.0, 2.0, 2.0, 2.0]])
    found = crossover(LENGTHS, one, np.full((1, 7), math.sqrt(2)))
    assert found.estimate == pytest.approx(math.sqrt(LENGTHS[3] * LENGTHS[4]))


def test_already_at_the_shortest_or_not_by_the_longest():
    cheap = np.tile(LENGTHS, (4, 1))
    assert crossover(LENGTHS, 2 * cheap, cheap) == (0.0, 0.0, 0.0)
    assert crossover(LENGTHS, cheap, 2 * cheap) == (math.inf,) * 3
    assert crossover(LENGTHS, cheap, cheap) == (math.inf,) * 3
    only_once = np.array([0.5, 0.5, 0.5, 2.0, 0.5, 0.5, 0.5]) * cheap
    assert crossover(LENGTHS, only_once, cheap).estimate == math.inf


def test_an_end_may_lie_outside_the_lengths():
    rng = np.random.default_rng(0)
    near = LENGTHS[-1] * LENGTHS * 0.98, LENGTHS[0] * LENGTHS * 1.02
    late, early = (
        crossover(LENGTHS, noisy(LENGTHS**2, 5, rng), noisy(other, 5, rng))
        for other in near
    )
    assert late.low < LENGTHS[-1] and late.high == math.inf
    assert early.low == 0.0 and LENGTHS[0] < early.high < LENGTHS[1]


def test_what_slows_both_in_a_round_cancels():
    rng = np.random.default_rng(1)
    one, other = noisy(LENGTHS**2, 6, rng), noisy(700 * LENGTHS, 6, rng)
    slower = np.exp(rng.normal(size=(6, 1)))
    np.testing.assert_allclose(
        crossover(LENGTHS, slower * one, slower * other),
        crossover(LENGTHS, one, other),
        rtol=1e-9,
    )


def test_the_interval_is_that_of_every_resample():
    rng, rounds, lengths = np.random.default_rng(2), 4, LENGTHS[:3]
    one, other = noisy(lengths**2, rounds, rng), noisy(260 * lengths, rounds, rng)
    every = []
    for drawn in itertools.product(range(rounds), repeat=rounds):
        ratio = np.log(one / other)[list(drawn)].mean(axis=0)
        assert ratio[0] < 0 < ratio[2]
        at = 1 if ratio[1] <= 0 else 0
        cross = np.interp(0.0, ratio[at : at + 2], np.log(lengths[at : at + 2]))
        every.append(math.exp(cross))
    low, _, high = crossover(lengths, one, other, 0.8)
    chance = 3 * np.sqrt(0.1 * 0.9 / 9_999)
    for end, share in ((low, 0.1), (high, 0.9)):
        near = np.quantile(every, [share - chance, share + chance])
        assert near[0] * (1 - 1e-9) <= end <= near[1] * (1 + 1e-9)


def test_the_root_is_covered_as_often_as_the_docstring_says():
    for rounds, promised in ((2, 0.50), (5, 0.84), (9, 0.90)):
        rng, hits = np.random.default_rng(3), []
        for _ in range(120):
            one, other = (
                noisy(law, rounds, rng) for law in (LENGTHS**2, 700 * LENGTHS)
            )
            low, _, high = crossover(LENGTHS, one, other)
            hits.append(low <= 700 <= high)
        chance = 3 * np.sqrt(promised * (1 - promised) / 120)
        assert abs(np.mean(hits) - promised) < chance


def test_what_cannot_be_compared_is_refused():
    costs = np.tile(LENGTHS, (3, 1))
    with pytest.raises(ValueError, match="a crossover needs at least 2"):
        crossover(LENGTHS[:1], costs[:, :1], costs[:, :1])
    with pytest.raises(ValueError, match="level"):
        crossover(LENGTHS, costs, costs, 1.0)
    with pytest.raises(
        ValueError, match=r"other has shape \(2, 7\); expected \(3, 7\)"
    ):
        crossover.__wrapped__(LENGTHS, costs, costs[:2])
    with pytest.raises(ValueError, match=r"one\[0, 0\] = -128"):
        crossover(LENGTHS, -costs, costs)
