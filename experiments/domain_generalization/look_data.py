"""Digits of three looks, at one size."""

from typing import NamedTuple

import numpy as np

from experiments.digits import digits_of
from experiments.domain_generalization.image_learning import PARTS, Images
from experiments.domain_generalization.image_settings import Looks
from jaxgen.arrays import Float
from jaxgen.data.images import Labelled, digits8, split
from jaxgen.data.printed_digits import printed_digits28

LOOKS = "written", "printed", "few pixels"


class LookImages(NamedTuple):
    """Images of the looks, as many of each: leaves (looks, n, ...).

    Attributes:
      learned: to learn from; where a look is left out, to test on.
      held: never learned from; settings are chosen by them.
    """

    learned: Images
    held: Images


def looks_of(settings: Looks) -> LookImages:
    """The images of each look, four fifths of them to be learned from.

    Raises:
      ValueError: a file or a set that is not as it should be.
      ImportError: TFDS is asked for and not installed.
      OSError: the file cannot be read.
    """
    looks = small_looks() if settings.source == "digits8" else large_looks(settings)
    count = min(settings.images, *(len(one.labels) for one in looks))
    images = np.stack([np.asarray(one.images)[:count] for one in looks])
    labels = np.stack([np.asarray(one.labels)[:count] for one in looks])
    held = count // PARTS
    return LookImages(
        Images(images[:, held : PARTS * held], labels[:, held : PARTS * held]),
        Images(images[:, :held], labels[:, :held]),
    )


def small_looks() -> list[Images]:
    """All of 8 x 8, where few pixels are 4 x 4 of other written digits."""
    (written, other), printed = split(digits8(), 0.5, seed=0), printed_digits28()
    return [
        Images(gray(written), written.labels),
        Images(shrunk(cropped(gray(printed)), 3), printed.labels),
        Images(grown(shrunk(gray(other), 2), 2), other.labels),
    ]


def large_looks(settings: Looks) -> list[Images]:
    """All of 24 x 24, where few pixels are 8 x 8."""
    written, _ = digits_of("looks", settings.source, settings.file)
    printed, other = printed_digits28(), digits8()
    return [
        Images(cropped(gray(written)), written.labels),
        Images(cropped(gray(printed)), printed.labels),
        Images(grown(gray(other), 3), other.labels),
    ]


def gray(data: Labelled) -> Float[np.ndarray, "n h w c"]:
    """Pixels in [0, 1]."""
    return (np.asarray(data.images) + 1) / 2


def cropped(images: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n y x c"]:
    """Without two pixels around, that digits are as large as scikit-learn's, which fill
    their images: 28 x 28 become 24 x 24."""
    return images[:, 2:-2, 2:-2]


def shrunk(
    images: Float[np.ndarray, "n h w c"], factor: int
) -> Float[np.ndarray, "n y x c"]:
    """The mean of each block, as scikit-learn's digits were made.

    Example:
      >>> shrunk(np.arange(4.0).reshape(1, 2, 2, 1), 2).ravel().tolist()
      [1.5]
    """
    count, height, width, channels = images.shape
    blocks = count, height // factor, factor, width // factor, factor, channels
    return images.reshape(blocks).mean((2, 4))


def grown(
    images: Float[np.ndarray, "n h w c"], factor: int
) -> Float[np.ndarray, "n y x c"]:
    """Each pixel a block.

    Example:
      >>> grown(np.array([1.0, 2.0]).reshape(1, 1, 2, 1), 2)[0, ..., 0].tolist()
      [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    """
    return images.repeat(factor, axis=1).repeat(factor, axis=2)
