"""Data, nets, optimizer and counting rule of each protocol, and what it reported."""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import orthogonal

from jaxgen.data.mixtures import Mixture, lattice, overlapping_ring, ring
from jaxgen.metrics.modes import Box, ClosedBall, OpenBall, Rule
from jaxgen.models.critic import MaxoutCritic, PerceptronCritic
from jaxgen.models.generator import BatchNormGenerator, PerceptronGenerator


@dataclass(frozen=True)
class Recipe:
    """The nets of a protocol and how they are optimized.

    Attributes:
      generator: from normal latents to samples.
      critic: from samples, or packs of them, to logits.
      latents: how many.
      learning_rate: of Adam, for the critic.
      rate_ratio: the generator's learning rate over the critic's.
      b1: Adam's decay of the mean.
      b2: Adam's decay of the square.
      batch: samples in a batch.
    """

    generator: nn.Module
    critic: nn.Module
    latents: int = 2
    learning_rate: float = 1e-4
    rate_ratio: float = 1.0
    b1: float = 0.8
    b2: float = 0.999
    batch: int = 100


@dataclass(frozen=True)
class Protocol:
    """All that a published number depends on, save the method and the seed.

    Attributes:
      mixture: the data.
      recipe: who is trained, and how.
      rule: which samples count.
      source: where it is from, and where ours departs from it.
      training: size of the fixed training set.
      samples: generated at each evaluation; VEEGAN's and PacGAN's number unless told.
    """

    mixture: Mixture
    recipe: Recipe
    rule: Rule
    source: str
    training: int = 100_000
    samples: int = 2_500


def _small(mixture: Mixture) -> Protocol:
    return Protocol(
        mixture,
        Recipe(
            generator=PerceptronGenerator(width=64, depth=4),
            critic=PerceptronCritic(width=64, depth=3),
            learning_rate=1e-3,
            batch=128,
        ),
        rule=OpenBall(3.0),
        source="pacgan2018 made small: 64 units instead of 400 and 200, ReLU instead of "
        "batch normalization and maxout, learning rate 1e-3 instead of 1e-4, batches of "
        "128 instead of 100.",
    )


_PACGAN = Recipe(
    generator=BatchNormGenerator(width=400, depth=4),
    critic=MaxoutCritic(units=200, pieces=5, depth=3),
)


def _pacgan2018(mixture: Mixture) -> Protocol:
    return Protocol(
        mixture,
        _PACGAN,
        rule=OpenBall(3.0),
        source="Lin et al., 2018, PacGAN, table 1: 400,000 steps, 10 runs, mean ± "
        "standard error. Here the players step in turn; the authors' code steps both at "
        "once. A packed critic of theirs sees as many packs as others see samples: "
        "packed_2_wide and its like.",
    )


def _selfcond2020(mixture: Mixture) -> Protocol:
    return Protocol(
        mixture,
        _PACGAN,
        samples=50_000,
        rule=Box(3.0),
        source="Liu et al., 2020, Diverse image generation via self-conditioned GANs, "
        "the unconditional baseline of the authors' code: 100,000 steps. The nets are "
        "PacGAN's; here their weights start as PacGAN's do, batch statistics are "
        "averaged as PacGAN's are, and the generator's step draws new latents.",
    )


def _veegan2017(mixture: Mixture) -> Protocol:
    return Protocol(
        mixture,
        Recipe(
            generator=PerceptronGenerator(width=128, depth=2),
            critic=PerceptronCritic(width=128, depth=2),
            learning_rate=1e-3,
            b1=0.5,
            batch=128,
        ),
        rule=ClosedBall(3.0),
        source="Srivastava et al., 2017, VEEGAN, table 1: data, number of samples and "
        "counting rule are theirs. Their nets and budget are not in what they published "
        "beside the paper; these are ours.",
    )


def _unrolled2016(mixture: Mixture) -> Protocol:
    nets = {"width": 128, "depth": 2, "activation": jnp.tanh}
    start = orthogonal(1.4)
    return Protocol(
        mixture,
        Recipe(
            generator=PerceptronGenerator(**nets, kernel_init=start),
            critic=PerceptronCritic(**nets, kernel_init=start),
            latents=256,
            rate_ratio=10.0,
            b1=0.5,
            batch=512,
        ),
        rule=ClosedBall(3.0),
        source="Metz et al., 2017, Unrolled GANs, the authors' notebook: 25,000 steps, "
        "no table. Its ring of 8 modes has 7, one of double weight, for its angles run "
        "from 0 to 2π with both ends. The rule is that of Elfeki et al., 2019, GDPP, who "
        "trained on the same ring.",
    )


def _alphagan2023(mixture: Mixture) -> Protocol:
    def leaky_relu(x):
        return nn.leaky_relu(x, 0.2)

    return Protocol(
        mixture,
        Recipe(
            generator=PerceptronGenerator(width=400, depth=4),
            critic=PerceptronCritic(width=200, depth=4, activation=leaky_relu),
            b1=0.9,
            b2=0.99,
            batch=128,
        ),
        training=50_000,
        samples=25_000,
        rule=ClosedBall(3.0),
        source="Welfert et al., 2023, (alpha_D, alpha_G)-GANs: 156,400 steps, 200 runs. "
        "Here weights start as Flax's do, and the generator's step draws new latents.",
    )


_RING, _GRID = ring(8, 1.0, 0.01), lattice(5, 2.0, 0.05)

PROTOCOLS = {
    "small_ring": _small(_RING),
    "small_grid": _small(lattice(5, 0.5, 0.0125)),
    "pacgan2018_ring": _pacgan2018(_RING),
    "pacgan2018_grid": _pacgan2018(_GRID),
    "veegan2017_ring": _veegan2017(_RING),
    "veegan2017_grid": _veegan2017(_GRID),
    "unrolled2016_ring": _unrolled2016(overlapping_ring(8, 1.0, 0.01)),
    "selfcond2020_ring": _selfcond2020(ring(8, 2.0, 0.01)),
    "selfcond2020_grid": _selfcond2020(_GRID),
    "alphagan2023_ring": _alphagan2023(_RING),
    "alphagan2023_grid": _alphagan2023(_GRID),
}
