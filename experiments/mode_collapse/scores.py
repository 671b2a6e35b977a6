"""What every set of samples is scored by, generated or not."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from experiments.mode_collapse.protocols import Protocol
from jaxgen.arrays import Array, Data, Float, Key, Metrics
from jaxgen.data.mixtures import mixture_samples
from jaxgen.keys import named
from jaxgen.metrics.modes import mode_scores
from jaxgen.metrics.neighbours import (
    duplicate_radius,
    near_duplicate_rate,
    neighbour_scores,
)
from jaxgen.training.gan import generated, normal_latents
from jaxgen.training.learner import State

NEIGHBOURS = 500
"""Samples compared pair by pair, real and generated."""

CLOUD = 160
"""Samples kept to be drawn."""

Scores = Callable[[Float[Array, "n d"]], Metrics]


def sample_scores(protocol: Protocol, key: Key) -> Scores:
    """The function that scores samples, against real ones drawn with the key."""
    real = mixture_samples(protocol.mixture, named(key, "real"), NEIGHBOURS)
    radius = duplicate_radius(real)

    def scores(samples):
        means, sigma = protocol.mixture
        modes = mode_scores(samples, jnp.asarray(means), sigma, protocol.rule)
        few = samples[:NEIGHBOURS]
        return {
            **modes._asdict(),
            **neighbour_scores(real, few)._asdict(),
            "near_duplicates": near_duplicate_rate(few, radius),
            "cloud": jnp.nan_to_num(samples[:CLOUD]),
        }

    return scores


def state_scores(
    protocol: Protocol, scores: Scores
) -> Callable[[State, Data], Metrics]:
    """Scores a generator, always at the same latents of its replicate."""

    def evaluate(state, data):
        key = named(state.key, "evaluation")
        latents = normal_latents(2)(key, protocol.samples)
        return scores(generated(protocol.generator, state, latents))

    return evaluate


def perfect_scores(protocol: Protocol, scores: Scores, key: Key, seeds: int) -> Metrics:
    """Scores of the data's own distribution, a row for each of ``seeds`` draws."""

    def once(key):
        return scores(mixture_samples(protocol.mixture, key, protocol.samples))

    return jax.jit(jax.vmap(once))(jax.random.split(named(key, "perfect"), seeds))


def trivial_scores(protocol: Protocol, scores: Scores, key: Key, seeds: int) -> Metrics:
    """Scores of a generator that repeats one real sample for ever, ``seeds`` times."""

    def once(key):
        one = mixture_samples(protocol.mixture, key, 1)
        return scores(jnp.broadcast_to(one, (protocol.samples, one.shape[1])))

    return jax.jit(jax.vmap(once))(jax.random.split(named(key, "trivial"), seeds))
