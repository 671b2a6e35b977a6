"""Images from codes that are drawn, from the prior or from what was fitted to codes."""

from collections.abc import Mapping
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
from experiments.latent_spaces.generation_tables import generation_section
from experiments.latent_spaces.reference import reference_of
from experiments.latent_spaces.samplers import SAMPLERS
from experiments.latent_spaces.scores import (
    Reference,
    image_scores,
    perfect_images,
    trivial_images,
)
from experiments.latent_spaces.settings import LatentSpaces, ModelName, SamplerName
from experiments.latent_spaces.trained import Model, models
from experiments.report import Part
from jaxgen.arrays import Key, Metrics
from jaxgen.keys import named

DRAWN = 10
"""Images of the first seed that are kept to be drawn."""

Made = dict[tuple[ModelName, SamplerName], dict[str, np.ndarray]]


def generation(experiment: LatentSpaces, folder: Path) -> Part:
    """Draws codes of every kind for every model, and scores what they decode to."""
    reference = reference_of(experiment, folder.parent)
    found = models(experiment, folder.parent / "models")
    made = {
        (name, sampler): scored(experiment, model, sampler, reference)
        for name, model in found.items()
        for sampler in experiment.generation.samplers
    }
    beside = references(experiment, reference)
    criteria, beyond = generation_criteria(made), what_it_does_not_mean(made)
    return Part(
        {
            "criteria": [criterion_row(one) for one in criteria],
            "beyond": [criterion_row(one) for one in beyond],
            "rows": rows(made, beside),
        },
        [generation_section(made, beside, criteria, beyond)],
        {},
    )


def scored(
    experiment: LatentSpaces, model: Model, sampler: SamplerName, reference: Reference
) -> dict[str, np.ndarray]:
    """Scores of one model and one way to draw codes, with some images of each seed."""
    settings = experiment.generation
    learned = jnp.asarray(reference.learned.images)

    def of_seed(net, params, key: Key) -> Metrics:
        draw = SAMPLERS[sampler](settings)
        codes = draw(net, params, learned, named(key, "sampler"))
        images: Any = net.apply({"params": params}, codes, method="images")
        return {**image_scores(images, reference), "images": images[:DRAWN]}

    return model.each_seed(of_seed)


def references(
    experiment: LatentSpaces, reference: Reference
) -> dict[str, dict[str, np.ndarray]]:
    """Scores of a perfect sampler and of a trivial one, a draw for each seed."""
    keys = jax.random.split(jax.random.key(3), experiment.seeds)

    def of(draw):
        def one(key):
            images = draw(reference, key, experiment.generation.samples)
            return {**image_scores(images, reference), "images": images[:DRAWN]}

        return jax.tree.map(
            np.asarray, jax.jit(lambda keys: jax.lax.map(one, keys))(keys)
        )

    return {"perfect": of(perfect_images), "trivial": of(trivial_images)}


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
