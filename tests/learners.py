"""Small learners that many tests share."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jaxgen.keys import named
from jaxgen.models.critic import PerceptronCritic
from jaxgen.models.generator import PerceptronGenerator
from jaxgen.models.text_heads import MaskedLanguageModel
from jaxgen.nn.perceptron import Perceptron
from jaxgen.objectives.adversarial import RELATIVISTIC_PAIRING, Pair
from jaxgen.objectives.language import masked, masked_cross_entropy
from jaxgen.objectives.penalties import Penalty, r1, weighted
from jaxgen.training.descent import descent
from jaxgen.training.gan import gan, normal_latents
from jaxgen.training.gradients import whole_batch
from jaxgen.training.learner import Learner

POINTS = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
"""Data for all of them."""


def adam(rate) -> optax.GradientTransformation:
    """Adam whose epsilon keeps rounding errors from growing, and slopes finite."""
    return optax.adam(rate, eps=1e-3, eps_root=1e-8)


def quadratic(rate=0.25, value_and_grad=whole_batch, optimizer=optax.sgd) -> Learner:
    """Steps towards the mean of its batch: ``w <- w + rate (mean x - w)``."""

    def loss(w, x, key):
        return 0.5 * jnp.sum((x - w[None]) ** 2, axis=-1).mean(), {}

    def start(key, x):
        return jax.random.normal(key, x.shape[1:])

    return descent(start, loss, optimizer(rate), value_and_grad)


def cosines(key, shape, dtype=jnp.float32):
    """Matrices to start from that are quicker to compile than random ones."""
    angles = jnp.arange(np.prod(shape), dtype=dtype).reshape(shape)
    return jnp.cos(angles) / np.sqrt(shape[0])


def regression(
    width=8, rate=0.01, value_and_grad=whole_batch, kernel_init=cosines
) -> Learner:
    """Fits a perceptron to the product of the coordinates of points."""
    net = Perceptron(1, width, kernel_init=kernel_init)

    def loss(params, x, key):
        error = net.apply({"params": params}, x)[:, 0] - x.prod(axis=1)
        return (error**2).mean(), {}

    def start(key, x):
        return net.init(key, x)["params"]

    return descent(start, loss, adam(rate), value_and_grad)


class Dirac(nn.Module):
    """The generator of one point, ``theta``."""

    @nn.compact
    def __call__(self, latents, train):
        theta = self.param("theta", nn.initializers.ones, ())
        return jnp.full((len(latents), 1), theta)


class Slope(nn.Module):
    """The critic ``D(x) = psi x``."""

    @nn.compact
    def __call__(self, samples):
        return samples[:, 0] * self.param("psi", nn.initializers.ones, ())


def ring_gan(
    rate=0.01,
    pair: Pair = RELATIVISTIC_PAIRING,
    penalty: Penalty = weighted(0.1, r1),
    generator: nn.Module = PerceptronGenerator(2, 8, 1, kernel_init=cosines),
    critic: nn.Module = PerceptronCritic(8, 1, kernel_init=cosines),
    **more,
) -> Learner:
    """A GAN of points in the plane."""
    return gan(
        generator,
        critic,
        pair,
        normal_latents(3),
        adam(rate),
        adam(rate),
        penalty=penalty,
        **more,
    )


def guessing(model: MaskedLanguageModel, rate=0.02, share=0.3) -> Learner:
    """Guesses hidden tokens; the last one of the vocabulary is the mask."""
    mask = model.encoder.vocabulary - 1

    def loss(params, tokens, key):
        seen, chosen = masked(tokens, named(key, "masked"), mask, mask, rate=share)
        rngs = {"dropout": named(key, "dropout")}
        logits = model.apply({"params": params}, seen, rngs=rngs)
        return masked_cross_entropy(logits, tokens, chosen), {}

    def start(key, tokens):
        return model.init(key, tokens)["params"]

    return descent(start, loss, adam(rate))


def trajectory(learner: Learner, key, data, steps: int):
    """The first state, then the states and the metrics after each update, stacked."""

    @jax.jit
    def run(key, data):
        def then(state, _):
            new, metrics = learner.update(state, data)
            return new, (new, metrics)

        first = learner.init(key, data)
        return first, *lax.scan(then, first, length=steps)[1]

    return run(key, data)
