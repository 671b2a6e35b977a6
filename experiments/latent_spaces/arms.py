"""The models that are compared: one network, another code or another objective."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import optax

from experiments.latent_spaces.settings import FamilyName, ModelName, Models
from jaxgen.arrays import Data, Scalar
from jaxgen.data.batches import minibatch
from jaxgen.data.images import Labelled
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.likelihoods import Bernoulli
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import ConstantGaussianCode, GaussianCode, PointCode
from jaxgen.objectives.regularizers import code_norm, decoder_norm, penalized
from jaxgen.objectives.variational import (
    Objective,
    elbo,
    importance_weighted,
    weighted_elbo,
)
from jaxgen.training.autoencoding import autoencoding
from jaxgen.training.dispatch import feed
from jaxgen.training.learner import Learner
from jaxgen.training.replicate import grid
from jaxgen.training.transforms import guard
from jaxgen.training.weight_schedules import WeightSchedule, scheduled

DECODER = 0.02
"""Weight of the squares of a regularized autoencoder's decoder, by that of its codes."""


def pixels(data: Labelled) -> Data:
    """The images alone."""
    return data.images


@dataclass(frozen=True)
class Family:
    """Models that one program trains: they differ in a weight alone.

    Attributes:
      net: of the settings and of the side of an image.
      objective: of the weight.
      weights: by the model's name.
      samples: codes for each image in training.
      warmup: share of the run over which the weight grows from zero.
      seen: what the models are given: images, or a tuple of them and conditions.
    """

    net: Callable[[Models, int], Autoencoder]
    objective: Callable[[Scalar], Objective]
    weights: Mapping[Any, float]
    samples: int = 1
    warmup: float = 0.0
    seen: Callable[[Labelled], Data] = pixels


@dataclass(frozen=True)
class Named:
    """What a model is called, and what it is.

    Attributes:
      title: in tables and figures.
      dense: whether its code is a density.
    """

    title: str
    dense: bool = True


TITLES: dict[ModelName, Named] = {
    "autoencoder": Named("autoencoder", dense=False),
    "regularized": Named("regularized AE", dense=False),
    "constant_scale": Named("constant σ"),
    "vae_quarter": Named("VAE, β ¼"),
    "vae": Named("VAE"),
    "vae_4": Named("VAE, β 4"),
    "iwae_5": Named("IWAE, k 5"),
}


def unweighted(weight: Scalar) -> Objective:
    """The importance-weighted bound, which has no weight."""
    return importance_weighted


def regularized(weight: Scalar) -> Objective:
    """RAE-L2; an autoencoder's where the weight is zero."""
    return penalized(
        elbo, codes=(weight, code_norm), decoder=(DECODER * weight, decoder_norm)
    )


def around(
    code: Callable[[int], nn.Module],
    prior: Callable[[int], nn.Module] = StandardNormal,
) -> Callable[[Models, int], Autoencoder]:
    """Makes the network of all arms around a code and a prior of its size."""

    def net(settings: Models, side: int) -> Autoencoder:
        size = settings.code
        return autoencoder_of(settings, code(size), prior(size), side)

    return net


def autoencoder_of(
    settings: Models, code: nn.Module, prior: nn.Module, side: int
) -> Autoencoder:
    """The network of all arms."""
    trunk: Any = {"width": settings.width, "depth": settings.depth}
    return Autoencoder(
        PerceptronEncoder(**trunk),
        code,
        prior,
        PerceptronDecoder((side, side, 1), **trunk),
        Bernoulli(),
    )


FAMILIES: dict[FamilyName, Family] = {
    "points": Family(
        around(PointCode),
        regularized,
        {"autoencoder": 0.0, "regularized": 0.05},
    ),
    "constant_scale": Family(
        around(partial(ConstantGaussianCode, scale=0.5)),
        weighted_elbo,
        {"constant_scale": 1.0},
    ),
    "variational": Family(
        around(GaussianCode),
        weighted_elbo,
        {"vae_quarter": 0.25, "vae": 1.0, "vae_4": 4.0},
    ),
    "importance_weighted": Family(
        around(GaussianCode), unweighted, {"iwae_5": 1.0}, samples=5
    ),
}


def learner_of(
    settings: Models, family: Family, side: int
) -> Callable[[Scalar], Learner]:
    """Makes, of a traced weight, the guarded, fed learner of a family."""
    model = family.net(settings, side)

    def weighted(weight: Scalar) -> Learner:
        adam = optax.adam(settings.learning_rate)
        return autoencoding(model, family.objective(weight), adam, family.samples)

    def make(weight: Scalar) -> Learner:
        learner = scheduled(weighted, warmed(weight, family.warmup * settings.steps))
        return feed(guard(learner), minibatch(settings.batch))

    return make


def warmed(end: Scalar | float, steps: Scalar | float) -> WeightSchedule:
    """Linear from zero in so many steps, which may be traced, and none."""
    return lambda step: end * jnp.clip((step + 1) / jnp.maximum(steps, 1), 0, 1)


def axis_of(family: Family, wanted: Sequence[Any], seeds: int) -> dict[str, np.ndarray]:
    """The rows of a family: each wanted model's weight with every seed."""
    weights = [family.weights[name] for name in wanted]
    return grid(seed=np.arange(seeds).tolist(), weight=weights)
