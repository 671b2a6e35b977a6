"""Penalties against closed forms, and their slopes against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.critic import Packed, PerceptronCritic
from jaxgen.objectives.penalties import r1, r2, unpenalized, weighted
from learners import cosines

RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(size=(2, 24, 3))
HALF = RNG.normal(size=(3, 3))
CURVED = HALF + HALF.T


def quadratic(x):
    return 0.5 * jnp.einsum("nd,de,ne->n", x, jnp.asarray(CURVED), x)


def test_slopes_of_a_quadratic(key):
    with jax.enable_x64(True):
        real, fake = jnp.asarray(REAL), jnp.asarray(FAKE)
        for penalty, x in [(r1, REAL), (r2, FAKE)]:
            expected = ((x @ CURVED) ** 2).sum(1).mean() / 2
            assert float(penalty(quadratic, real, fake, key)) == pytest.approx(
                expected, rel=1e-12
            )


def test_sums_are_weighted(key):
    with jax.enable_x64(True):
        real, fake = jnp.asarray(REAL), jnp.asarray(FAKE)
        one, two = (float(p(quadratic, real, fake, key)) for p in (r1, r2))
        both = weighted(jnp.asarray(0.3), r1, r2)(quadratic, real, fake, key)
        assert float(both) == pytest.approx(0.3 * (one + two), rel=1e-12)
        twice = weighted(2.0, weighted(0.5, r2))(quadratic, real, fake, key)
        assert float(twice) == pytest.approx(two, rel=1e-12)


def test_no_penalty_is_zero_whatever_the_critic(key):
    real = jnp.asarray(REAL, jnp.float32)
    assert float(unpenalized(lambda x: x[:, 0] / 0.0, real, real, key)) == 0.0


def test_a_packed_critic_pays_for_each_pack(key):
    packed = Packed(PerceptronCritic(5, 1, jnp.tanh, cosines), size=2)
    real = jnp.asarray(REAL, jnp.float32)

    @jax.jit
    def penalty_and_slopes(variables):
        def of_pack(pack):
            inner = {"params": variables["params"]["critic"]}
            return packed.critic.apply(inner, pack[None])[0]

        slopes = jax.vmap(jax.grad(of_pack))(real.reshape(12, 6))
        return r1(lambda x: packed.apply(variables, x), real, real, key), slopes

    penalty, slopes = penalty_and_slopes(jax.jit(packed.init)(key, real))
    expected = 0.5 * (slopes**2).sum(axis=1).mean()
    np.testing.assert_allclose(penalty, expected, rtol=1e-5)


def test_images_are_samples_too(key):
    images = jnp.asarray(RNG.normal(size=(4, 2, 2, 3)), jnp.float32)
    weights = jnp.arange(12.0).reshape(2, 2, 3)

    def critic(x):
        return jnp.einsum("nhwc,hwc->n", x, weights)

    expected = (weights**2).sum() / 2
    assert float(r1(critic, images, images, key)) == pytest.approx(float(expected))


def test_slopes_of_the_slopes(key):
    """The critic's step descends the penalty, through a second derivative."""

    def critic(params, x):
        return jnp.tanh(x @ params["w"]) @ params["v"]

    @jax.jit
    def penalty(params):
        return r1(
            lambda x: critic(params, x), jnp.asarray(REAL), jnp.asarray(FAKE), key
        )

    with jax.enable_x64(True):
        rng = np.random.default_rng(1)
        params = {"w": rng.normal(size=(3, 4)), "v": rng.normal(size=4)}
        way = {"w": rng.normal(size=(3, 4)), "v": rng.normal(size=4)}

        def along(t):
            moved = jax.tree.map(lambda p, d: jnp.asarray(p + t * d), params, way)
            return float(penalty(moved))

        slope = jax.jit(jax.grad(penalty))(jax.tree.map(jnp.asarray, params))
        seen = sum((slope[name] * way[name]).sum() for name in params)
        expected = (along(1e-5) - along(-1e-5)) / 2e-5
        assert abs(expected) > 0.1 and float(seen) == pytest.approx(expected, rel=1e-8)
