"""Where the posterior falls onto the prior: weight, noise and warm-up, swept at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.latent_spaces.arms import warmed
from experiments.latent_spaces.collapse_tables import collapse_section
from experiments.latent_spaces.settings import Collapse, LatentSpaces
from experiments.latent_spaces.trained import Pixels, images_of
from experiments.report import Part
from experiments.training import Run, trained
from jaxgen.arrays import Data, Float, Metrics, Scalar
from jaxgen.data.batches import minibatch
from jaxgen.metrics.active_units import active_units
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.likelihoods import Gaussian
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import GaussianCode
from jaxgen.objectives.variational import weighted_elbo
from jaxgen.training.autoencoding import autoencoding
from jaxgen.training.dispatch import feed
from jaxgen.training.learner import Learner, State
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard
from jaxgen.training.weight_schedules import scheduled


def collapse(experiment: LatentSpaces, folder: Path) -> Part:
    """Trains the sweep of every depth, and counts what is left of the codes."""
    settings = experiment.collapse
    found = {
        depth: swept(experiment, depth, folder / f"depth-{depth}")
        for depth in settings.depths
    }
    variances = spectrum(images_of(experiment.images)[0].images)
    return Part(
        {"rows": rows(settings, found)}, [collapse_section(settings, found, variances)]
    )


def swept(experiment: LatentSpaces, depth: int, folder: Path) -> dict[str, np.ndarray]:
    """Scores at the end of training, (weights, noises, warm-ups, seeds)."""
    settings = experiment.collapse
    learned, held_out = (one.images for one in images_of(experiment.images))
    run = Run(
        f"collapse, depth {depth}",
        learner_of(experiment, depth, learned.shape[1]),
        axis_of(settings),
        learned,
        held_out_scores(experiment, depth, held_out),
        settings.steps,
        settings.steps,
    )
    found = trained(run, folder)
    shape = [len(getattr(settings, name)) for name in ("weights", "noises", "warmups")]
    return {
        name: found.last(name).reshape(*shape, settings.seeds)
        for name in ("active", "test_rate", "heard")
    }


def axis_of(settings: Collapse) -> dict[str, np.ndarray]:
    """Every setting with every seed."""
    return grid(
        range(settings.seeds),
        weight=settings.weights,
        noise=settings.noises,
        warmup=settings.warmups,
    )


def net_of(
    experiment: LatentSpaces, depth: int, side: int, noise: Scalar
) -> Autoencoder:
    """The network of the other parts, with another decoder, and noise in its pixels."""
    settings = experiment.models
    return Autoencoder(
        PerceptronEncoder(settings.width, settings.depth),
        GaussianCode(settings.code),
        StandardNormal(settings.code),
        PerceptronDecoder((side, side, 1), settings.width, depth),
        Gaussian(noise),
    )


def learner_of(
    experiment: LatentSpaces, depth: int, side: int
) -> Callable[..., Learner]:
    """Makes the learner of a traced weight, noise and warm-up."""
    models, steps = experiment.models, experiment.collapse.steps

    def make(weight: Scalar, noise: Scalar, warmup: Scalar) -> Learner:
        def weighted(weight: Scalar) -> Learner:
            net = net_of(experiment, depth, side, noise)
            adam = optax.adam(models.learning_rate)
            return autoencoding(net, weighted_elbo(weight), adam)

        learner = scheduled(weighted, warmed(weight, warmup * steps))
        return feed(guard(learner), minibatch(models.batch))

    return make


def held_out_scores(
    experiment: LatentSpaces, depth: int, images: Float[Pixels, "n h w 1"]
) -> Callable[[State, Data], Metrics]:
    """Active units, rate, and what the decoder hears of a code."""

    def evaluate(state: State, data: Data) -> Metrics:
        noise = state.extra["hyper"]["noise"]
        net = net_of(experiment, depth, images.shape[1], noise)
        seen = jnp.asarray(images)
        terms: Any = net.apply({"params": state.params}, seen, jax.random.key(0))
        others = jnp.roll(terms.codes, 1, axis=1)
        mistaken: Any = net.apply(
            {"params": state.params}, others, seen, method="log_likelihood"
        )
        return {
            "active": active_units(terms.posterior.mean).sum(),
            "test_rate": terms.rate.mean(),
            "heard": (terms.log_likelihood - mistaken).mean(),
        }

    return evaluate


def spectrum(images: Float[Pixels, "n h w 1"]) -> Float[np.ndarray, " d"]:
    """Variances of the images along their principal components, the largest first."""
    pixels = images.reshape(len(images), -1)
    return np.linalg.eigvalsh(np.cov(pixels.T))[::-1]


def rows(
    settings: Collapse, found: dict[int, dict[str, np.ndarray]]
) -> list[dict[str, Any]]:
    """One row for each run."""
    axis = axis_of(settings)
    return [
        {"depth": depth}
        | {name: float(column[row]) for name, column in axis.items()}
        | {name: float(values.ravel()[row]) for name, values in one.items()}
        for depth, one in found.items()
        for row in range(len(axis["seed"]))
    ]
