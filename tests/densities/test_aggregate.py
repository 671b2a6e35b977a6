"""The aggregate of posteriors against sums of densities in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from jaxgen.densities import aggregate
from jaxgen.densities.aggregate import (
    aggregate_log_prob,
    aggregate_marginal_log_probs,
    aggregate_moments,
    aggregate_sample,
)
from jaxgen.densities.full_normal import FullNormal
from jaxgen.densities.normal import DiagonalNormal

RNG = np.random.default_rng(0)
MEANS = RNG.normal(size=(40, 3)).astype(np.float32)
SCALES = np.exp(RNG.normal(-1, 0.5, size=(40, 3))).astype(np.float32)
CODES = np.float32(1.5) * RNG.normal(size=(23, 3)).astype(np.float32)
CODES[0] = 30.0  # where every density underflows
POSTERIOR = DiagonalNormal(jnp.asarray(MEANS), jnp.asarray(SCALES))


def log_probs():
    codes, means, scales = (x.astype(np.float64) for x in (CODES, MEANS, SCALES))
    return scipy.stats.norm(means, scales).logpdf(codes[:, None])  # (m, n, z)


@pytest.mark.parametrize("entries", [700, 2**22])
def test_densities_are_those_of_all_pairs_in_any_blocks(entries, monkeypatch):
    monkeypatch.setattr(aggregate, "ENTRIES", entries)
    joint = scipy.special.logsumexp(log_probs().sum(-1), axis=1) - np.log(40)
    marginals = scipy.special.logsumexp(log_probs(), axis=1) - np.log(40)
    of_codes = aggregate_log_prob, aggregate_marginal_log_probs
    found = jax.jit(lambda z: [f(z, POSTERIOR) for f in of_codes])(CODES)
    np.testing.assert_allclose(found[0], joint, rtol=1e-5)
    np.testing.assert_allclose(found[1], marginals, rtol=1e-5, atol=1e-6)


def test_it_is_the_same_of_full_normal_posteriors():
    full = FullNormal(MEANS, SCALES[:, :, None] * np.eye(3, dtype=np.float32))
    found, expected = (jax.jit(aggregate_log_prob)(CODES, x) for x in (full, POSTERIOR))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_samples_have_its_moments():
    mean, covariance = aggregate_moments(POSTERIOR)
    means, scales = MEANS.astype(np.float64), SCALES.astype(np.float64)
    expected = np.cov(means.T, ddof=0) + np.diag((scales**2).mean(0))
    np.testing.assert_allclose(mean, means.mean(0), atol=1e-6)
    np.testing.assert_allclose(covariance, expected, atol=1e-5)
    draw = jax.jit(aggregate_sample, static_argnums=2)
    samples = np.asarray(draw(jax.random.key(0), POSTERIOR, 40_000))
    np.testing.assert_allclose(np.mean(samples, axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.06)
