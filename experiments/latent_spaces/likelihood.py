"""log p(x) of points and densities alike: bounds by many codes, estimates by annealing."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.latent_spaces.likelihood_protocols import (
    Contender,
    Protocol,
    protocol_of,
)
from experiments.latent_spaces.likelihood_tables import likelihood_section
from experiments.latent_spaces.settings import LatentSpaces, Likelihood
from experiments.latent_spaces.trained import Model, Pixels, images_of
from experiments.report import Part
from experiments.training import Run, train
from jaxgen.arrays import Array, Data, Float, Key, Metrics, PyTree
from jaxgen.data.batches import minibatch
from jaxgen.data.binarization import binarized, binarized_once
from jaxgen.keys import named
from jaxgen.metrics.active_units import active_units
from jaxgen.metrics.annealed_importance import Annealing, annealed_likelihoods
from jaxgen.metrics.importance_bound import bound_of_each
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.nn.codes import PointCode
from jaxgen.training.autoencoding import autoencoding
from jaxgen.training.dispatch import feed
from jaxgen.training.learner import State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard

FIRST = 500
"""Images of the training set whose codes say which units are active, as IWAE's code."""

Scores = dict[str, dict[str, np.ndarray]]


def likelihood(experiment: LatentSpaces, folder: Path) -> Part:
    """Trains every contender of the protocol, and measures its likelihood."""
    protocol = protocol_of(experiment)
    learned, held_out = black_and_white(experiment, protocol)
    found = {
        name: scored(
            experiment.likelihood,
            one,
            contender_model(experiment, protocol, name, learned, held_out, folder),
            learned,
            held_out,
        )
        for name, one in protocol.contenders.items()
    }
    return Part(
        {"rows": rows(protocol, found)},
        [likelihood_section(experiment, protocol, found)],
    )


def black_and_white(
    experiment: LatentSpaces, protocol: Protocol
) -> tuple[Float[Pixels, "n h w 1"], Float[Pixels, "m h w 1"]]:
    """What is learned from, grey where pixels are drawn anew, and what is not."""
    every = images_of(experiment.images, most=None)
    learned, held_out = (np.asarray(one.images) for one in every)
    fixed = partial(binarized_once, seed=123)
    return (fixed(learned) if protocol.once else learned), fixed(held_out)


def contender_model(
    experiment: LatentSpaces,
    protocol: Protocol,
    name: str,
    learned: Float[Pixels, "n h w 1"],
    held_out: Float[Pixels, "m h w 1"],
    folder: Path,
) -> Model:
    """Trains one contender, all its seeds at once, where it is missing."""
    contender, count = protocol.contenders[name], len(learned)
    net = protocol.net(contender, learned.shape[1], logits_of_mean(learned))
    draw = minibatch(protocol.batch)
    draw = draw if protocol.once else binarized(draw)

    def make():
        optimizer = protocol.optimizer(count)
        learner = autoencoding(net, contender.objective, optimizer, contender.samples)
        return feed(guard(learner), draw)

    steps = sum(protocol.steps(count))
    dispatch = max(d for d in range(1, 2_001) if steps % d == 0)
    run = Run(
        f"likelihood, {contender.title}",
        make,
        grid(range(experiment.seeds)),
        learned,
        held_out_bound(net, held_out),
        steps,
        dispatch,
    )
    return Model(net, train(run, folder / name))


def logits_of_mean(images: Float[Pixels, "n h w 1"]) -> Callable:
    """Outputs start at what makes the mean image, as in IWAE's code."""
    mean = np.clip(images.mean(0).ravel(), 0.001, 0.999)
    logits = np.log(mean) - np.log1p(-mean)
    return lambda key, shape, dtype=jnp.float32: jnp.asarray(logits, dtype)


def held_out_bound(
    net: Autoencoder, images: Float[Pixels, "n h w 1"]
) -> Callable[[State, Data], Metrics]:
    """The negative ELBO of images that were not learned from."""

    def evaluate(state: State, data: Data) -> Metrics:
        terms: Any = net.apply(
            {"params": state.params}, jnp.asarray(images), jax.random.key(0)
        )
        return {"bound": (terms.rate + terms.distortion).mean()}

    return evaluate


def scored(
    settings: Likelihood,
    contender: Contender,
    model: Model,
    learned: Float[Pixels, "n h w 1"],
    held_out: Float[Pixels, "m h w 1"],
) -> dict[str, np.ndarray]:
    """Scores of each seed; those of single images (seeds, images)."""
    few = jnp.asarray(held_out[: settings.images])
    found = model.each_seed(partial(annealed, settings), few)
    found |= model.each_seed(units, jnp.asarray(learned[:FIRST]))
    if contender.code is PointCode:
        return found  # a point has no weights
    found |= model.each_seed(bounded, jnp.asarray(held_out))
    return found | model.each_seed(partial(tightened, settings), few)


def annealed(
    settings: Likelihood, net: Autoencoder, params: PyTree, key: Key, images: Array
) -> Metrics:
    """Annealed importance sampling of decoder and prior alone."""
    bound: Any = partial(net.apply, {"params": params})
    found = annealed_likelihoods(
        lambda codes: bound(codes, method="log_prior"),
        lambda codes, image: bound(
            codes[:, None], image[None], method="log_likelihood"
        )[:, 0],
        lambda key, count: bound(key, count, method="draw"),
        images,
        named(key, "annealing"),
        Annealing(settings.temperatures, settings.chains),
    )
    return {"annealed": -found.log_likelihood, "annealed_error": found.error}


def units(net: Autoencoder, params: PyTree, key: Key, images: Array) -> Metrics:
    """How many dimensions of the code tell images apart."""
    posterior: Any = net.apply({"params": params}, images, method="encode")
    return {"active": active_units(posterior.mean).sum()}


def bounded(net: Autoencoder, params: PyTree, key: Key, images: Array) -> Metrics:
    """The negative ELBO of all held-out images, and its rate."""
    terms: Any = net.apply({"params": params}, images, named(key, "bound"))
    return {"elbo": (terms.rate + terms.distortion).mean(), "rate": terms.rate.mean()}


def tightened(
    settings: Likelihood, net: Autoencoder, params: PyTree, key: Key, images: Array
) -> Metrics:
    """The negative bound of many codes, image by image."""

    def log_weights(image: Array, key: Key, count: int) -> Array:
        terms: Any = net.apply({"params": params}, image, key, count)
        return terms.log_weights

    weights = named(key, "weights")
    return {"tightened": -bound_of_each(log_weights, images, weights, settings.codes)}


def rows(protocol: Protocol, found: Scores) -> list[dict[str, Any]]:
    """One row for each seed of each contender."""
    return [
        {"model": protocol.contenders[name].title, "seed": seed}
        | {"epochs": sum(protocol.epochs)}
        | {score: np.asarray(v[seed]).tolist() for score, v in one.items()}
        for name, one in found.items()
        for seed in range(len(one["active"]))
    ]
