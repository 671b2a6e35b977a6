"""Modes of a mixture, against float64 counting and the perfect sampler."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxgen.metrics.modes import (
    Box,
    ClosedBall,
    OpenBall,
    ball_ceiling,
    box_ceiling,
    covered_expectation,
    histogram_scores,
    kl_floor,
    mode_counts,
    mode_scores,
)

ANGLES = 2 * np.pi * np.arange(8) / 8
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1).astype(np.float32)
RULES = {
    OpenBall(3.0): lambda z: np.linalg.norm(z, axis=-1) < 3,
    ClosedBall(3.0): lambda z: np.linalg.norm(z, axis=-1) <= 3,
    Box(3.0): lambda z: (np.abs(z) < 3).all(-1),
}
SCORES = jax.jit(mode_scores, static_argnames=("rule", "threshold"))


def brute_counts(samples, means, sigma, accepts):
    sigma = np.broadcast_to(np.asarray(sigma, np.float64), len(means))
    counts = np.zeros(len(means), int)
    for sample in samples.astype(np.float64):
        z = (sample - means) / sigma[:, None]
        nearest = np.argmin(np.linalg.norm(z, axis=-1))
        counts[nearest] += accepts(z[nearest])
    return counts


def brute_kl(counts, weights):
    p, q = counts / counts.sum(), weights / weights.sum()
    return sum(a * np.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def perfect(key, means, sigma, n):
    which, noise = jax.random.split(key)
    modes = jax.random.randint(which, (n,), 0, len(means))
    centres = jnp.asarray(means)[modes]
    return centres + sigma * jax.random.normal(noise, (n, means.shape[1]))


@pytest.mark.parametrize("rule", RULES)
def test_scores_are_those_counted_by_hand(rule):
    sigma = np.linspace(0.1, 0.4, 8, dtype=np.float32)
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(600, 2)).astype(np.float32)
    weights = rng.uniform(0.5, 2.0, 8).astype(np.float32)
    scores = SCORES(samples, RING, sigma, rule, weights, threshold=60)
    counts = brute_counts(samples, RING, sigma, RULES[rule])
    kl = brute_kl(counts, weights)
    np.testing.assert_array_equal(scores.counts, counts)
    assert int(scores.covered) == (counts >= 60).sum()
    assert 0 < int(scores.covered) < 8
    np.testing.assert_allclose(scores.high_quality, counts.sum() / 600, rtol=1e-6)
    np.testing.assert_allclose(scores.reverse_kl, kl, rtol=1e-4)
    np.testing.assert_allclose(scores.effective, 8 * np.exp(-kl), rtol=1e-5)


def test_the_nearest_mode_is_nearest_in_units_of_its_own_sigma():
    means = np.array([[0.0], [3.0]], np.float32)
    counts = mode_counts(
        np.array([[2.0]], np.float32), means, jnp.array([1.0, 0.1]), OpenBall(3.0)
    )
    np.testing.assert_array_equal(counts, [1, 0])


def test_rules_differ_exactly_on_the_edge():
    mean = np.zeros((1, 2), np.float32)
    samples = np.array([[0.3, 0.4], [0.5, 0.0], [0.3, 0.3], [0.5, 0.5]], np.float32)
    samples *= 5  # a ball of radius five sigma at sigma a half: 3-4-5 is on its edge
    counted = {
        rule: int(mode_counts(samples, mean, 0.5, rule)[0])
        for rule in (OpenBall(5.0), ClosedBall(5.0), Box(5.0))
    }
    assert counted == {OpenBall(5.0): 1, ClosedBall(5.0): 3, Box(5.0): 2}


def test_equal_rules_share_one_program():
    traces = []

    @partial(jax.jit, static_argnames="rule")
    def counts(samples, rule):
        traces.append(rule)
        return mode_counts(samples, RING, 0.01, rule)

    for rule in (OpenBall(3.0), OpenBall(3.0), ClosedBall(3.0)):
        counts(jnp.asarray(RING), rule=rule)
    assert traces == [OpenBall(3.0), ClosedBall(3.0)]


@pytest.mark.parametrize("reached", [1, 3, 8])
def test_even_samples_of_j_modes_are_j_effective_modes(reached):
    counts = jnp.where(jnp.arange(8) < reached, 40, 0)
    scores = histogram_scores(counts, samples=400)
    np.testing.assert_allclose(scores.effective, reached, rtol=1e-6)
    np.testing.assert_allclose(scores.reverse_kl, np.log(8 / reached), atol=1e-6)
    assert int(scores.covered) == reached


def test_uneven_target_scores_the_mass_of_the_modes_it_reaches():
    weights = np.array([4.0, 3.0, 2.0, 1.0], np.float32)
    whole = histogram_scores(jnp.array([40, 30, 20, 10]), 100, weights)
    part = histogram_scores(jnp.array([40, 0, 0, 10]), 50, weights)
    np.testing.assert_allclose(whole.effective, 4.0, rtol=1e-6)
    np.testing.assert_allclose(part.effective, 4 * 0.5, rtol=1e-6)
    uniform = histogram_scores(jnp.array([40, 30, 20, 10]), 100)
    np.testing.assert_allclose(
        uniform.effective, np.exp(scipy.stats.entropy(weights)), rtol=1e-6
    )


def test_a_sample_of_a_mode_without_weight_is_infinitely_far():
    scores = histogram_scores(jnp.array([5, 5]), 10, np.array([1.0, 0.0], np.float32))
    assert np.isinf(scores.reverse_kl) and float(scores.effective) == 0.0


@pytest.mark.parametrize("value", [50.0, np.nan, np.inf])
def test_without_high_quality_samples_nothing_is_covered(value):
    samples = np.full((600, 2), value, np.float32)
    scores = SCORES(samples, RING, 0.01, OpenBall(3.0))
    assert np.isposinf(scores.reverse_kl)
    assert [float(s) for s in scores[:2]] == [0.0, 0.0]
    assert float(scores.effective) == 0.0 and int(scores.counts.sum()) == 0


def test_a_broken_sample_costs_quality_and_no_more():
    samples = np.full((600, 2), np.nan, np.float32)
    samples[:480] = np.repeat(RING, 60, axis=0)
    scores = SCORES(samples, RING, 0.01, OpenBall(3.0))
    assert int(scores.covered) == 8
    np.testing.assert_allclose(scores.high_quality, 0.8, rtol=1e-6)


@pytest.mark.parametrize("threshold, covered", [(1, 4), (2, 3), (3, 2), (10, 1)])
def test_a_mode_is_covered_from_the_threshold_on(threshold, covered):
    counts = jnp.array([0, 1, 2, 9, 10])
    assert int(histogram_scores(counts, 30, threshold=threshold).covered) == covered


def test_scores_ignore_order_and_follow_rigid_motions():
    samples = np.asarray(perfect(jax.random.key(3), RING, 0.2, 600))
    turn = np.array([[0.0, -1.0], [1.0, 0.0]], np.float32)
    counts = SCORES(samples, RING, 0.2, OpenBall(3.0)).counts
    assert 400 < counts.sum() < 600
    moved = SCORES(samples @ turn + 1, RING @ turn + 1, 0.2, OpenBall(3.0))
    np.testing.assert_array_equal(moved.counts, counts)
    rolled = SCORES(samples[::-1], np.roll(RING, 1, axis=0), 0.2, OpenBall(3.0))
    np.testing.assert_array_equal(rolled.counts, np.roll(counts, 1))


def test_a_vmapped_row_is_the_seed_alone():
    samples = np.random.default_rng(0).normal(size=(4, 600, 2)).astype(np.float32)
    score = partial(mode_scores, means=RING, sigma=0.2, rule=OpenBall(3.0))
    together = jax.jit(jax.vmap(score))(samples)
    for row, alone in enumerate(samples):
        expected = SCORES(alone, RING, 0.2, OpenBall(3.0))
        for batched, single in zip(together, expected, strict=True):
            np.testing.assert_allclose(batched[row], single, rtol=1e-6)


@pytest.mark.parametrize("radius", [0.5, 3.0, 10.0])
@pytest.mark.parametrize("dimension", [1, 2, 100])
def test_ball_ceiling_is_the_chi_square_distribution(radius, dimension):
    expected = scipy.stats.chi2.cdf(radius**2, dimension)
    np.testing.assert_allclose(ball_ceiling(radius, dimension), expected, rtol=1e-10)


def test_ceilings_of_published_rules():
    np.testing.assert_allclose(ball_ceiling(3.0, 2), 1 - np.exp(-4.5), rtol=1e-12)
    assert round(100 * ball_ceiling(4.0, 2), 2) == 99.97
    assert round(100 * box_ceiling(3.0, 2), 2) == 99.46
    np.testing.assert_allclose(box_ceiling(1.5, 1), ball_ceiling(1.5, 1), rtol=1e-12)


def test_a_perfect_sampler_scores_its_closed_forms():
    seeds, n, ceiling = 100, 2500, ball_ceiling(3.0, 2)

    def score(key):
        return mode_scores(perfect(key, RING, 0.01, n), RING, 0.01, OpenBall(3.0))

    keys = jax.random.split(jax.random.key(1), seeds)
    scores = jax.jit(jax.vmap(score))(keys)
    share_error = np.sqrt(ceiling * (1 - ceiling) / (n * seeds))
    assert abs(scores.high_quality.mean() - ceiling) < 4 * share_error
    floor = kl_floor(8, round(n * ceiling))
    kl_error = np.sqrt(2 * (8 - 1) / seeds) / (2 * n * ceiling)
    assert abs(scores.reverse_kl.mean() - floor) < 4 * kl_error
    assert (scores.covered == 8).all()
    assert covered_expectation(np.ones(8), n, ceiling) > 8 - 1e-9


def test_kl_floor_at_published_sizes():
    floors = [kl_floor(8, 2500), kl_floor(25, 2500), kl_floor(1000, 26000)]
    np.testing.assert_allclose(floors, [0.0014, 0.0048, 0.01921], rtol=1e-3)


@pytest.mark.parametrize("threshold", [1, 2, 4])
def test_covered_expectation_is_the_mean_of_simulated_coverage(threshold):
    rng, n, ceiling, trials = np.random.default_rng(2), 60, 0.9, 4000
    weights = np.linspace(1.0, 4.0, 25)
    cells = np.append(ceiling * weights / weights.sum(), 1 - ceiling)
    covered = (rng.multinomial(n, cells, trials)[:, :-1] >= threshold).sum(1)
    expected = covered_expectation(weights, n, ceiling, threshold)
    assert abs(covered.mean() - expected) < 4 * covered.std() / np.sqrt(trials)


def test_covered_expectation_at_its_edges():
    assert covered_expectation(np.ones(8), 8, ceiling=1.0, threshold=10) == 0.0
    assert covered_expectation(np.ones(1), 8, ceiling=1.0, threshold=8) == 1.0
    assert covered_expectation(np.array([1.0, 0.0]), 8, ceiling=1.0) == 1.0
    many = covered_expectation(np.ones(1000), 26_000, 1.0, threshold=26)
    np.testing.assert_allclose(many / 1000, scipy.stats.binom.sf(25, 26_000, 1e-3))


def test_sizes_below_one_are_refused_by_name():
    with pytest.raises(ValueError, match="threshold=0"):
        histogram_scores(jnp.array([1]), 1, threshold=0)
    with pytest.raises(ValueError, match="samples=0"):
        mode_scores(np.zeros((0, 2), np.float32), RING, 0.01, OpenBall(3.0))
    with pytest.raises(ValueError, match="modes=0"):
        kl_floor(0, 10)
    with pytest.raises(ValueError, match="threshold=0"):
        covered_expectation(np.ones(8), 10, 1.0, threshold=0)
