"""Memorization against brute force, SciPy's rank test and perfect samplers."""

import jax
import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats

from jaxgen.metrics.bins import centres_of
from jaxgen.metrics.memorization import (
    authenticity,
    authenticity_expectation,
    copying_scores,
    nearest_distances,
)

NEAREST = jax.jit(nearest_distances)
AUTHENTICITY = jax.jit(authenticity)
COPYING = jax.jit(copying_scores, static_argnames="least")


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def apart(x, y):
    return scipy.spatial.distance.cdist(x.astype(np.float64), y.astype(np.float64))


TRAIN, TEST, FRESH = normal(0, 320, 4), normal(1, 256, 4), normal(2, 208, 4)
CENTRES = centres_of(TRAIN, bins=5, seed=0)
MIXED = np.concatenate([TRAIN[:50], 1.5 * FRESH[50:]])


def brute_authenticity(train, fake):
    among, between = apart(train, train), apart(train, fake)
    np.fill_diagonal(among, np.inf)
    return (between.min(0) > among.min(0)[between.argmin(0)]).mean()


def brute_copying(train, test, fake, centres, least):
    cells = [apart(x, centres).argmin(-1) for x in (train, test, fake)]
    by_cell, weights = [], []
    for k in range(len(centres)):
        near, usual, own = (
            x[labels == k] for x, labels in zip((train, test, fake), cells, strict=True)
        )
        n, m = len(usual), len(own)
        if not len(near) or n < least or m < least:
            by_cell.append(np.nan)
            continue
        distances = apart(own, near).min(-1), apart(usual, near).min(-1)
        u = scipy.stats.mannwhitneyu(*distances).statistic
        by_cell.append((u - n * m / 2 + 0.5) / np.sqrt(n * m * (n + m + 1) / 12))
        weights.append(n)
    z = np.array(by_cell)
    share = sum(weights) / len(test)
    return np.average(z[~np.isnan(z)], weights=weights), z, share


def test_nearest_distances_are_those_of_all_pairs():
    some = FRESH[:-3]  # no whole number of blocks
    expected = apart(some, TRAIN).min(-1)
    np.testing.assert_allclose(NEAREST(some, TRAIN), expected, rtol=1e-5)


def test_copies_are_at_distance_zero_far_from_the_origin():
    far = TRAIN + np.float32(1000)
    assert not NEAREST(far[:205], far).any()
    assert float(AUTHENTICITY(far, far[:208])) == 0.0


def test_broken_points_are_far_from_all():
    queries, points = FRESH[:205].copy(), TRAIN.copy()
    queries[3], points[7] = np.nan, np.nan
    distances = np.asarray(NEAREST(queries, points))
    expected = apart(np.delete(FRESH[:205], 3, 0), np.delete(TRAIN, 7, 0)).min(-1)
    assert np.isposinf(distances[3])
    np.testing.assert_allclose(np.delete(distances, 3), expected, rtol=1e-5)
    expected = brute_authenticity(np.delete(TRAIN, 7, 0), FRESH)
    np.testing.assert_allclose(AUTHENTICITY(points, FRESH), expected, rtol=1e-6)


@pytest.mark.parametrize("fake", [FRESH, MIXED, 0.3 * FRESH])
def test_authenticity_is_that_of_all_pairs(fake):
    expected = brute_authenticity(TRAIN, fake)
    assert 0.05 < expected < 0.95
    np.testing.assert_allclose(AUTHENTICITY(TRAIN, fake), expected, rtol=1e-6)


def test_copies_and_near_copies_are_not_authentic_and_noise_is():
    assert float(AUTHENTICITY(TRAIN, TRAIN[:208])) == 0.0
    assert float(AUTHENTICITY(TRAIN, TRAIN[:208] + np.float32(1e-3) * FRESH)) == 0.0
    assert float(AUTHENTICITY(TRAIN, 50 * FRESH)) > 0.99


def test_a_sample_as_far_as_the_neighbour_is_not_authentic():
    train = np.array([[0.0], [1.0], [5.0], [5.0]], np.float32)
    fake = np.array([[-1.0], [-1.5], [5.0], [5.1]], np.float32)
    np.testing.assert_array_equal(AUTHENTICITY(train, fake), 0.5)


@pytest.mark.parametrize("dimension", [1, 3])
def test_a_perfect_sampler_has_the_authenticity_of_its_dimension(dimension):
    def score(key):
        train, fake = jax.random.uniform(key, (2, 160, dimension))
        # none but the middle: points at the border have neighbours on one side
        return authenticity(train, 0.3 + 0.4 * fake)

    scores = jax.jit(jax.vmap(score))(jax.random.split(jax.random.key(0), 100))
    error = scores.std() / np.sqrt(100)
    assert abs(scores.mean() - authenticity_expectation(dimension)) < 4 * error
    assert error < 0.01


def test_authenticity_expectation_in_closed_form():
    plane = 6 * np.pi / (8 * np.pi + 3 * np.sqrt(3))
    np.testing.assert_allclose(authenticity_expectation(1), 1 / 3, rtol=1e-12)
    np.testing.assert_allclose(authenticity_expectation(2), 1 - plane, rtol=1e-12)
    np.testing.assert_allclose(authenticity_expectation(3), 1 - 16 / 27, rtol=1e-12)
    np.testing.assert_allclose(authenticity_expectation(1000), 0.5, rtol=1e-9)


@pytest.mark.parametrize("least", [1, 40])
@pytest.mark.parametrize("fake", [FRESH, MIXED])
def test_copying_is_the_rank_test_of_each_cell(fake, least):
    scores = COPYING(TRAIN, TEST, fake, CENTRES, least=least)
    score, by_cell, share = brute_copying(TRAIN, TEST, fake, CENTRES, least)
    np.testing.assert_allclose(scores.by_cell, by_cell, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores.score, score, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores.share, share, rtol=1e-6)


def test_too_small_cells_are_left_out_of_the_score():
    scores = COPYING(TRAIN, TEST, FRESH, CENTRES, least=40)
    assert 0.0 < float(scores.share) < 1.0
    dead = np.where(np.arange(256)[:, None] < 25, np.float32(np.nan), TEST)
    fewer = COPYING(TRAIN, dead, FRESH, CENTRES, least=1)
    np.testing.assert_allclose(fewer.share, 231 / 256, rtol=1e-6)
    none = COPYING(TRAIN, TEST, 0 * FRESH + np.float32(np.nan), CENTRES, least=40)
    assert np.isnan(none.score) and np.isnan(none.by_cell).all()
    assert float(none.share) == 0.0
    # a centre with no training sample is nobody's cell
    away = np.concatenate([CENTRES[:4], CENTRES[:1] + 100])
    more = COPYING(TRAIN, TEST + 100, FRESH + 100, away, least=40)
    assert np.isnan(more.score) and np.isnan(more.by_cell[4])


def test_equal_distances_count_one_half():
    train, test, fake = (np.round(x) for x in (TRAIN, TEST, FRESH))
    scores = COPYING(train, test, fake, CENTRES, least=40)
    expected = brute_copying(train, test, fake, CENTRES, 40)
    np.testing.assert_allclose(scores.by_cell, expected[1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores.score, expected[0], rtol=1e-4, atol=1e-5)


def test_copies_score_far_below_and_misfits_far_above_zero():
    copies = COPYING(TRAIN, TEST, TRAIN[:208], CENTRES, least=40)
    near = TRAIN[:208] + np.float32(0.05) * FRESH
    assert float(copies.score) < -8.0 and float(copies.share) > 0.5
    assert float(COPYING(TRAIN, TEST, near, CENTRES, least=40).score) < -4.0
    assert float(COPYING(TRAIN, TEST, 3 * FRESH, CENTRES, least=40).score) > 3.0


def test_a_perfect_sampler_scores_standard_normal_cells():
    def draw(key):
        test, fake = jax.random.normal(key, (2, 200, 4))
        return copying_scores(TRAIN, test, fake, CENTRES, least=10)

    scores = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(0), 200))
    z = np.asarray(scores.by_cell)
    assert not np.isnan(z).any()
    assert abs(z.mean()) < 4 / np.sqrt(z.size) + 0.02  # which the + ½ moves it by
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * z.size)
    spread = 1 / np.sqrt(5)  # less for equal cells only
    assert 0.9 * spread < np.asarray(scores.score).std() < 1.3 * spread


def test_scores_follow_rigid_motions_and_ignore_order():
    turn, _ = np.linalg.qr(normal(3, 4, 4))
    expected = COPYING(TRAIN, TEST, FRESH, CENTRES, least=40)
    moved = (x[::-1] @ turn + 1 for x in (TRAIN, TEST, FRESH))
    scores = COPYING(*moved, CENTRES @ turn + 1, least=40)
    np.testing.assert_allclose(scores.score, expected.score, atol=1e-3)
    assert float(AUTHENTICITY(TRAIN[::-1], FRESH[::-1])) == float(
        AUTHENTICITY(TRAIN, FRESH)
    )


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="train has 1 points"):
        authenticity(TRAIN[:1], FRESH)
    with pytest.raises(ValueError, match="points has 0 rows"):
        nearest_distances(FRESH, TRAIN[:0])
    with pytest.raises(ValueError, match="least=0"):
        copying_scores(TRAIN, TEST, FRESH, CENTRES, least=0)
    with pytest.raises(ValueError, match="dimension=0"):
        authenticity_expectation(0)
