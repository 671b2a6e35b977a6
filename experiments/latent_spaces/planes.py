"""Models of two dimensions, for pictures: their codes, and what lies between them."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from experiments.latent_spaces.arms import TITLES
from experiments.latent_spaces.settings import LatentSpaces, ModelName
from experiments.latent_spaces.trained import Model, images_of, models
from jaxgen.arrays import Array, Key, PyTree
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.report.latents import Codes, code_planes
from jaxgen.report.pictures import image_grids, image_rows

DRAWN: tuple[ModelName, ...] = ("autoencoder", "regularized", "vae")
"""Models that pictures compare."""
SHOWN = 300
"""Codes of held-out images."""
STEPS = 12
"""Places along a line between two images, or along a side of a grid."""
REACH = 2.5
"""Standard deviations of the prior from the middle of a grid to its sides."""


class Planes(NamedTuple):
    """Drawings of models of two dimensions.

    Attributes:
      planes: their codes over the prior.
      grids: what codes on a grid of the prior decode to.
    """

    planes: str
    grids: str


def planes(experiment: LatentSpaces, folder: Path) -> Planes:
    """Trains the models of two dimensions, and draws their first seed."""
    names = tuple(name for name in DRAWN if name in experiment.models.names)
    flat = dataclasses.replace(
        experiment,
        seeds=2,
        models=dataclasses.replace(experiment.models, names=names, code=2),
    )
    found = models(flat, folder / "planes")
    held_out = images_of(experiment.images)[1]
    seen = jnp.asarray(held_out.images[:SHOWN])
    codes = {
        TITLES[name].title: Codes(mean[0], scale[0], held_out.labels[:SHOWN])
        for name, model in found.items()
        for mean, scale in [model.each_seed(places, seen)]
    }
    grids = {
        TITLES[name].title: 255 * model.each_seed(grid)[0]
        for name, model in found.items()
    }
    return Planes(code_planes(codes), image_grids(grids))


def places(net: Autoencoder, params: PyTree, key: Key, images: Array) -> Any:
    """Means and standard deviations of codes; a point has none."""
    posterior: Any = net.apply({"params": params}, images, method="encode")
    scale = getattr(posterior, "scale", jnp.zeros_like(posterior.mean))
    return posterior.mean, scale


def grid(net: Autoencoder, params: PyTree, key: Key) -> Array:
    """What codes on a grid decode to, the second dimension upwards."""
    side = jnp.linspace(-REACH, REACH, STEPS)
    codes = jnp.stack(jnp.meshgrid(side, jnp.flip(side)), axis=-1)
    return net.apply({"params": params}, codes, method="images")  # type: ignore


def traversals(model: Model, rates: np.ndarray, most: int = 6) -> str:
    """What the first seed decodes to along its dimensions, the most used ones first."""
    order = np.argsort(-rates[0])[:most]
    side = np.linspace(-REACH, REACH, STEPS)
    codes = np.zeros((len(order), STEPS, rates.shape[1]), np.float32)
    codes[np.arange(len(order)), :, order] = side

    def decoded(net: Autoencoder, params: PyTree, key: Key, codes: Array) -> Array:
        return net.apply({"params": params}, codes, method="images")  # type: ignore

    images = 255 * model.each_seed(decoded, jnp.asarray(codes))[0]
    return image_rows(
        {
            f"{rates[0, dimension]:.2f} nats": rows
            for dimension, rows in zip(order, images, strict=True)
        }
    )


def between(found: dict[ModelName, Model], images: Array) -> str:
    """Expected images along the line between the codes of two, for every model."""

    def line(net: Autoencoder, params: PyTree, key: Key, pair: Array) -> Array:
        posterior: Any = net.apply({"params": params}, pair, method="encode")
        shares = jnp.linspace(0, 1, STEPS)[:, None]
        start, end = posterior.mean
        codes = (1 - shares) * start[None] + shares * end[None]
        return net.apply({"params": params}, codes, method="images")  # type: ignore

    return image_rows(
        {
            TITLES[name].title: 255 * model.each_seed(line, images)[0]
            for name, model in found.items()
        }
    )
