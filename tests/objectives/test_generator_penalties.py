"""The penalty of generators that do not spread their latents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.objectives.generator_penalties import mode_seeking, unpenalized_samples

Z = jnp.asarray(np.random.default_rng(0).normal(size=(16, 3)), jnp.float32)


@pytest.mark.parametrize("scale", [0.1, 2.0, -2.0])
def test_a_map_that_scales_pays_the_reciprocal(scale, key):
    def generate(z):
        return scale * z

    value = mode_seeking(0.3)(generate, Z, generate(Z), key)
    assert float(value) == pytest.approx(0.3 / (abs(scale) + 1e-5), rel=1e-4)


def test_a_collapsed_generator_pays_most_and_has_a_finite_slope(key):
    def value(scale):
        return mode_seeking(1.0)(lambda z: 1 + scale * z, Z, 1 + scale * Z, key)

    assert float(value(0.0)) == pytest.approx(1e5, rel=1e-3)
    assert np.isfinite(jax.grad(value)(1e-4)) and float(jax.grad(value)(0.5)) < 0


def test_companions_are_others_of_the_batch(key):
    seen = []

    def generate(z):
        seen.append(z)
        return z

    mode_seeking(1.0)(generate, Z, Z, key)
    assert sorted(seen[0].tolist()) == sorted(Z.tolist())
    assert (np.asarray(seen[0]) != Z).all()


def test_no_penalty_is_zero(key):
    assert float(unpenalized_samples(lambda z: z / 0, Z, Z, key)) == 0.0
