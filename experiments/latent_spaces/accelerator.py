"""A variational autoencoder of larger images, by convolutions, for pods."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.accelerator import Proposal, Propose
from jaxgen.arrays import Array, Metrics
from jaxgen.data.batches import minibatch
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.convolution_coders import ConvolutionDecoder, ConvolutionEncoder
from jaxgen.models.likelihoods import Bernoulli
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import GaussianCode
from jaxgen.objectives.variational import elbo
from jaxgen.training.autoencoding import autoencoding
from jaxgen.training.dispatch import feed
from jaxgen.training.learner import State
from jaxgen.training.transforms import guard

EACH = 128
"""Images in a batch, for each device."""
TESTED = 1024
"""Held-out images, the first of the data."""


def convolutional_vae(devices: int, slices: int) -> Proposal:
    """64 x 64 pixels of three channels, its batch over all devices."""
    widths = 128, 256, 512, 1024
    model = Autoencoder(
        ConvolutionEncoder(widths),
        GaussianCode(128),
        StandardNormal(128),
        ConvolutionDecoder((64, 64, 3), widths[::-1]),
        Bernoulli(),
    )
    sharded = math.gcd(4, devices // slices)

    def drawn(images: Array, key: Array) -> Array:
        return minibatch(EACH * devices)(images, key).astype(jnp.float32) / 255

    def evaluate(state: State, images: Array) -> Metrics:
        tested = images[:TESTED].astype(jnp.float32) / 255
        terms: Any = model.apply({"params": state.params}, tested, jax.random.key(0))
        return {"rate": terms.rate.mean(), "distortion": terms.distortion.mean()}

    return Proposal(
        feed(guard(autoencoding(model, elbo, optax.adam(1e-4))), drawn),
        jax.ShapeDtypeStruct((200_000, 64, 64, 3), np.uint8),
        {"data": devices // sharded, "fsdp": sharded},
        evaluate=evaluate,
        moved=("all-to-all",),  # slopes of maps, from channels to examples
    )


PROGRAMS: dict[str, Propose] = {"convolutional_vae": convolutional_vae}
