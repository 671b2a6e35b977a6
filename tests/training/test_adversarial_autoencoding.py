"""Two players' steps against their gradients by hand, and a divergence that is known."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from autoencoders import IMAGES, small
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.likelihoods import Gaussian
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import PointCode
from jaxgen.objectives.adversarial import NON_SATURATING
from jaxgen.objectives.code_contests import (
    DENSITY_RATIO,
    code_or_permuted,
    prior_or_code,
)
from jaxgen.objectives.penalties import half_squared_slope, r1
from jaxgen.objectives.variational import elbo, weighted_elbo
from jaxgen.training.adversarial_autoencoding import adversarial_autoencoding
from jaxgen.training.autoencoding import passed_through
from jaxgen.training.learner import key_for
from learners import cosines

CRITIC = PerceptronCritic(4, 1, nn.tanh, kernel_init=cosines)


def test_both_steps_are_those_of_gradients_by_hand(key):
    model, batch = small(), jnp.asarray(IMAGES[:8])
    learner = adversarial_autoencoding(
        model,
        CRITIC,
        weighted_elbo(0.5),
        prior_or_code,
        NON_SATURATING,
        optax.sgd(0.1),
        optax.sgd(0.2),
        weight=3.0,
        penalty=r1,
    )

    def losses(autoencoder, critic, key):
        def logits(codes):
            return CRITIC.apply({"params": critic}, codes)

        passed = passed_through(model, autoencoder, batch, key, 1)
        real, fake = prior_or_code(passed, named(key, "contest"))
        told = jax.nn.softplus(-logits(real)) + jax.nn.softplus(logits(fake))
        fooled = jax.nn.softplus(-logits(fake)).mean()
        cost = (passed.terms.distortion + 0.5 * passed.terms.rate).mean()
        slope = half_squared_slope(logits, real)
        return cost + 3 * fooled, told.mean() + slope, fooled

    @jax.jit
    def run(key):
        state = learner.init(key, batch)
        new, metrics = learner.update(state, batch)
        a, d = state.params["autoencoder"], state.params["critic"]
        draws = key_for(state, "loss")
        values = losses(a, d, draws)
        down_a = jax.grad(lambda a: losses(a, d, draws)[0])(a)
        down_d = jax.grad(lambda d: losses(a, d, draws)[1])(d)
        a = jax.tree.map(lambda p, g: p - 0.1 * g, a, down_a)
        d = jax.tree.map(lambda p, g: p - 0.2 * g, d, down_d)
        return (
            new.params,
            {"autoencoder": a, "critic": d},
            metrics,
            values,
            state.params,
        )

    seen, expected, metrics, values, start = run(key)
    chex.assert_trees_all_close(seen, expected, rtol=1e-5, atol=1e-6)
    told = [metrics[name] for name in ("loss", "critic_loss", "contest")]
    np.testing.assert_allclose(told, values, rtol=1e-5)
    for player in seen:
        moved = jax.tree.map(lambda x, y: jnp.abs(x - y).max(), seen, start)[player]
        assert max(map(float, jax.tree.leaves(moved))) > 1e-3


class Quadratic(nn.Module):
    """A critic whose best logit is the log-ratio of any two normals."""

    @nn.compact
    def __call__(self, codes):
        squares = codes[:, :, None] * codes[:, None]
        features = jnp.concatenate([codes, squares.reshape(len(codes), -1)], axis=1)
        return nn.Dense(1, kernel_init=nn.initializers.zeros)(features)[:, 0]


def test_a_critic_tells_the_total_correlation(key):
    """Of two codes of correlation r it is ``-log(1 - r^2) / 2``."""
    correlation, count = 0.8, 4000
    rng = np.random.default_rng(0)
    pixels = rng.multivariate_normal(
        np.zeros(2), [[1, correlation], [correlation, 1]], count
    )
    images = jnp.asarray(pixels.reshape(count, 1, 2, 1), jnp.float32)
    model = Autoencoder(
        PerceptronEncoder(depth=0),
        PointCode(2),
        StandardNormal(2),
        PerceptronDecoder((1, 2, 1), depth=0),
        Gaussian(),
    )
    learner = adversarial_autoencoding(
        model,
        Quadratic(),
        elbo,
        code_or_permuted,
        DENSITY_RATIO,
        optax.sgd(0.0),
        optax.adam(0.05),
    )

    @jax.jit
    def run(key):
        state = learner.init(key, images)
        state.params["autoencoder"]["code"]["mean"]["kernel"] = jnp.eye(2)
        then = jax.lax.scan(
            lambda state, _: learner.update(state, images), state, length=400
        )
        return then[1]["contest"][-100:]

    told = run(key)
    seen = np.corrcoef(pixels.T)[0, 1]
    expected = -0.5 * np.log(1 - seen**2)
    assert float(told.mean()) == pytest.approx(expected, abs=0.05)
