"""Measures the parts of the claim that an experiment asks for."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from experiments.latent_spaces.collapse import collapse
from experiments.latent_spaces.generation import generation
from experiments.latent_spaces.likelihood import likelihood
from experiments.latent_spaces.page import WORDS
from experiments.latent_spaces.points_and_distributions import (
    points_and_distributions,
)
from experiments.latent_spaces.settings import LatentSpaces
from experiments.latent_spaces.text import text
from experiments.latent_spaces.trained import images_of
from experiments.report import Part, left_report

PARTS: dict[str, Callable[[LatentSpaces, Path], Part]] = {
    "points_and_distributions": points_and_distributions,
    "generation": generation,
    "likelihood": likelihood,
    "collapse": collapse,
    "text": text,
}


def report(experiment: LatentSpaces) -> Path:
    """Trains what is missing and leaves the report.

    Returns:
      Where the page is.

    Raises:
      ValueError: images that are none.
      OSError: a file of images that cannot be read.
    """
    images_of(experiment.images)
    parts = {name: partial(part, experiment) for name, part in PARTS.items()}
    settings = settings_of(experiment)
    return left_report(experiment.out, settings, parts, experiment.parts, WORDS)


def settings_of(experiment: LatentSpaces) -> dict[str, Any]:
    """What decides the results, as JSON: all but where they go, and which parts."""
    settings = asdict(experiment)
    settings["images"]["file"] = str(settings["images"]["file"] or "")
    return {
        "experiment": "latent_spaces",
        **{name: settings[name] for name in settings if name not in ("out", "parts")},
    }
