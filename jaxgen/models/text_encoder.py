"""Encoders of text: from tokens to a vector for each, whatever mixes them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, normal

from jaxgen.arrays import Array, Float, Int, PyTree
from jaxgen.attention.cost import Work
from jaxgen.attention.positions import sinusoidal
from jaxgen.nn.dropout import Dropout
from jaxgen.nn.mixer import (
    PLAIN,
    Context,
    led,
    positions_of,
    real,
    require_fit,
    require_memory,
)
from jaxgen.nn.stack import Stack


class Encoded(NamedTuple):
    """What an encoder says of a batch.

    Attributes:
      tokens: a vector for each token.
      cls: a vector for each row, that of its CLS token; None without one.
    """

    tokens: Float[Array, "b t d"]
    cls: Float[Array, "b d"] | None


class TextEncoder(nn.Module):
    """Embeddings and positions, then blocks, then a norm.

    Computes ``norm(blocks(E_token + p_position))``, with a CLS token before each row
    or without. A pattern counts the CLS token: it is index 0.

    Attributes:
      vocabulary: how many tokens: of bytes, 256 and the special ones.
      features: of each vector, d.
      blocks: the layers, the first one first: ``(block,) * 6`` for six alike.
      positions: ``(positions, features) -> vectors``: `sinusoidal`,
        `LearnedPositions(512)`; None where only mixers know of positions.
      cls: whether a learned vector leads each row.
      dropout: share of the embeddings that a key drops.
      norm: makes the last normalization.
      embedding_init: how the embeddings start.
      cls_init: how the CLS token's vector starts; zeros in the Long Range Arena, whose
        positions move it away from zero: where there are none, the norm of zeros has a
        slope of a thousand.
      remat: see `jaxgen.nn.stack.Stack`.
      scan: see `jaxgen.nn.stack.Stack`.

    Raises:
      ValueError: tokens that are no integers, a context of another shape, a CLS token
        before packed rows; and as the blocks, positions and `Stack` raise.

    References:
      Vaswani et al., 2017, *Attention is all you need*; embeddings of unit variance
      and CLS as in the code of Tay et al., 2021, *Long range arena*.

    Example:
      >>> import jax
      >>> from jaxgen.nn.attention import SelfAttention
      >>> from jaxgen.nn.transformer_block import TransformerBlock
      >>> encoder = TextEncoder(258, 32, (TransformerBlock(SelfAttention(4)),) * 2)
      >>> inputs = jax.random.key(0), jnp.zeros((2, 16), int)
      >>> jax.eval_shape(encoder.init_with_output, *inputs)[0].tokens.shape
      (2, 16, 32)
    """

    vocabulary: int
    features: int
    blocks: tuple[nn.Module, ...]
    positions: Callable[[Array, int], Array] | None = sinusoidal
    cls: bool = False
    dropout: float = 0.0
    norm: Callable[[], Any] = nn.LayerNorm
    embedding_init: Initializer = normal(1.0)
    cls_init: Initializer = normal(1.0)
    remat: bool = False
    scan: bool = False

    def setup(self):
        size = self.vocabulary, self.features
        self.embedding = nn.Embed(*size, embedding_init=self.embedding_init)
        if self.cls:
            self.leader = self.param("cls", self.cls_init, (1, 1, self.features))
        self.drop = Dropout(self.dropout)
        self.stack = Stack(self.blocks, self.remat, self.scan)
        self.last = self.norm()

    def __call__(self, tokens: Int[Array, "b t"], context: Context = PLAIN) -> Encoded:
        """Vectors of tokens; a key for ``"dropout"`` turns dropout on."""
        require_integers(tokens)
        require_fit(context, *tokens.shape)
        x, length = self.embedding(tokens), tokens.shape[1]
        if self.cls:
            leader = jnp.broadcast_to(self.leader, (len(tokens), 1, self.features))
            x, context = jnp.concatenate([leader, x], 1), led(context, length)
        positions = positions_of(context, x.shape[1])
        x = self.drop(self._placed(x, positions))
        x = self.last(self.stack(x, context._replace(positions=positions)))
        return Encoded(x[:, 1:], x[:, 0]) if self.cls else Encoded(x, None)

    def memory(self, batch: int, capacity: int) -> PyTree:
        """What the blocks keep of no token, with room for so many.

        Raises:
          ValueError: a mixer that remembers nothing.
        """
        sizes = batch, capacity, self.features, self.embedding.embedding.dtype
        blocks: Any = self.blocks
        return self.stack.stacked(
            [require_memory(block.mixer).memory(*sizes) for block in blocks]
        )

    def continued(
        self, tokens: Int[Array, "b t"], read: int | Int[Array, ""], memory: PyTree
    ) -> tuple[Float[Array, "b t d"], PyTree]:
        """Vectors of tokens behind those that the blocks remember, and what they keep.

        Args:
          tokens: of rows without padding, each of one sequence.
          read: how many are remembered.
          memory: of those.
        """
        positions = read + jnp.arange(tokens.shape[1])[None]
        x = self._placed(self.embedding(tokens), positions)
        x, memory = self.stack.continued(x, Context(positions=positions), memory)
        return self.last(x), memory

    def cost(self, batch: int, length: int) -> Work:
        """Work of the blocks' products of matrices, forward."""
        blocks: Any = self.blocks
        costs = (block.cost(batch, length, self.features) for block in blocks)
        return sum(costs, Work())

    def _placed(self, x: Array, positions: Array) -> Array:
        if self.positions is None:
            return x
        return x + self.positions(positions, self.features).astype(x.dtype)

    def logits(self, vectors: Float[Array, "b t d"]) -> Float[Array, "b t v"]:
        """Products with the embeddings, ``E h / sqrt(d)``: weights that are tied.

        References:
          Press and Wolf, 2017, *Using the output embedding to improve language models*;
          scaled as in T5.
        """
        return self.embedding.attend(vectors) / self.features**0.5


def require_integers(tokens: Array) -> None:
    """Raises:
    ValueError: tokens of another kind.
    """
    if not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise ValueError(f"tokens of {tokens.dtype}: expected integers")


def by_cls(encoded: Encoded, context: Context = PLAIN) -> Float[Array, "b d"]:
    """The vector of the CLS token.

    Raises:
      ValueError: there is none.
    """
    del context
    if encoded.cls is None:
        raise ValueError("no CLS token to pool by: TextEncoder(cls=True), or by_mean")
    return encoded.cls


def by_mean(encoded: Encoded, context: Context = PLAIN) -> Float[Array, "b d"]:
    """The mean over the tokens of a row, padding left out; zeros where there are none.

    Example:
      >>> encoded = Encoded(jnp.array([[[1.0], [2.0], [9.0]]]), None)
      >>> padding = jnp.array([[False, False, True]])
      >>> by_mean(encoded, Context(padding)).tolist()
      [[1.5]]
    """
    x = encoded.tokens
    weight = real(context, *x.shape[:2])[..., None]
    mean = (x * weight).sum(1) / jnp.maximum(weight.sum(1), 1)
    return mean.astype(x.dtype)
