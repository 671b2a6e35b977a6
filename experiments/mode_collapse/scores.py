"""What every set of samples of a mixture is scored by, generated or not."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from experiments.mode_collapse.counting import counts_by_rule
from experiments.mode_collapse.protocols import Protocol, Recipe
from jaxgen.arrays import Array, Data, Float, Key, Metrics
from jaxgen.data.mixtures import mixture_samples
from jaxgen.densities.discrepancy import gaussian_kernel, mmd_squared
from jaxgen.keys import named
from jaxgen.metrics.bins import bin_counts, bin_scores, centres_of
from jaxgen.metrics.diversity import (
    birthday_support,
    covariance_rank,
    spread_ratio,
    vendi_score,
)
from jaxgen.metrics.downstream import nearest_neighbour_accuracy
from jaxgen.metrics.frechet import frechet_distance, moments
from jaxgen.metrics.kernel_distance import polynomial_kernel
from jaxgen.metrics.modes import anywhere, assigned, mode_scores
from jaxgen.metrics.neighbours import (
    duplicate_radius,
    near_duplicate_rate,
    neighbour_scores,
)
from jaxgen.training.gan import generated, normal_latents
from jaxgen.training.learner import State

NEIGHBOURS = 500
"""Samples compared pair by pair, real and generated."""

BINS = 20
"""Cells of real data, whose shares are compared."""

CLOUD = 160
"""Samples kept to be drawn."""

Scores = Callable[[Float[Array, "n d"]], Metrics]


def counted_modes(protocol: Protocol) -> Scores:
    """The function that counts modes by the protocol's rule, and nothing else."""
    means, sigma, weights = protocol.mixture

    def scores(samples):
        found = mode_scores(samples, jnp.asarray(means), sigma, protocol.rule, weights)
        return found._asdict()

    return scores


def sample_scores(protocol: Protocol, key: Key) -> Scores:
    """The function that scores samples, against real ones drawn with the key."""
    mixture = protocol.mixture
    real = mixture_samples(mixture, named(key, "real"), NEIGHBOURS)
    placing = mixture_samples(mixture, named(key, "bins"), 4 * NEIGHBOURS)
    modes, blind = counted_modes(protocol), unlabelled_scores(real, placing)
    truth, _, _ = assigned(real, mixture.means, mixture.sigma, anywhere)

    def scores(samples):
        few = samples[:NEIGHBOURS]
        labels, _, _ = assigned(few, mixture.means, mixture.sigma, anywhere)
        return {
            **modes(samples),
            **counts_by_rule(mixture, samples),
            **blind(samples),
            "spread_ratio": spread_ratio(
                samples, mixture.means, mixture.sigma, protocol.rule
            ),
            "downstream": nearest_neighbour_accuracy(few, labels, real, truth),
            "cloud": jnp.nan_to_num(samples[:CLOUD]),
        }

    return scores


def unlabelled_scores(
    real: Float[Array, "n d"], placing: Float[Array, "m d"]
) -> Scores:
    """The scores that need real samples, some to place bins, and no modes of theirs."""
    radius = duplicate_radius(real)
    kernel = gaussian_kernel(0.25 * root_mean_square_distance(real))
    centres = centres_of(np.asarray(placing), BINS, seed=0)
    in_bins = bin_counts(real, centres)

    def scores(samples):
        few = samples[:NEIGHBOURS]
        bins = bin_scores(in_bins, bin_counts(few, centres))
        return {
            **neighbour_scores(real, few)._asdict(),
            "near_duplicates": near_duplicate_rate(few, radius),
            "birthday": birthday_support(few, radius),
            "vendi": vendi_score(kernel(few, few), order=2),
            "covariance_rank": covariance_rank(few),
            "frechet": frechet_distance(moments(real), moments(few)),
            "kid": mmd_squared(real, few, polynomial_kernel),
            "different_bins": bins.different,
            "jensen_shannon": bins.js,
        }

    return scores


def root_mean_square_distance(points: Float[Array, "n d"]) -> Float[Array, ""]:
    """Between two independent points: ``sqrt(2 tr cov)``."""
    return jnp.sqrt(2 * points.var(axis=0, ddof=1).sum())


def state_scores(recipe: Recipe, samples: int, scores: Scores):
    """Scores a generator, always at the same latents of its replicate.

    Where an average of the generator is carried, that is scored.

    Returns:
      ``(state, data) -> scores``.
    """

    def evaluate(state: State, data: Data) -> Metrics:
        key = named(state.key, "evaluation")
        latents = normal_latents(recipe.latents)(key, samples)
        params = state.extra.get("ema")
        return scores(generated(recipe.generator, state, latents, params=params))

    return evaluate


def reference_scores(
    protocol: Protocol, scores: Scores, key: Key, seeds: int
) -> tuple[Metrics, Metrics]:
    """Scores of the data's own distribution, and of one real sample repeated for ever.

    Each has a row for each of ``seeds`` draws.
    """

    def fresh(key):
        return mixture_samples(protocol.mixture, key, protocol.samples)

    def repeated(key):
        one = mixture_samples(protocol.mixture, key, 1)
        return jnp.broadcast_to(one, (protocol.samples, one.shape[1]))

    scored = jax.jit(jax.vmap(scores))  # one program for both: it is slow to compile

    def rows(name, draw):
        keys = jax.random.split(named(key, name), seeds)
        return scored(jax.jit(jax.vmap(draw))(keys))

    return rows("perfect", fresh), rows("trivial", repeated)
