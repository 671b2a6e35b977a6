"""Digits to stack, and the nets that learn them."""

from dataclasses import dataclass

from experiments.digits import convolution
from experiments.mode_collapse.protocols import Recipe
from jaxgen.models.image_critic import DCGANCritic
from jaxgen.models.image_generator import DCGANGenerator


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
