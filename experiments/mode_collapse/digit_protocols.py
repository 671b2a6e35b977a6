"""Digits to stack, and the nets that learn them."""

from dataclasses import dataclass
from functools import lru_cache

import jax

from experiments.mode_collapse.claim import Digits
from experiments.mode_collapse.protocols import Recipe
from jaxgen.data.images import Labelled, digits8, labelled_from_file, split
from jaxgen.data.tfds import labelled_from_tfds
from jaxgen.models.image_critic import DCGANCritic
from jaxgen.models.image_generator import DCGANGenerator
from jaxgen.nn.convolution import Convolve, convolved, convolved_by_patches


@dataclass(frozen=True)
class DigitProtocol:
    """Digits, nets, and where they are from.

    Attributes:
      recipe: who is trained, and how.
      source: where it is from, and where ours departs from it.
    """

    recipe: Recipe
    source: str


def digit_protocol(name: str) -> DigitProtocol:
    """The protocol of a source of digits."""
    plug = convolution()
    if name == "digits8":
        return DigitProtocol(
            Recipe(
                generator=DCGANGenerator(
                    8, 3, (32, 16), kernel=3, last_stride=1, convolve=plug
                ),
                critic=DCGANCritic((16, 32), kernel=3, convolve=plug),
                latents=64,
                learning_rate=1e-3,
                b1=0.5,
                b2=0.99,
                batch=64,
            ),
            "Three of scikit-learn's 8 x 8 digits as the colours of an image; DCGAN nets "
            "of 32 and 16 channels, the critic's without normalization.",
        )
    return DigitProtocol(
        Recipe(
            generator=DCGANGenerator(
                28, 3, (64, 32, 16, 8), kernel=3, last_stride=1, convolve=plug
            ),
            critic=DCGANCritic(
                (4, 8, 16), kernel=3, slope=0.3, normalized=3, convolve=plug
            ),
            latents=256,
            learning_rate=2e-4,
            rate_ratio=0.5,
            b1=0.5,
            b2=0.99,
            batch=128,
        ),
        "The critic of half the generator's size of Unrolled GAN, as PacGAN trained it "
        "(table 3): 500,000 steps there.",
    )


@lru_cache(maxsize=1)  # asked for when settings are checked, and to train
def digits_of(settings: Digits) -> tuple[Labelled, Labelled]:
    """Digits to train on, and digits held out.

    Raises:
      ValueError: a file or a data set that is not as it should be.
      ImportError: TFDS is asked for and not installed.
    """
    if settings.file:
        data = labelled_from_file(settings.file)
        require_digits(settings, data)
    elif settings.source == "digits8":
        data = digits8()
    else:
        return labelled_from_tfds("mnist"), labelled_from_tfds("mnist", "test")
    return split(data, 0.75, seed=0)


def require_digits(settings: Digits, data: Labelled) -> None:
    """Raises:
    ValueError: the images are not those of the source's nets, or not of ten digits.
    """
    count, height, width, channels = data.images.shape
    side = digit_protocol(settings.source).recipe.generator.size
    if (height, width, channels) != (side, side, 1):
        raise ValueError(
            f"--digits.file {settings.file}: images of {height} x {width} pixels and "
            f"{channels} channels; --digits.source {settings.source} learns gray ones of "
            f"{side} x {side}"
        )
    if count < 1_000 or set(data.labels.tolist()) != set(range(10)):
        raise ValueError(
            f"--digits.file {settings.file}: {count} images of the classes "
            f"{sorted(set(data.labels.tolist()))[:12]}; expected 1,000 or more of the "
            "digits 0 to 9"
        )


def convolution() -> Convolve:
    """The faster convolution here: by patches where there is only a CPU."""
    return convolved_by_patches if jax.default_backend() == "cpu" else convolved
