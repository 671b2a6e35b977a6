"""A language model of a billion parameters, and an encoder of long texts, for pods."""

import math
from dataclasses import replace
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import PartitionSpec as P

from experiments.accelerator import Proposal, Propose, shares
from jaxgen.arrays import Array, Int, Key, Metrics, PyTree
from jaxgen.attention.case import case_of
from jaxgen.attention.chunked import Chunked
from jaxgen.attention.expressions import causal, longformer
from jaxgen.attention.positions import rotary
from jaxgen.attention.ring import Ring
from jaxgen.attention.splash import Splash
from jaxgen.keys import named
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.models.text_heads import MaskedLanguageModel
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.gated_feed_forward import GatedFeedForward
from jaxgen.nn.transformer_block import TransformerBlock
from jaxgen.objectives.language import masked, masked_cross_entropy
from jaxgen.sharding.mesh import BATCH_AXES
from jaxgen.sharding.tensor_parallel import TENSOR
from jaxgen.sharding.vectors import spread_vectors
from jaxgen.training.adamw import adamw
from jaxgen.training.descent import descent
from jaxgen.training.language_modelling import language_modelling
from jaxgen.training.learner import Learner, State
from jaxgen.training.precision import cast, in_dtype
from jaxgen.training.rate_shapes import cosine

BYTES = 256
MASK = BYTES


def language_1b(devices: int, slices: int) -> Proposal:
    """Heads and units over four devices, a row over two, matrices over the others."""
    groups = shares("language_1b", devices, 8 * slices)
    sharded = math.gcd(32, groups)
    axes = {
        "data": groups // sharded * slices,
        "fsdp": sharded,
        "tensor": 4,
        "sequence": 2,
    }
    mixer = SelfAttention(
        16, 4, causal(), rotation=rotary, implementation=Ring(size=512)
    )
    return language(axes, mixer, layers=22, features=2048, length=2048, rows=8)


def language_splash(devices: int, slices: int) -> Proposal:
    """A hundred million parameters, a row and all heads on a chip, by the TPU's kernel."""
    mixer = SelfAttention(6, pattern=causal(), rotation=rotary)
    sharded = math.gcd(16, devices // slices)
    axes = {"data": devices // sharded, "fsdp": sharded}
    proposal = language(axes, mixer, layers=12, features=768, length=2048, rows=4)
    heads = jax.ShapeDtypeStruct((4, 2048, 6, 128), jnp.bfloat16)
    made = Splash().kernels(heads, heads, heads, case_of(heads, heads, causal()))
    return replace(proposal, kernels={name: one.flops for name, one in made.items()})


def language(
    axes: dict[str, int], mixer: Any, layers: int, features: int, length: int, rows: int
) -> Proposal:
    """In half precision, ``rows`` for each of the devices that have rows of their own."""
    block = TransformerBlock(mixer, GatedFeedForward(), nn.RMSNorm)
    encoder = TextEncoder(
        32_768,
        features,
        (block,) * layers,
        None,
        norm=nn.RMSNorm,
        remat=True,
        scan=True,
    )
    model = LanguageModel(encoder)
    batch = rows * axes["data"] * axes["fsdp"]
    adam = adamw(3e-4, cosine(100_000, 1_000))
    learner = language_modelling(model, adam, 1e-4, length, jnp.bfloat16)

    def evaluate(state: State, tokens: Array) -> Metrics:
        params = cast(state.params, jnp.bfloat16)
        with spread_vectors():
            logits: Any = model.apply({"params": params}, tokens)
        return {"top": (logits.argmax(-1)[:, :-1] == tokens[:, 1:]).mean()}

    return Proposal(
        learner,
        jax.ShapeDtypeStruct((batch, length), np.int32),
        axes,
        TENSOR,
        P(BATCH_AXES),
        evaluate,
        half=True,
        flops=3 * anywhere(model).cost(batch, length).flops,
    )


def anywhere(model: LanguageModel) -> LanguageModel:
    """The model with attention that needs no mesh to tell its work."""
    encoder = model.encoder
    block: Any = encoder.blocks[0]
    mixer = block.mixer.clone(implementation=Chunked())
    blocks = (block.clone(mixer=mixer),) * len(encoder.blocks)
    return model.clone(encoder=encoder.clone(blocks=blocks))


def longformer_64k(devices: int, slices: int) -> Proposal:
    """Texts of 65,536 bytes, each over a ring of sixteen devices."""
    groups = shares("longformer_64k", devices, 16 * slices)
    ring = Ring(size=512)
    mixer = SelfAttention(
        12, pattern=longformer(256), rotation=rotary, implementation=ring
    )
    encoder = TextEncoder(
        BYTES + 1, 768, (TransformerBlock(mixer),) * 12, None, remat=True, scan=True
    )
    model = MaskedLanguageModel(encoder)
    axes = {"data": slices, "fsdp": groups, "sequence": 16}
    return Proposal(
        masked_modelling(model),
        jax.ShapeDtypeStruct((groups * slices, 65_536), np.int32),
        axes,
        layout=P(BATCH_AXES),
        half=True,
    )


def masked_modelling(model: MaskedLanguageModel) -> Learner:
    """AdamW on the nats to tell hidden bytes, in half precision."""

    def start(key: Key, tokens: Int[Array, "b t"]) -> PyTree:
        return model.init(key, tokens)["params"]

    def loss(
        params: PyTree, tokens: Int[Array, "b t"], key: Key
    ) -> tuple[Array, Metrics]:
        seen, chosen = masked(tokens, named(key, "masked"), MASK, MASK)
        with spread_vectors():
            logits: Any = model.apply({"params": params}, seen)
        return masked_cross_entropy(logits, tokens, chosen), {}

    return descent(start, in_dtype(loss, jnp.bfloat16), optax.adamw(1e-4))


PROGRAMS: dict[str, Propose] = {
    "language_1b": language_1b,
    "language_splash": language_splash,
    "longformer_64k": longformer_64k,
}
