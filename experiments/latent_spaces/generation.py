"""Images from codes that are drawn, from the prior or from what was fitted to codes."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.criterion import criterion_row
from experiments.latent_spaces.arms import TITLES
from experiments.latent_spaces.generation_findings import (
    generation_criteria,
    what_it_does_not_mean,
)
from experiments.latent_spaces.generation_tables import generation_section, strips
from experiments.latent_spaces.reference import reference_of
from experiments.latent_spaces.samplers import DECOMPOSING, SAMPLERS
from experiments.latent_spaces.scores import (
    Reference,
    each_scored,
    perfect_images,
    trivial_images,
)
from experiments.latent_spaces.settings import (
    Generation,
    LatentSpaces,
    ModelName,
    SamplerName,
)
from experiments.latent_spaces.trained import models
from experiments.latent_spaces.wider import wider_family
from experiments.report import Part
from experiments.training import KEY, on_rows
from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder

DRAWN = 10
"""Images of the first seed that are kept to be drawn."""

Made = dict[tuple[ModelName, SamplerName], dict[str, np.ndarray]]


def generation(experiment: LatentSpaces, folder: Path) -> Part:
    """Draws codes of every kind for every model, and scores what they decode to."""
    reference = reference_of(experiment, folder.parent)
    made = made_by(experiment, folder, reference)
    beside = references(experiment, reference)
    wider = wider_family(experiment, folder, reference)
    criteria, beyond = generation_criteria(made), what_it_does_not_mean(made)
    return Part(
        {
            "criteria": [criterion_row(one) for one in criteria],
            "beyond": [criterion_row(one) for one in beyond],
            "rows": rows(made, beside),
            "wider": wider_rows(wider),
        },
        [generation_section(made, beside, criteria, beyond, wider)],
        {"generation": strips(made, beside)},
    )


def made_by(experiment: LatentSpaces, folder: Path, reference: Reference) -> Made:
    """Scores of every model with every way to draw codes, and some images."""
    found = models(experiment, folder.parent / "models")
    own = {
        name: one.each_seed(codes_of, reference.learned.images)
        for name, one in found.items()
    }
    every = np.concatenate(list(own.values()))
    made = {}
    for sampler in experiment.generation.samplers:
        drawn = drawn_codes(experiment.generation, sampler, every)
        for name, codes in zip(found, np.split(drawn, len(found)), strict=True):
            net: Any = found[name].net
            images = on_rows(decoded(net), (found[name].params, codes))
            made[name, sampler] = scored(images, reference)
    return made


def codes_of(net: Autoencoder, params: PyTree, key: Key, images: Array) -> Array:
    """A code for each image, drawn from its posterior."""
    posterior: Any = net.apply({"params": params}, images, method="encode")
    return posterior.sample(named(key, "codes"), 1)[0]


def drawn_codes(
    settings: Generation, sampler: SamplerName, codes: Float[np.ndarray, "r n z"]
) -> Float[np.ndarray, "r m z"]:
    """Codes to decode, for every row of codes: all models and seeds as one program."""
    draw = SAMPLERS[sampler](settings)
    keys = jax.random.split(named(KEY, sampler), len(codes))
    # LAPACK over a batch may lock up where simulated devices share their threads
    most = 1 if sampler in DECOMPOSING else None

    def rows(given: tuple[Array, Array]) -> Array:
        return jax.lax.map(lambda one: draw(*one), given)

    return on_rows(rows, (codes, keys), most=most)


@lru_cache(maxsize=64)
def decoded(net: Any) -> Callable:
    """Expected images of codes, for parameters and codes of every seed."""

    def images(given: tuple[PyTree, Array]) -> Array:
        def one(params: PyTree, codes: Array) -> Any:
            return net.apply({"params": params}, codes, method="images")

        return jax.vmap(one)(*given)

    return images


def scored(
    images: Float[np.ndarray, "s n h w c"], reference: Reference
) -> dict[str, np.ndarray]:
    """Scores of the images of each seed, and some of them."""
    return {**on_rows(each_scored, images, reference), "images": images[:, :DRAWN]}


def references(
    experiment: LatentSpaces, reference: Reference
) -> dict[str, dict[str, np.ndarray]]:
    """Scores of a perfect sampler and of a trivial one, a draw for each seed."""
    keys = jax.random.split(named(KEY, "references"), experiment.seeds)
    count = experiment.generation.samples
    arrays = jax.tree.map(jnp.asarray, reference)
    return {
        name: scored(
            np.stack([np.asarray(draw(arrays, key, count)) for key in keys]), reference
        )
        for name, draw in (("perfect", perfect_images), ("trivial", trivial_images))
    }


def rows(
    made: Made, beside: Mapping[str, Mapping[str, np.ndarray]]
) -> list[dict[str, Any]]:
    """One row for each seed of each model and sampler, and for each reference draw."""
    named_rows = {
        (TITLES[name].title, sampler): one for (name, sampler), one in made.items()
    } | {(name, ""): one for name, one in beside.items()}
    return [
        {"model": model, "sampler": sampler, "seed": seed}
        | {score: float(v[seed]) for score, v in one.items() if v.ndim == 1}
        for (model, sampler), one in named_rows.items()
        for seed in range(len(one["frechet"]))
    ]


def wider_rows(
    wider: Mapping[str, Mapping[str, np.ndarray]],
) -> list[dict[str, Any]]:
    """One row for each seed of each model of the wider family."""
    return [
        {"model": model, "seed": seed}
        | {score: float(values[seed]) for score, values in one.items()}
        for model, one in wider.items()
        for seed in range(len(one["frechet"]))
    ]
