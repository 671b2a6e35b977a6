"""Real images, and the classifier that judges images by them."""

from pathlib import Path

import jax
import numpy as np

from experiments.digit_classifier import classifier
from experiments.latent_spaces.scores import Reference
from experiments.latent_spaces.settings import LatentSpaces
from experiments.latent_spaces.trained import Pixels, images_of
from jaxgen.arrays import Int
from jaxgen.data.images import Labelled

PAIRS = 500
"""Of held-out images, between whose codes the midpoint is decoded."""


def reference_of(experiment: LatentSpaces, folder: Path) -> Reference:
    """Trains the classifier in the folder, where it is missing."""
    learned, held_out = images_of(experiment.images)
    params = classifier(signed(learned), signed(held_out), folder / "classifier")
    judge = jax.tree.map(lambda leaf: leaf[0], params)
    return Reference(judge, learned, held_out, pairs_of(held_out.labels))


def signed(data: Labelled) -> Labelled:
    """Images from [0, 1] in [-1, 1]."""
    return data._replace(images=2 * np.asarray(data.images) - 1)


def pairs_of(labels: Int[Pixels, " m"]) -> Int[np.ndarray, "2 p"]:
    """Pairs of different classes, the same for every model."""
    pairs = np.random.default_rng(0).integers(0, len(labels), (2, 4 * PAIRS))
    apart = labels[pairs[0]] != labels[pairs[1]]
    return pairs[:, apart][:, :PAIRS]
