"""Images of digits: to learn from, and held out."""

from functools import lru_cache
from pathlib import Path

import jax

from experiments.checks import option
from experiments.digit_sources import SIDES, DigitSource
from jaxgen.data.images import (
    HELD_OUT_NAMES,
    Labelled,
    digits8,
    holds_held_out,
    labelled_from_file,
    split,
)
from jaxgen.data.tfds import labelled_from_tfds
from jaxgen.nn.convolution import Convolve, convolved, convolved_by_patches


@lru_cache(maxsize=1)  # asked for when settings are checked, and to train
def digits_of(
    part: str, source: DigitSource, file: Path | None
) -> tuple[Labelled, Labelled]:
    """Digits to train on, and digits held out.

    Args:
      part: of the experiment, as the command line calls it.
      source: scikit-learn's, or MNIST's from TFDS.
      file: an .npz file of such images, used instead of TFDS; a quarter is held out,
        or ``x_test`` where it has that.

    Raises:
      ValueError: a file or a data set that is not as it should be.
      ImportError: TFDS is asked for and not installed.
    """
    if file:
        data = labelled_from_file(file)
        require_digits(part, source, file, data)
        if holds_held_out(file):
            held_out = labelled_from_file(file, HELD_OUT_NAMES)
            require_digits(part, source, file, held_out)
            return data, held_out
    elif source == "digits8":
        data = digits8()
    else:
        return labelled_from_tfds("mnist"), labelled_from_tfds("mnist", "test")
    return split(data, 0.75, seed=0)


def require_digits(part: str, source: DigitSource, file: Path, data: Labelled) -> None:
    """Raises:
    ValueError: the images are not those of the source's nets, or not of ten digits.
    """
    count, height, width, channels = data.images.shape
    side, name = SIDES[source], option(part)
    if (height, width, channels) != (side, side, 1):
        raise ValueError(
            f"{name}.file {file}: images of {height} x {width} pixels and "
            f"{channels} channels; {name}.source {source} learns gray ones of "
            f"{side} x {side}"
        )
    if count < 1_000 or set(data.labels.tolist()) != set(range(10)):
        raise ValueError(
            f"{name}.file {file}: {count} images of the classes "
            f"{sorted(set(data.labels.tolist()))[:12]}; expected 1,000 or more of the "
            "digits 0 to 9"
        )


def convolution() -> Convolve:
    """The faster convolution here: by patches where there is only a CPU."""
    return convolved_by_patches if jax.default_backend() == "cpu" else convolved
