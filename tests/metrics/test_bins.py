"""Bins against formulas in float64, brute force and the chances of a perfect sampler."""

import functools
import operator

import jax
import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats

from jaxgen.metrics.bins import (
    bin_counts,
    bin_scores,
    bins_of,
    centres_of,
    js_floor,
)

SCORES = jax.jit(bin_scores)
EACH = jax.jit(jax.vmap(bin_scores))
COUNTS = jax.jit(bin_counts)
BINS = jax.jit(bins_of)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def counts(*values):
    return np.array(values, np.int32)


def brute(real, fake):
    n, m = real.sum(), fake.sum()
    p, q, pooled = real / n, fake / m, (real + fake) / (n + m)
    used = (pooled > 0) & (pooled < 1)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))[used]
    values = 2 * scipy.stats.norm.sf(abs(p - q)[used] / error)
    js = scipy.spatial.distance.jensenshannon(p, q) ** 2
    return (values < 0.05).sum() / len(real), js


REAL = normal(0, 300, 3)
CENTRES = centres_of(REAL, bins=7, seed=0)


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_the_formulas_in_float64(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(60, 0.5))
    other = 0.8 * shares + 0.2 * rng.dirichlet(np.full(60, 0.5))
    real, fake = rng.multinomial(3000, shares), rng.multinomial(2000, other)
    scores, expected = SCORES(real, fake), brute(real, fake)
    assert 0.1 < expected[0] < 0.9
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize("fake, different", [(115, 0.0), (116, 1.0)])
def test_a_bin_differs_from_the_z_of_two_sided_five_per_cent(fake, different):
    # 100 of 1000 against 115 and 116 of 900: z is 1.908 and 1.981
    real, fake = counts(100, 900), counts(fake, 900 - fake)
    assert float(SCORES(real, fake).different) == different


def test_a_perfect_sampler_has_five_per_cent_of_bins_and_the_floor():
    rng, shares = np.random.default_rng(0), np.arange(1.0, 41.0) / 820
    real = rng.multinomial(8000, shares, 400)
    fake = rng.multinomial(4000, shares, 400)
    scores = EACH(real, fake)
    for values, expected in [
        (np.asarray(scores.different), 0.05),
        (np.asarray(scores.js), js_floor(40, 8000, 4000)),
    ]:
        assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(400)


def test_samples_of_one_law_in_bins_of_that_law_seldom_differ():
    samples = normal(1, 3, 4000, 2)
    centres = centres_of(samples[0], bins=40, seed=0)
    scores = SCORES(*(COUNTS(x, centres) for x in samples[1:]))
    assert float(scores.different) <= scipy.stats.binom.isf(1e-4, 40, 0.05) / 40
    shrunk = SCORES(COUNTS(samples[1], centres), COUNTS(0.7 * samples[2], centres))
    assert float(shrunk.different) > 0.5 and float(shrunk.js) > 5 * float(scores.js)


def test_divergence_is_zero_of_equal_and_log_two_of_disjoint_shares():
    equal = SCORES(counts(10, 0, 30), counts(30, 0, 90))
    np.testing.assert_allclose(equal.js, 0.0, atol=1e-7)
    disjoint = SCORES(counts(10, 30, 0, 0), counts(0, 0, 900, 100))
    np.testing.assert_allclose(disjoint.js, np.log(2), rtol=1e-6)
    assert float(disjoint.different) == 1.0 and float(equal.different) == 0.0


def test_scores_are_symmetric_and_ignore_the_order_of_bins():
    real, fake = counts(50, 30, 15, 5, 0), counts(20, 30, 30, 0, 20)
    expected = SCORES(real, fake)
    np.testing.assert_allclose(SCORES(fake, real), expected, rtol=1e-6)
    order = [3, 0, 4, 2, 1]
    np.testing.assert_allclose(SCORES(real[order], fake[order]), expected, rtol=1e-6)


def test_bins_that_are_empty_or_hold_all_do_not_differ():
    alone = SCORES(counts(20, 0, 0), counts(70, 0, 0))
    np.testing.assert_array_equal(alone, (0.0, 0.0))
    million = SCORES(counts(10**9, 0), counts(10**8, 0))
    np.testing.assert_array_equal(million, (0.0, 0.0))


@pytest.mark.parametrize("empty", [0, 1])
def test_an_empty_histogram_has_no_scores(empty):
    histograms = [counts(20, 10), counts(20, 10)]
    histograms[empty] = counts(0, 0)
    assert np.isnan(SCORES(*histograms)).all()


def test_samples_are_in_the_bin_of_the_nearest_centre():
    samples = normal(2, 500, 3)
    apart = scipy.spatial.distance.cdist(samples, CENTRES)
    np.testing.assert_array_equal(BINS(samples, CENTRES), apart.argmin(-1))
    expected = np.bincount(apart.argmin(-1), minlength=7)
    np.testing.assert_array_equal(COUNTS(samples, CENTRES), expected)


def test_bins_move_with_the_data():
    grid = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    points = np.repeat(grid, 50, axis=0) + np.float32(0.25) * normal(3, 200, 2).clip(
        -1, 1
    )
    expected = BINS(points, grid)
    assert len(set(np.asarray(expected).tolist())) == 4
    moved = BINS(points + np.float32(4096), grid + np.float32(4096))
    np.testing.assert_array_equal(moved, expected)


def test_counts_of_batches_add_up_to_those_of_all():
    parts = [COUNTS(part, CENTRES) for part in np.split(REAL, [100, 200])]
    whole = functools.reduce(operator.add, parts)
    np.testing.assert_array_equal(whole, COUNTS(REAL, CENTRES))
    assert int(whole.sum()) == 300


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_broken_samples_are_in_no_bin(bad):
    broken = REAL.copy()
    broken[5, 1] = bad
    assert int(BINS(broken, CENTRES)[5]) == 7
    expected = COUNTS(np.delete(REAL, 5, 0), CENTRES)
    np.testing.assert_array_equal(COUNTS(broken, CENTRES), expected)


def test_centres_are_the_means_of_their_bins_and_of_their_seed():
    labels = np.asarray(BINS(REAL, CENTRES))
    means = [REAL[labels == k].mean(0) for k in range(7)]
    np.testing.assert_allclose(CENTRES, means, atol=0.05)
    np.testing.assert_allclose(centres_of(REAL, 7, seed=0), CENTRES, rtol=1e-5)
    assert abs(centres_of(REAL, 7, seed=1) - CENTRES).max() > 0.1


def test_bad_input_is_refused_by_name():
    copies = np.repeat(REAL[:4], 5, axis=0)
    with pytest.raises(ValueError, match=r"bins=5: expected 1 to 4, .* distinct rows"):
        centres_of(copies, bins=5, seed=0)
    with pytest.raises(ValueError, match="bins=0"):
        centres_of(REAL, bins=0, seed=0)
    with pytest.raises(ValueError, match="m=0"):
        js_floor(5, 10, 0)
