"""What the codes of every model are: where they lie, how wide, and what they know."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.criterion import criterion_row
from experiments.latent_spaces.arms import TITLES
from experiments.latent_spaces.latent_findings import latent_criteria
from experiments.latent_spaces.latent_scores import latent_scores
from experiments.latent_spaces.latent_tables import latent_sections
from experiments.latent_spaces.planes import planes
from experiments.latent_spaces.reference import reference_of
from experiments.latent_spaces.settings import LatentSpaces, ModelName
from experiments.latent_spaces.trained import models
from experiments.report import Part


def points_and_distributions(experiment: LatentSpaces, folder: Path) -> Part:
    """Measures the codes of every model, and draws those of two dimensions."""
    reference = reference_of(experiment, folder.parent)
    found = {
        name: model.each_seed(latent_scores, reference)
        for name, model in models(experiment, folder.parent / "models").items()
    }
    criteria = latent_criteria(found)
    drawn = planes(experiment, folder)
    return Part(
        {"criteria": [criterion_row(one) for one in criteria], "rows": rows(found)},
        latent_sections(found, criteria, drawn),
        {"codes": drawn.planes},
    )


def rows(found: dict[ModelName, dict[str, np.ndarray]]) -> list[dict[str, Any]]:
    """One row for each seed of each model."""
    return [
        {"model": TITLES[name].title, "seed": seed}
        | {score: np.asarray(v[seed]).tolist() for score, v in one.items() if v.ndim < 3}
        for name, one in found.items()
        for seed in range(len(one["rate"]))
    ]
