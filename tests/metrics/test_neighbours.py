"""Neighbour scores against the authors' code; duplicates against a perfect sampler."""

from functools import partial

import jax
import numpy as np
import pytest
from prdc import compute_prdc

from jaxgen.metrics.distances import by_differences, by_products
from jaxgen.metrics.neighbours import (
    NeighbourScores,
    coverage_expectation,
    duplicate_radius,
    near_duplicate_rate,
    neighbour_distances,
    neighbour_scores,
)

SCORES = jax.jit(neighbour_scores, static_argnames=("k", "distances"))
DISTANCES = jax.jit(neighbour_distances, static_argnames=("k", "distances"))
RATE = jax.jit(near_duplicate_rate)


def published(real, fake, k=5):
    # float64, where the expansion of squares in it does not lose small distances
    scores = compute_prdc(real.astype(np.float64), fake.astype(np.float64), k)
    return NeighbourScores(**scores)


def brute_distances(points, k=1):
    apart = np.linalg.norm(points[:, None].astype(np.float64) - points, axis=-1)
    np.fill_diagonal(apart, np.inf)
    return np.sort(apart, axis=-1)[:, k - 1]


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def assert_close(scores, expected, about="", **tolerance):
    tolerance = tolerance or {"rtol": 1e-6, "atol": 1e-7}
    for name, score, value in zip(scores._fields, scores, expected, strict=True):
        message = f"{name} {about}"
        np.testing.assert_allclose(score, value, err_msg=message, **tolerance)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_scores_are_those_of_the_published_code(k, shift):
    real, fake = normal(0, 320, 8), normal(1, 160, 8) * 0.9 + np.float32(shift)
    assert_close(SCORES(real, fake, k=k), published(real, fake, k))


def test_ties_count_as_in_the_published_code():
    lattice = np.random.default_rng(0).integers(-1, 2, (480, 8)).astype(np.float32)
    real, fake = lattice[:320], lattice[320:]
    for k in (1, 5):
        scores = SCORES(real, fake, k=k)
        assert_close(scores, published(real, fake, k))
        assert 0.05 < float(scores.coverage) < 0.95


def test_copied_fake_points_make_empty_balls():
    real = normal(0, 320, 8)
    copies = np.repeat(real[:80], 2, axis=0)
    assert float(SCORES(real, copies, k=1).recall) == 0.0
    assert float(SCORES(real, copies, k=5).recall) > 0.2


@pytest.mark.parametrize("distinct", [1, 20])
def test_collapse_onto_typical_points_is_seen_by_recall_and_coverage(distinct):
    real, typical = normal(0, 320, 64), normal(4, distinct, 64)
    fake = typical[np.arange(320) % distinct]
    scores = SCORES(real, fake)
    assert_close(scores, published(real, fake))
    assert float(scores.precision) > 0.7 and float(scores.recall) == 0.0
    assert float(scores.coverage) < 0.2


def test_collapse_onto_the_mean_is_seen_by_recall_alone():
    real, fake = normal(0, 320, 64), np.zeros((320, 64), np.float32)
    scores = SCORES(real, fake)
    assert_close(scores, published(real, fake))
    assert float(scores.precision) == 1.0 and float(scores.recall) == 0.0
    assert float(scores.density) > 10 and float(scores.coverage) > 0.99


def test_a_single_point_in_few_balls():
    real = np.array([[0.0], [1.0], [3.0], [7.0]], np.float32)
    fake = np.full((3, 1), 0.5, np.float32)
    # the open balls with k = 1 are (-1, 1), (0, 2), (1, 5), (3, 11)
    assert_close(SCORES(real, fake, k=1), (1.0, 0.0, 2.0, 0.5))


def test_scores_follow_no_rigid_motion_and_no_order():
    real, fake = normal(0, 320, 8), normal(1, 160, 8) + np.float32(0.5)
    turn, _ = np.linalg.qr(normal(2, 8, 8))
    expected = SCORES(real, fake, k=5)
    order = np.random.default_rng(3).permutation(320)
    assert_close(SCORES(real[order], fake[::-1], k=5), expected)
    assert_close(SCORES(real * 4, fake * 4, k=5), expected)
    # rounding may carry a point over the edge of one ball
    assert_close(SCORES(real @ turn + 2, fake @ turn + 2, k=5), expected, atol=2 / 160)


def test_a_perfect_sampler_scores_its_closed_forms():
    def score(key):
        real, fake = jax.random.normal(key, (2, 96, 2))
        return neighbour_scores(real, fake[:64], k=3)

    scores = jax.jit(jax.vmap(score))(jax.random.split(jax.random.key(0), 100))
    for values, expected in [
        (scores.coverage, coverage_expectation(96, 64, 3)),
        (scores.density, 1.0),
    ]:
        assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(100)


@pytest.mark.parametrize("n, m, k", [(4, 3, 1), (12, 5, 3), (6, 9, 5)])
def test_coverage_expectation_is_simulated_coverage(n, m, k):
    rng, trials = np.random.default_rng(4), 20_000
    real, fake = rng.normal(size=(trials, n)), rng.normal(size=(trials, m))
    radii = np.sort(abs(real[:, 1:] - real[:, :1]), axis=-1)[:, k - 1]
    covered = abs(fake - real[:, :1]).min(-1) < radii
    expected = coverage_expectation(n, m, k)
    assert abs(covered.mean() - expected) < 4 * covered.std() / np.sqrt(trials)


def pairs(dimension):
    """Sets that are easy to measure, and sets whose distances cancel or tie."""
    real, noise = normal(0, 320, dimension), normal(4, 320, dimension)
    few = np.random.default_rng(3).integers(0, 20, 320)
    lattice = np.round(real)  # whose squares are not rounded, nor are their ties
    return {
        "other": (real, noise * np.float32(0.9)),
        "far": (real, noise + np.float32(100)),
        "near few": (real, real[few] + np.float32(1e-5) * noise),
        "near one": (real, real[:1] + np.float32(1e-6) * noise),
        "one": (real, np.repeat(real[:1], 320, axis=0)),
        "lattices": (lattice, np.round(noise)),
        "the real": (lattice, lattice[::-1]),
        "few of the real": (lattice, lattice[few]),
    }


@pytest.mark.parametrize("dimension", [8, 100])
def test_products_give_the_scores_of_differences(dimension):
    for name, (real, fake) in pairs(dimension).items():
        scores = SCORES(real, fake, distances=by_products)
        assert_close(scores, SCORES(real, fake), name)
        radii, expected = DISTANCES(fake, 5, by_products), DISTANCES(fake, 5)
        np.testing.assert_allclose(radii, expected, rtol=1e-6, err_msg=name)


def test_products_change_neither_copies_nor_broken_points():
    real = normal(0, 320, 8)
    copies = np.repeat(real[:80], 2, axis=0)
    assert float(SCORES(real, copies, k=1, distances=by_products).recall) == 0.0
    assert not DISTANCES(copies + np.float32(1000), 1, by_products).any()
    broken = normal(1, 320, 8)
    broken[[7, 20]] = np.array([[np.nan], [np.inf]])
    for pair in [(real, broken), (broken, real), (real, np.nan * real)]:
        assert_close(SCORES(*pair, distances=by_products), SCORES(*pair))


def test_products_of_a_vmapped_row_are_the_seed_alone():
    real, fake = normal(0, 3, 160, 8), normal(1, 3, 160, 8)
    scores = partial(neighbour_scores, distances=by_products)
    together = jax.jit(jax.vmap(scores))(real, fake)
    for row in range(3):
        alone = SCORES(real[row], fake[row], k=5)
        assert_close(NeighbourScores(*(score[row] for score in together)), alone)


@pytest.mark.parametrize("distances", [by_differences, by_products])
def test_fifty_thousand_inception_features_fit_into_two_gibibytes(distances):
    features = jax.ShapeDtypeStruct((50_000, 2048), np.float32)
    scores = SCORES.lower(features, features, distances=distances)
    memory = scores.compile().memory_analysis()
    assert memory is not None
    held = memory.temp_size_in_bytes + memory.output_size_in_bytes
    assert memory.argument_size_in_bytes == 2 * 50_000 * 2048 * 4
    assert memory.argument_size_in_bytes + held < 2 * 2**30


@pytest.mark.parametrize("k", [1, 2, 59])
def test_neighbour_distances_are_those_sorted_by_hand(k):
    points = normal(5, 60, 3)
    np.testing.assert_allclose(
        DISTANCES(points, k), brute_distances(points, k), rtol=1e-5
    )


def test_copies_are_at_distance_zero_far_from_the_origin():
    points = np.repeat(normal(6, 30, 3) + np.float32(1000), 2, axis=0)
    assert not DISTANCES(points, 1).any()
    assert (DISTANCES(points, 2) > 0).all()


def test_broken_points_are_far_from_all_and_change_no_other():
    points = normal(5, 60, 3)
    broken = points.copy()
    broken[[7, 20]] = np.array([[np.nan], [np.inf]])
    distances = np.asarray(DISTANCES(broken, 2))
    expected = brute_distances(np.delete(points, [7, 20], 0), 2)
    assert np.isinf(distances[[7, 20]]).all()
    np.testing.assert_allclose(np.delete(distances, [7, 20]), expected, rtol=1e-5)
    dead = SCORES(normal(0, 320, 8), np.full((160, 8), np.nan, np.float32), k=5)
    assert_close(dead, (0.0, 0.0, 0.0, 0.0))


def test_a_perfect_sampler_has_the_quantile_of_near_duplicates():
    def rate(key):
        real, samples = jax.random.normal(key, (2, 160, 2))
        return near_duplicate_rate(samples, duplicate_radius(real, 0.1))

    rates = jax.jit(jax.vmap(rate))(jax.random.split(jax.random.key(0), 100))
    # two independent sets of pairs: each share has at most twice a binomial variance
    assert abs(rates.mean() - 0.1) < 4 * np.sqrt(4 * 0.1 * 0.9 / (160 * 100))


def test_duplicate_radius_is_the_quantile_of_real_distances():
    real = normal(7, 60, 3)
    radius = jax.jit(duplicate_radius, static_argnums=1)(real, 0.25)
    expected = np.quantile(brute_distances(real), 0.25)
    np.testing.assert_allclose(radius, expected, rtol=1e-5)
    np.testing.assert_allclose(RATE(real, radius), 0.25, atol=1 / 60)


def test_near_duplicates_are_counted_up_to_the_radius():
    samples = np.array([[0.0], [0.0], [2.0], [3.0], [8.0]], np.float32)
    for radius, rate in [(0.0, 0.4), (0.99, 0.4), (1.0, 0.8), (5.0, 1.0)]:
        np.testing.assert_allclose(RATE(samples, radius), rate)


def test_near_duplicates_follow_rigid_motions_and_ignore_order():
    points = normal(5, 60, 3)
    turn, _ = np.linalg.qr(normal(2, 3, 3))
    expected = DISTANCES(points)
    moved = DISTANCES(points[::-1] @ turn + 1)[::-1]
    np.testing.assert_allclose(moved, expected, rtol=1e-4)


def test_a_vmapped_row_is_the_seed_alone():
    real, fake = normal(0, 3, 320, 8), normal(1, 3, 160, 8)
    together = jax.jit(jax.vmap(neighbour_scores))(real, fake)
    for row in range(3):
        alone = SCORES(real[row], fake[row], k=5)
        assert_close(NeighbourScores(*(score[row] for score in together)), alone)


def test_sets_too_small_for_a_neighbour_are_refused_by_name():
    few, many = np.zeros((5, 2), np.float32), np.zeros((9, 2), np.float32)
    with pytest.raises(ValueError, match="real has 5 points: neighbour k=5"):
        neighbour_scores(few, many)
    with pytest.raises(ValueError, match="fake has 5 points: neighbour k=5"):
        neighbour_scores(many, few)
    with pytest.raises(ValueError, match="k=0"):
        neighbour_scores(many, many, k=0)
    with pytest.raises(ValueError, match="n has 5 points"):
        coverage_expectation(5, 10, 5)
    with pytest.raises(ValueError, match="m=0"):
        coverage_expectation(5, 0, 3)


def test_one_sample_has_no_neighbour():
    one = np.zeros((1, 2), np.float32)
    with pytest.raises(ValueError, match="samples has 1 points"):
        near_duplicate_rate(one, 1.0)
    with pytest.raises(ValueError, match="real has 1 points"):
        duplicate_radius(one)
    with pytest.raises(ValueError, match=r"quantile=5.0: .* \[0, 1\]"):
        duplicate_radius(np.zeros((9, 2), np.float32), 5.0)
