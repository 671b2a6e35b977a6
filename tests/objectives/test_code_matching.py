"""Discrepancies of codes against double loops and equal distributions; contests."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from autoencoders import drawn_terms, passed_of, valued
from jaxgen.densities.discrepancy import (
    gaussian_kernel,
    inverse_multiquadric_kernel,
    mmd_squared,
)
from jaxgen.keys import named
from jaxgen.objectives.code_contests import (
    DENSITY_RATIO,
    code_or_permuted,
    permuted,
    prior_or_code,
)
from jaxgen.objectives.code_matching import (
    discrepancy,
    information_maximizing,
    wasserstein,
)
from jaxgen.objectives.variational import weighted_elbo

TERMS = drawn_terms(count=2, images=7)
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def multiquadric(x, y):
    sizes = [2 * len(x) * scale for scale in SCALES]
    return sum(c / (c + ((x - y) ** 2).sum()) for c in sizes)


def gaussian(x, y):
    return np.exp(-((x - y) ** 2).sum() / (2 * 1.5**2))


KERNELS = {
    "multiquadric": (inverse_multiquadric_kernel(), multiquadric),
    "gaussian": (gaussian_kernel(1.5), gaussian),
}


def drawn(key, count):
    return jax.random.normal(key, (count, 3))


def brute(kernel, x, y):
    """The unbiased squared discrepancy, by loops."""
    within = [
        np.mean([kernel(a[i], a[j]) for i in range(7) for j in range(7) if i != j])
        for a in (x, y)
    ]
    return sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y])


@pytest.mark.parametrize("name", KERNELS)
def test_the_discrepancy_is_that_of_double_loops(name, key):
    kernel, formula = KERNELS[name]
    passed = passed_of(TERMS, draw=drawn)
    seen = float(discrepancy(kernel)(passed, key))
    prior = np.asarray(drawn(named(key, "prior"), 7), np.float64)
    expected = brute(formula, np.asarray(TERMS.codes[0], np.float64), prior)
    assert seen == pytest.approx(expected, rel=1e-4, abs=1e-6)
    plain = valued(weighted_elbo(0.0), passed, key)
    expected = plain + 20 * seen
    assert valued(wasserstein(20.0, kernel), passed, key) == pytest.approx(
        expected, 1e-4
    )
    plain = valued(weighted_elbo(0.7), passed, key)
    expected = plain + (0.3 + 9 - 1) * seen
    informed = information_maximizing(0.3, 9.0, kernel)
    assert valued(informed, passed, key) == pytest.approx(expected, rel=1e-4)


def test_codes_of_the_prior_cost_nothing_on_average_and_others_do():
    kernel = inverse_multiquadric_kernel()

    @jax.jit
    @jax.vmap
    def distances(key):
        x, y = (drawn(named(key, name), 20) for name in "xy")
        return mmd_squared(x, y, kernel), mmd_squared(x + 0.5, y, kernel)

    same, moved = distances(jax.random.split(jax.random.key(0), 400))
    assert abs(float(same.mean())) < 4 * float(same.std()) / 20 < 0.03
    assert float(moved.mean()) > 0.1


def test_far_codes_are_still_pulled(key):
    x, kernel = drawn(key, 8), inverse_multiquadric_kernel()
    slope = jax.jit(jax.grad(lambda shift: mmd_squared(x + shift, x, kernel)))
    assert float(slope(30.0)) > 1e-3


def test_an_adversary_is_shown_the_prior_and_the_codes(key):
    real, fake = prior_or_code(passed_of(TERMS, draw=drawn), key)
    np.testing.assert_array_equal(real, drawn(named(key, "prior"), 7))
    np.testing.assert_array_equal(fake, TERMS.codes[0])


def test_permuted_codes_keep_marginals_and_lose_correlation(key):
    line = jnp.linspace(-1, 1, 2000)
    codes = jnp.stack([line, line, line**2], axis=1)
    seen = np.asarray(permuted(codes, key))
    np.testing.assert_array_equal(np.sort(seen, 0), np.sort(codes, 0))
    assert np.abs(np.corrcoef(seen.T) - np.eye(3)).max() < 5 / 2000**0.5
    real, fake = code_or_permuted(passed_of(TERMS), key)
    np.testing.assert_array_equal(real, TERMS.codes[0])
    np.testing.assert_array_equal(np.sort(fake, 0), np.sort(real, 0))


def test_the_best_critic_tells_the_divergence():
    """Of two normals: its logit is the log-ratio, and its mean the KL between them."""
    shift = 0.8
    x = np.random.default_rng(0).normal(size=(2, 200_000)).astype(np.float32)
    real, fake = jnp.asarray(x[0] + np.float32(shift)), jnp.asarray(x[1])

    def logits(scale):
        return [scale * (shift * side - shift**2 / 2) for side in (real, fake)]

    losses = [float(DENSITY_RATIO.critic(*logits(s)).mean()) for s in (0.8, 1.0, 1.2)]
    assert losses[1] < min(losses[0], losses[2])
    divergence = float(DENSITY_RATIO.generator(*logits(1.0)).mean())
    assert divergence == pytest.approx(shift**2 / 2, abs=4 * shift / 200_000**0.5)
