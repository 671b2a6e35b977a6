"""Penalties against closed forms, and their slopes against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.critic_transforms import Packed
from jaxgen.objectives.penalties import (
    consistency,
    dragan,
    gradient_penalty,
    r1,
    r2,
    squared_slopes,
    unpenalized,
    weighted,
)
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


def steep(x):
    return x @ jnp.array([1.0, 2.0, 2.0], x.dtype)


def test_a_linear_critic_of_slope_three_pays_four(key):
    real, fake = jnp.asarray(REAL, jnp.float32), jnp.asarray(FAKE, jnp.float32)
    for penalty in (gradient_penalty, dragan(0.5)):
        assert float(penalty(steep, real, fake, key)) == pytest.approx(4.0, rel=1e-5)


def test_the_gradient_penalty_is_measured_between_the_kinds():
    # D = |x|^2 / 2 has slope |x|: between a and b, (|e a + (1-e) b| - 1)^2
    count = 20_000
    real, fake = jnp.full((count, 1), 3.0), jnp.full((count, 1), 1.0)
    keys = jax.random.split(jax.random.key(0), 2)
    values = [
        float(gradient_penalty(lambda x: (x**2).sum(1) / 2, real, fake, key))
        for key in keys
    ]
    assert values[0] != values[1]
    # (2e)^2 has mean 4/3 and standard deviation 1.19
    np.testing.assert_allclose(values, 4 / 3, atol=4 * 1.2 / count**0.5)


def test_dragan_is_measured_around_real_samples(key):
    real = jnp.full((20_000, 1), 3.0)
    value = dragan(0.5)(lambda x: (x**2).sum(1) / 2, real, 100 * real, key)
    assert float(value) == pytest.approx(4 + 0.25, abs=0.08)  # E (3 + n - 1)^2


def test_a_flat_critic_has_a_finite_slope_of_its_penalty(key):
    real = jnp.asarray(REAL, jnp.float32)
    for penalty in (gradient_penalty, dragan(0.1), r1, r2):
        slope = jax.grad(
            lambda w, p=penalty: p(lambda x: x @ jnp.full(3, w), real, real, key)
        )(0.0)
        assert np.isfinite(slope)


def test_consistency_is_the_mean_squared_change(key):
    def moved(x, key):
        return x + jnp.array([[0.0, 0.0, 1.5]], x.dtype)

    real = jnp.asarray(REAL, jnp.float32)
    value = consistency(moved)(steep, real, 7 * real, key)
    assert float(value) == pytest.approx(9.0, rel=1e-4)


def test_a_pack_has_one_slope(key):
    packed = Packed(PerceptronCritic(5, 1, jnp.tanh, cosines), size=2)
    real = jnp.asarray(REAL, jnp.float32)
    variables = packed.init(key, real)
    slopes = squared_slopes(lambda x: packed.apply(variables, x), real)
    inner = {"params": variables["params"]["critic"]}
    alone = squared_slopes(lambda x: packed.critic.apply(inner, x), real.reshape(12, 6))
    np.testing.assert_allclose(slopes, alone, rtol=1e-5)


def test_packs_are_mixed_as_wholes(key):
    """A critic of the difference within a pack has no slope where there is none."""

    def critic(packs):
        first, second = jnp.split(packs.reshape(-1, 2, 2), 2, axis=1)
        return ((first - second) ** 2).sum(axis=(1, 2))

    value = gradient_penalty(critic, jnp.ones((8, 2)), jnp.zeros((8, 2)), key)
    assert float(value) == pytest.approx(1, abs=1e-4)
