"""Spectral norm against singular values, augmentation, and which critics mix samples."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.critic_transforms import Augmented, Packed, SpectralNorm
from jaxgen.nn.heads import Projection

X = jnp.asarray(np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32))
SMALL = PerceptronCritic(width=7, depth=2)
NORMED = SpectralNorm(SMALL)


def turned(critic, variables, times):
    """The variables after some passes in training."""
    for _ in range(times):
        _, new = critic.apply(variables, X, mutable=["spectral"])
        variables = {**variables, **new}
    return variables


@pytest.fixture(scope="module")
def normed():
    return turned(NORMED, NORMED.init(jax.random.key(0), X), 60)


def by_singular_values(params):
    return jax.tree.map(
        lambda w: w / np.linalg.norm(np.asarray(w), 2) if w.ndim > 1 else w, params
    )


def test_every_kernel_is_divided_by_its_largest_singular_value(normed):
    params = by_singular_values(normed["params"]["critic"])
    expected = SMALL.apply({"params": params}, X)
    np.testing.assert_allclose(NORMED.apply(normed, X), expected, rtol=1e-4, atol=1e-6)


def test_the_critic_has_slope_one_at_most(normed):
    slopes = jax.vmap(jax.grad(lambda x: NORMED.apply(normed, x[None])[0]))(X)
    assert np.linalg.norm(slopes, axis=1).max() <= 1 + 1e-4
    scaled = jax.tree.map(lambda w: 100 * w, normed["params"])
    grown = {**normed, "params": scaled}  # biases grow, kernels do not
    slopes = jax.vmap(jax.grad(lambda x: NORMED.apply(grown, x[None])[0]))(X)
    assert np.linalg.norm(slopes, axis=1).max() <= 1 + 1e-4


def test_the_gradient_is_that_of_the_quotient_with_fixed_vectors(normed):
    def loss(params):
        return NORMED.apply({**normed, "params": {"critic": params}}, X).sum()

    def quotient(params):
        def divided(w):
            if w.ndim < 2:
                return w
            left, _, right = np.linalg.svd(np.asarray(params_now[id(w)]))
            return w / (left[:, 0] @ w @ right[0])

        return SMALL.apply({"params": jax.tree.map(divided, params)}, X).sum()

    params = normed["params"]["critic"]
    params_now = _Values(params)
    chex.assert_trees_all_close(
        jax.grad(loss)(params), jax.grad(quotient)(params), rtol=2e-3, atol=2e-4
    )


class _Values:
    """Concrete kernels by the order in which they are asked for."""

    def __init__(self, params):
        self.kernels = iter([w for w in jax.tree.leaves(params) if w.ndim > 1])

    def __getitem__(self, _):
        return next(self.kernels)


def test_vectors_turn_only_where_they_may(normed):
    first = NORMED.init(jax.random.key(0), X)
    logits = NORMED.apply(first, X)
    np.testing.assert_array_equal(NORMED.apply(first, X), logits)
    once = turned(NORMED, first, 1)
    old, new = (v["spectral"]["vectors"] for v in (first, once))
    assert all(
        np.abs(a - b).max() > 1e-3 for a, b in zip(old[:2], new[:2], strict=True)
    )
    for vector in new:
        assert float(jnp.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)


def test_a_critic_with_statistics_is_not_normalized(key):
    class Statistics(nn.Module):
        @nn.compact
        def __call__(self, samples):
            return nn.BatchNorm(use_running_average=False)(samples)[:, 0]

    with pytest.raises(ValueError, match=r"SpectralNorm: .*\['batch_stats'\]"):
        jax.eval_shape(SpectralNorm(Statistics()).init, key, X)


def shifted(samples, key):
    return samples + jax.random.normal(key, samples.shape)


def test_an_augmented_critic_sees_a_draw_of_its_samples(key):
    critic = Augmented(SMALL, shifted)
    variables = critic.init(key, X)
    rngs = {"augmentation": key}
    seen = [critic.apply(variables, X, rngs=rngs) for _ in range(2)]
    np.testing.assert_array_equal(*seen)
    other = critic.apply(variables, X, rngs={"augmentation": jax.random.key(1)})
    assert np.abs(other - seen[0]).min() > 0
    same = Augmented(SMALL, lambda samples, key: samples).apply(variables, X, rngs=rngs)
    inner = {"params": variables["params"]["critic"]}
    np.testing.assert_array_equal(same, SMALL.apply(inner, X))


@pytest.mark.parametrize(
    "critic",
    [
        SpectralNorm(Augmented(SMALL, shifted)),
        Augmented(SpectralNorm(SMALL), shifted),
        SpectralNorm(Packed(SMALL, 2)),
        Packed(SpectralNorm(SMALL), 2),
        Augmented(Packed(SMALL, 2), shifted),
        Packed(Augmented(SMALL, shifted), 2),
    ],
    ids=repr,
)
def test_transforms_nest_in_any_order(critic, key):
    def logits(key):
        variables = critic.init(key, X)
        return critic.apply(
            variables, X, mutable=["spectral"], rngs={"augmentation": key}
        )[0]

    assert jax.eval_shape(logits, key).shape in [(6,), (12,)]


def test_packs_refuse_conditions(key):
    critic = Packed(PerceptronCritic(head=Projection(3)), 2)
    with pytest.raises(ValueError, match="different conditions"):
        jax.eval_shape(critic.init, key, X, jnp.zeros(12, jnp.int32))


def test_kernels_of_zeros_stay_zeros(key):
    critic = SpectralNorm(PerceptronCritic(8, 1, head=Projection(3)))
    samples, labels = jnp.ones((6, 2)), jnp.arange(6) % 3
    variables = critic.init(key, samples, labels)
    logits, _ = critic.apply(variables, samples, labels, mutable=["spectral"])
    assert np.isfinite(logits).all()
