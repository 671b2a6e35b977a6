"""Cross-entropy of a large vocabulary, a few tokens at a time."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float, Int, Scalar, Shaped
from jaxgen.attention.tiles import accumulator


class Told(NamedTuple):
    """How sure of each token; both in float32 at least.

    Attributes:
      nats: to tell it, ``log_sum - l_token``.
      log_sum: ``log sum_v exp(l_v)``.
    """

    nats: Float[Array, "b t"]
    log_sum: Float[Array, "b t"]


def chunked_cross_entropy(
    vectors: Float[Array, "b t d"],
    matrix: Float[Array, "v d"],
    tokens: Int[Array, "b t"],
    chunk: int = 128,
) -> Told:
    """Nats to tell each token, whose logits ``matrix vector`` are never all there.

    The same as ``cross_entropy(vectors @ matrix.T, tokens)``. A chunk of each row is at
    work at a time, in the gradient again: logits take ``b chunk v`` numbers, not
    ``b t v``, for a third product of matrices beside the gradient's two. A chunk is of all
    rows, and of tokens from all over them, as many apart as there are chunks: examples
    may lie on many devices, and so may tokens. Slopes of the matrix are summed in float32
    at least.

    Args:
      vectors: of the places where tokens are told.
      matrix: a row for each token of the vocabulary.
      tokens: what is told.
      chunk: tokens of each row at a time.

    Raises:
      ValueError: a chunk of no token.

    Example:
      >>> vectors, matrix = jnp.zeros((2, 3, 4)), jnp.ones((8, 4))
      >>> told = chunked_cross_entropy(vectors, matrix, jnp.zeros((2, 3), int), chunk=2)
      >>> [round(nats, 3) for nats in told.nats[0].tolist()]  # log 8
      [2.079, 2.079, 2.079]
    """
    if chunk < 1:
        raise ValueError(f"chunked_cross_entropy(chunk={chunk}): expected 1 or more")
    length = tokens.shape[1]
    count = -(-length // min(chunk, length))
    chunks = jax.tree.map(partial(dealt, count), (vectors, tokens))
    # widened outside of the loop, as a loop sums slopes in the dtype of what it is given
    wide = matrix.astype(accumulator(matrix))

    @partial(jax.checkpoint, prevent_cse=False)
    def told(of_chunk):
        return told_at_once(of_chunk[0], wide.astype(matrix.dtype), of_chunk[1])

    found = jax.lax.map(told, chunks)
    return jax.tree.map(partial(gathered, length), found)


def dealt(count: int, x: Shaped[Array, "b t ..."]) -> Shaped[Array, "n b c ..."]:
    """Places by turns to so many chunks, with zeros behind the last where they are short.

    Example:
      >>> dealt(2, jnp.arange(1, 6)[None])[:, 0].tolist()
      [[1, 3, 5], [2, 4, 0]]
    """
    batch, length, *rest = x.shape
    padding = [(0, 0), (0, -length % count), *[(0, 0)] * len(rest)]
    return jnp.moveaxis(jnp.pad(x, padding).reshape(batch, -1, count, *rest), 2, 0)


def gathered(length: int, x: Float[Array, "n b c"]) -> Float[Array, "b t"]:
    """So many places of what `dealt` gave, in their order."""
    return jnp.moveaxis(x, 0, 2).reshape(x.shape[1], -1)[:, :length]


def told_at_once(
    vectors: Float[Array, "b t d"],
    matrix: Float[Array, "v d"],
    tokens: Int[Array, "b t"],
) -> Told:
    """As `chunked_cross_entropy`, with all logits there."""
    logits = jnp.einsum(
        "btd,vd->btv", vectors, matrix, preferred_element_type=accumulator(vectors)
    )
    log_sum = jax.nn.logsumexp(logits, axis=-1)
    own = jnp.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0]
    return Told(log_sum - own, log_sum)


def language_loss(
    told: Told, chosen: Bool[Array, "b t"], z_weight: float | Array = 0.0
) -> Scalar:
    """The mean of ``nats + z_weight log_sum^2`` over the tokens that were chosen.

    The second part keeps logits near those of probabilities, whose ``log_sum`` is zero;
    1e-4 is usual. Zero where no token was chosen. It is a mean over tokens, not over
    examples, as `masked_cross_entropy` is.

    References:
      Chowdhery et al., 2022, *PaLM: scaling language modeling with pathways*, section 5.
    """
    losses = told.nats + z_weight * told.log_sum**2
    return jnp.where(chosen, losses, 0).sum() / jnp.maximum(chosen.sum(), 1)
