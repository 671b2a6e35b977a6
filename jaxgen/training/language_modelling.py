"""The learner of a language model."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jax.typing import DTypeLike

from jaxgen.arrays import Array, Data, Key, PyTree
from jaxgen.models.language_model import LanguageModel
from jaxgen.objectives.chunked_cross_entropy import (
    chunked_cross_entropy,
    language_loss,
)
from jaxgen.objectives.language import following
from jaxgen.sharding.vectors import spread_vectors
from jaxgen.training.descent import descent
from jaxgen.training.gradients import Loss, whole_batch
from jaxgen.training.learner import Learner
from jaxgen.training.players import parted
from jaxgen.training.precision import in_dtype


def language_modelling(
    model: LanguageModel,
    optimizer: optax.GradientTransformation,
    z_weight: float | Array = 0.0,
    chunk: int = 128,
    dtype: DTypeLike = jnp.float32,
    value_and_grad: Callable = whole_batch,
) -> Learner:
    """Steps down the nats to tell each token from those before it.

    Args:
      model: of the tokens.
      optimizer: turns gradients into updates; see `jaxgen.training.adamw`.
      z_weight: of the squared logarithm of sums; see `language_loss`.
      chunk: tokens of each row whose logits are there at a time.
      dtype: of the computation; parameters stay float32.
      value_and_grad: how gradients are gathered. ``microbatched`` has means of means:
        parts with fewer tokens, by padding or packing, weigh as much as others.

    Returns:
      A learner of batches, tokens (b, t) or a tuple of tokens and their `Context`, with
      the metrics ``loss`` and ``nats``, which leaves out the part of z.

    Example:
      >>> from jaxgen.models.text_encoder import TextEncoder
      >>> from jaxgen.nn.gated_convolution import GatedConvolution
      >>> from jaxgen.nn.transformer_block import TransformerBlock
      >>> block = TransformerBlock(GatedConvolution(4, causal=True))
      >>> model = LanguageModel(TextEncoder(256, 32, (block,)))
      >>> learner = language_modelling(model, optax.sgd(0.1))
    """

    def start(key: Key, batch: Data) -> PyTree:
        tokens, context = parted(batch)
        return model.init(key, tokens, *context)["params"]

    loss = next_token_loss(model, z_weight, chunk, dtype)
    return descent(start, loss, optimizer, value_and_grad)


def next_token_loss(
    model: LanguageModel,
    z_weight: float | Array = 0.0,
    chunk: int = 128,
    dtype: DTypeLike = jnp.float32,
) -> Loss:
    """The nats to tell each token from those before it, as a loss of parameters.

    Args:
      model: of the tokens.
      z_weight: as of `language_modelling`.
      chunk: as of `language_modelling`.
      dtype: as of `language_modelling`.

    Returns:
      ``(params, batch, key) -> (scalar, metrics)``, of batches as `language_modelling` has
      them: for `jaxgen.training.adaptation.adapted`, or penalties beside it.
    """

    def loss(params, batch, key):
        tokens, context = parted(batch)
        how = {"rngs": {"dropout": key}, "method": "factors"}
        with spread_vectors():
            factors: Any = model.apply({"params": params}, tokens, *context, **how)
        then, chosen = following(tokens, *context)
        told = chunked_cross_entropy(*factors, tokens=then, chunk=chunk)
        value = language_loss(told, chosen, z_weight)
        return value, {"nats": language_loss(told, chosen)}

    return in_dtype(loss, dtype)
