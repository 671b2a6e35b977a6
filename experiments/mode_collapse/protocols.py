"""Data, nets, optimizer and counting rule of each protocol, and what it reported."""

from dataclasses import dataclass

import flax.linen as nn

from jaxgen.data.mixtures import Mixture, lattice, ring
from jaxgen.metrics.modes import ClosedBall, OpenBall, Rule
from jaxgen.models.critic import MaxoutCritic, PerceptronCritic
from jaxgen.models.generator import BatchNormGenerator, PerceptronGenerator


@dataclass(frozen=True)
class Protocol:
    """All that a published number depends on, save the method and the seed.

    Attributes:
      mixture: the data.
      generator: from two normal latents to points.
      critic: from points, or packs of them, to logits.
      learning_rate: of Adam, for both players.
      b1: Adam's decay of the mean.
      b2: Adam's decay of the square.
      batch: samples, or where ``packs`` packs, in a batch.
      packs: whether a packed critic sees ``batch`` packs, so more samples than others.
      training: size of the fixed training set.
      samples: generated at each evaluation.
      rule: which samples count.
      source: where it is from, and where ours departs from it.
    """

    mixture: Mixture
    generator: nn.Module
    critic: nn.Module
    learning_rate: float
    b1: float
    b2: float
    batch: int
    packs: bool
    training: int
    samples: int
    rule: Rule
    source: str


def _small(mixture: Mixture) -> Protocol:
    return Protocol(
        mixture,
        generator=PerceptronGenerator(width=64, depth=4),
        critic=PerceptronCritic(width=64, depth=3),
        learning_rate=1e-3,
        b1=0.8,
        b2=0.999,
        batch=128,
        packs=False,
        training=100_000,
        samples=2_500,
        rule=OpenBall(3.0),
        source="pacgan2018 made small: 64 units instead of 400 and 200, ReLU instead of "
        "batch normalization and maxout, learning rate 1e-3 instead of 1e-4. A packed "
        "critic sees as many samples as any other.",
    )


def _pacgan2018(mixture: Mixture) -> Protocol:
    return Protocol(
        mixture,
        generator=BatchNormGenerator(width=400, depth=4),
        critic=MaxoutCritic(units=200, pieces=5, depth=3),
        learning_rate=1e-4,
        b1=0.8,
        b2=0.999,
        batch=100,
        packs=True,
        training=100_000,
        samples=2_500,
        rule=OpenBall(3.0),
        source="Lin et al., 2018, PacGAN, table 1: 400,000 steps, 10 runs, mean ± "
        "standard error. Here the players step in turn; the authors' code steps both at "
        "once.",
    )


def _alphagan2023(mixture: Mixture) -> Protocol:
    def leaky_relu(x):
        return nn.leaky_relu(x, 0.2)

    return Protocol(
        mixture,
        generator=PerceptronGenerator(width=400, depth=4),
        critic=PerceptronCritic(width=200, depth=4, activation=leaky_relu),
        learning_rate=1e-4,
        b1=0.9,
        b2=0.99,
        batch=128,
        packs=False,
        training=50_000,
        samples=25_000,
        rule=ClosedBall(3.0),
        source="Welfert et al., 2023, (alpha_D, alpha_G)-GANs: 156,400 steps, 200 runs. "
        "Here weights start as Flax's do, and the generator's step draws new latents.",
    )


PROTOCOLS = {
    "small_ring": _small(ring(8, 1.0, 0.01)),
    "small_grid": _small(lattice(5, 0.5, 0.0125)),
    "pacgan2018_ring": _pacgan2018(ring(8, 1.0, 0.01)),
    "pacgan2018_grid": _pacgan2018(lattice(5, 2.0, 0.05)),
    "alphagan2023_ring": _alphagan2023(ring(8, 1.0, 0.01)),
    "alphagan2023_grid": _alphagan2023(lattice(5, 2.0, 0.05)),
}
