"""A study of a thousand seeds, and a GAN of larger images, for pods."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.accelerator import Proposal, Propose
from experiments.mode_collapse.methods import METHODS, axis_of, learner_of
from experiments.mode_collapse.protocols import PROTOCOLS
from experiments.mode_collapse.scores import counted_modes, state_scores
from jaxgen.arrays import Array, Key
from jaxgen.data.batches import minibatch
from jaxgen.models.image_critic import DCGANCritic
from jaxgen.models.image_generator import DCGANGenerator
from jaxgen.objectives.adversarial import HINGE
from jaxgen.sharding.rules import study
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.gan import gan, normal_latents
from jaxgen.training.replicate import each_row, replicate

SEEDS = 1024
EACH = 64
"""Images in a batch, for each device."""


def thousand_seeds(devices: int, slices: int) -> Proposal:
    """PacGAN's ring with as many seeds as tell a share to three hundredths."""
    del slices  # rows have nothing to say to one another
    protocol = PROTOCOLS["pacgan2018_ring"]
    recipe = protocol.recipe
    rows = replicate(
        learner_of(recipe, METHODS["packed_2"]), axis_of(recipe, SEEDS, penalty=0.0)
    )
    scores = state_scores(recipe, protocol.samples, counted_modes(protocol))
    replicas = math.gcd(SEEDS, devices)
    return Proposal(
        repeat(rows, 100),
        jax.ShapeDtypeStruct((protocol.training, 2), np.float32),
        {"replica": replicas, "data": devices // replicas},
        study(),
        evaluate=each_row(scores),
        steps=100,
    )


def images_64(devices: int, slices: int) -> Proposal:
    """The DCGAN of 64 x 64 pixels, its batch over all devices, its kernels over four."""
    sharded = math.gcd(4, devices // slices)
    adam = partial(optax.adam, 2e-4, b1=0.5)
    learner = gan(
        DCGANGenerator(size=64, channels=3),
        DCGANCritic((128, 256, 512, 1024)),
        HINGE,
        normal_latents(100),
        adam(),
        adam(),
    )

    def drawn(images: Array, key: Key) -> Array:
        return minibatch(EACH * devices)(images, key).astype(jnp.float32) / 127.5 - 1

    return Proposal(
        feed(learner, drawn),
        jax.ShapeDtypeStruct((50_000, 64, 64, 3), np.uint8),
        {"data": devices // sharded, "fsdp": sharded},
        moved=("all-to-all",),  # slopes of maps, from channels to examples
    )


PROGRAMS: dict[str, Propose] = {
    "thousand_seeds": thousand_seeds,
    "images_64": images_64,
}
