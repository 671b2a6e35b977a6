"""What the codes of every model are: where they lie, how wide, and what they know."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments.criterion import criterion_row
from experiments.latent_spaces.arms import TITLES
from experiments.latent_spaces.latent_findings import latent_criteria
from experiments.latent_spaces.latent_scores import latent_scores
from experiments.latent_spaces.latent_tables import latent_sections
from experiments.latent_spaces.planes import (
    REACH,
    SHOWN,
    between,
    planes,
    traversals,
)
from experiments.latent_spaces.reference import reference_of
from experiments.latent_spaces.settings import LatentSpaces, ModelName
from experiments.latent_spaces.trained import Pixels, models
from experiments.report import Part
from jaxgen.arrays import Int


def points_and_distributions(experiment: LatentSpaces, folder: Path) -> Part:
    """Measures the codes of every model, and draws those of two dimensions."""
    reference = reference_of(experiment, folder.parent)
    trained = models(experiment, folder.parent / "models")
    found: dict[ModelName, Any] = {
        name: model.each_seed(latent_scores, reference)
        for name, model in trained.items()
    }
    criteria = latent_criteria(found)
    flat = planes(experiment, folder)
    pair = reference.held_out.images[pair_of(reference.held_out.labels)]
    drawings = {
        f"Codes of {SHOWN} held-out images in models of two dimensions, an ellipse of one "
        "standard deviation or a point; colours tell digits. Circles: one, two and three "
        "standard deviations of the prior.": flat.planes,
        f"What codes on a grid over the prior's middle decode to, to {REACH} standard "
        "deviations on each side.": flat.grids,
        "Expected images between the codes of two held-out images.": between(
            trained, jnp.asarray(pair)
        ),
        f"Expected images of the VAE along its dimensions, from -{REACH} to {REACH} with "
        "all others at zero.": traversals(trained["vae"], found["vae"]["rates"]),
    }
    return Part(
        {"criteria": [criterion_row(one) for one in criteria], "rows": rows(found)},
        latent_sections(found, criteria, drawings),
        {"codes": flat.planes},
    )


def pair_of(labels: Int[Pixels, " n"]) -> list[int]:
    """The first image, and the first of another class."""
    return [0, int(np.argmax(labels != labels[0]))]


def rows(found: dict[ModelName, dict[str, np.ndarray]]) -> list[dict[str, Any]]:
    """One row for each seed of each model."""
    return [
        {"model": TITLES[name].title, "seed": seed}
        | {
            score: np.asarray(v[seed]).tolist()
            for score, v in one.items()
            if v.ndim < 3
        }
        for name, one in found.items()
        for seed in range(len(one["rate"]))
    ]
