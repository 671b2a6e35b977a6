"""Real images, and the classifier that judges images by them."""

from pathlib import Path

import numpy as np

from experiments.digit_classifier import classifier
from experiments.latent_spaces.scores import Reference, judge_of
from experiments.latent_spaces.settings import LatentSpaces
from experiments.latent_spaces.trained import images_of
from jaxgen.data.images import Labelled


def reference_of(experiment: LatentSpaces, folder: Path) -> Reference:
    """Trains the classifier in the folder, where it is missing."""
    learned, held_out = images_of(experiment.images)
    state = classifier(signed(learned), signed(held_out), folder / "classifier")
    return Reference(judge_of(state), learned, held_out)


def signed(data: Labelled) -> Labelled:
    """Images from [0, 1] in [-1, 1]."""
    return data._replace(images=2 * np.asarray(data.images) - 1)
