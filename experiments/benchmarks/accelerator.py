"""Language models whose work a chip has is the same on every slice: weak scaling.

Along ``data`` and ``fsdp`` there are more rows, along ``sequence`` longer rows whose
tokens see a window, and along ``tensor`` a wider model: with d features that grow as the
root of the chips, matrices of ``d x d`` give each chip as many numbers, and heads keep
their size. What attention and norms do for each feature grows otherwise, and is counted.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

from experiments.accelerator import Proposal, Propose, shares
from experiments.attention_scaling.accelerator import anywhere
from jaxgen.attention.attend import Implementation
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal, window
from jaxgen.attention.patterns import Pattern
from jaxgen.attention.positions import rotary
from jaxgen.attention.ring import Ring
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.gated_feed_forward import GatedFeedForward
from jaxgen.nn.transformer_block import TransformerBlock
from jaxgen.sharding.mesh import batch_spec
from jaxgen.sharding.tensor_parallel import TENSOR
from jaxgen.training.adamw import adamw
from jaxgen.training.language_modelling import language_modelling
from jaxgen.training.rate_shapes import cosine

LAYERS, FEATURES, HEAD, LENGTH, ROWS = 4, 2048, 128, 1024, 2
FEWEST = 16
"""Chips that a model of `FEATURES` is for, along ``tensor``."""


def model_of(
    features: int, pattern: Pattern, implementation: Implementation
) -> LanguageModel:
    """Layers that are scanned, and made again in the gradient; heads of one size."""
    mixer = SelfAttention(
        features // HEAD,
        pattern=pattern,
        rotation=rotary,
        implementation=implementation,
    )
    block = TransformerBlock(mixer, GatedFeedForward(2 * features), nn.RMSNorm)
    encoder = TextEncoder(
        32_768,
        features,
        (block,) * LAYERS,
        None,
        norm=nn.RMSNorm,
        remat=True,
        scan=True,
    )
    return LanguageModel(encoder)


def training(
    axes: Mapping[str, int], model: LanguageModel, rows: int, length: int, layout: P
) -> Proposal:
    """A step in half precision."""
    adam = adamw(3e-4, cosine(100_000, 1_000))
    return Proposal(
        language_modelling(model, adam, 1e-4, length, jnp.bfloat16),
        jax.ShapeDtypeStruct((rows, length), np.int32),
        axes,
        TENSOR,
        layout,
        half=True,
        flops=3 * anywhere(model).cost(rows, length).flops,
    )


def by_rows(axes: Mapping[str, int]) -> Proposal:
    """As many rows for each chip that has rows of its own."""
    alone = math.prod(axes.get(axis, 1) for axis in ("data", "fsdp"))
    model = model_of(FEATURES, causal(), Dense())
    return training(axes, model, ROWS * alone, LENGTH, batch_spec(tuple(axes)))


def along(axis: str, devices: int, slices: int) -> Proposal:
    """All chips along one axis of batches."""
    del slices
    return by_rows({axis: devices})


def weak_together(devices: int, slices: int) -> Proposal:
    """Heads and units over two chips, matrices over four, the others have rows."""
    groups = shares("weak_together", devices, 8 * slices)
    return by_rows({"data": groups * slices, "fsdp": 4, "tensor": 2})


def weak_tensor(devices: int, slices: int) -> Proposal:
    """Two rows for all chips, of a model that is wider by the root of their number."""
    del slices
    features = round(4 * FEATURES * math.sqrt(devices / FEWEST) / HEAD) * HEAD
    model = model_of(features, causal(), Dense())
    return training({"tensor": devices}, model, ROWS, LENGTH, P())


def weak_sequence(devices: int, slices: int) -> Proposal:
    """One row over all chips, as many tokens each; all see as many before them."""
    del slices
    model = model_of(FEATURES, causal() & window(LENGTH - 1, 0), Ring(size=512))
    length = ROWS * LENGTH * devices
    proposal = training({"sequence": devices}, model, 1, length, P(None, "sequence"))
    return replace(proposal, moved=("all-to-all",))  # the token after a shard's last


PROGRAMS: dict[str, Propose] = {
    "weak_data": partial(along, "data"),
    "weak_fsdp": partial(along, "fsdp"),
    "weak_tensor": weak_tensor,
    "weak_sequence": weak_sequence,
    "weak_together": weak_together,
}
