"""Attention of blocks to themselves and to what a soft permutation puts beside them.

Shapes: blocks (b, c, s, n, h) of s tokens, n heads and h features; which of them are
present, (b, c, s); and soft permutations (b, n, c, c), a row of shares for each block.
"""

from math import sqrt

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.tiles import accumulator, attended_tile


def block_means(
    blocks: Float[Array, "b c s d"], present: Bool[Array, "b c s"]
) -> Float[Array, "b c d"]:
    """The mean of each block's tokens; zero where it has none.

    Example:
      >>> blocks = jnp.array([[[[1.0], [3.0]], [[5.0], [7.0]]]])
      >>> present = jnp.array([[[True, True], [True, False]]])
      >>> block_means(blocks, present).tolist()
      [[[2.0], [5.0]]]
    """
    kept = jnp.where(present[..., None], blocks, 0).astype(accumulator(blocks))
    count = jnp.maximum(present.sum(2, keepdims=True), 1)
    return (kept.sum(2) / count).astype(blocks.dtype)


def soft_permutation(
    query: Float[Array, "b c n h"],
    key: Float[Array, "b c n h"],
    present: Bool[Array, "b c s"],
    temperature: float,
    iterations: int,
) -> Float[Array, "b n c c"]:
    """How much of each block goes beside each, by products of what tells of blocks.

    Blocks that hold tokens and blocks that hold none are permuted among themselves.

    Args:
      query: of each block, to be put beside it.
      key: of each block, to be put beside another.
      present: tokens.
      temperature: of the products over the root of h.
      iterations: of `doubly_stochastic`.

    References:
      Tay et al., 2020, *Sparse Sinkhorn attention*, sections 3.1 and 3.2.
    """
    scores = jnp.einsum(
        "bcnh,bjnh->bncj", query, key, preferred_element_type=accumulator(query)
    )
    full = present.any(2)
    alike = (full[:, :, None] == full[:, None, :])[:, None]
    scores = scores / (temperature * sqrt(query.shape[-1]))
    alike = jnp.broadcast_to(alike, scores.shape)
    return doubly_stochastic(jnp.where(alike, scores, -jnp.inf), iterations)


def doubly_stochastic(
    scores: Float[Array, "*b c c"], iterations: int
) -> Float[Array, "*b c c"]:
    """``exp(scores)``, columns and rows divided by their sums in turn: rows last.

    Rows sum to one, and columns the more so the more iterations there are.

    References:
      Sinkhorn, 1964, *A relationship between arbitrary positive matrices and doubly
      stochastic matrices*; of logarithms: Mena et al., 2018, *Learning latent
      permutations with Gumbel-Sinkhorn networks*, section 2.

    Example:
      >>> doubly_stochastic(jnp.array([[0.0, 9.0], [9.0, 0.0]]), 1).round(2).tolist()
      [[0.0, 1.0], [1.0, 0.0]]
    """

    def step(_, x: Array) -> Array:
        x = x - jax.nn.logsumexp(x, axis=-2, keepdims=True)
        return x - jax.nn.logsumexp(x, axis=-1, keepdims=True)

    return jnp.exp(jax.lax.fori_loop(0, iterations, step, scores))


def attended_beside(
    query: Float[Array, "b c s n h"],
    key: Float[Array, "b c s n h"],
    value: Float[Array, "b c s n v"],
    present: Bool[Array, "b c s"],
    permutation: Float[Array, "b n c c"],
) -> Float[Array, "b c s n v"]:
    """Softmax attention of each block to itself and to its row of the permutation.

    A token of what is put beside it is the mean, by shares, of those in its place in
    the blocks that have one there, and its weight is multiplied by their share: so a
    block that is brought whole is there token for token, absent ones too.

    Returns:
      Weighted means of values, in float32 or more; zeros where there is no token.
    """
    share = jnp.einsum("bncj,bjs->bcsn", permutation, present.astype(permutation.dtype))
    there = jnp.broadcast_to(present[..., None], share.shape)
    weight = jnp.concatenate([there.astype(share.dtype), share], 2)
    key, value = (
        jnp.concatenate([x, permuted(x, present, permutation, share)], 2)
        for x in (key, value)
    )
    products = jnp.einsum(
        "bcqnh,bcknh->bcnqk", query, key, preferred_element_type=share.dtype
    )
    scores = products / sqrt(query.shape[-1])
    scores += logarithm(weight).swapaxes(2, 3)[:, :, :, None]
    return jax.vmap(attended_tile)(scores, value).output.swapaxes(2, 3)


def permuted(
    blocks: Float[Array, "b c s n h"],
    present: Bool[Array, "b c s"],
    permutation: Float[Array, "b n c c"],
    share: Float[Array, "b c s n"],
) -> Float[Array, "b c s n h"]:
    """What a permutation puts beside each block: means of tokens in one place."""
    kept = jnp.where(present[..., None, None], blocks, 0)
    sums = jnp.einsum(
        "bncj,bjsnh->bcsnh",
        permutation.astype(blocks.dtype),
        kept,
        preferred_element_type=share.dtype,
    )
    means = sums / jnp.where(share > 0, share, 1)[..., None]
    return means.astype(blocks.dtype)


def logarithm(x: Array) -> Array:
    """Minus infinity at zero, without a slope there."""
    return jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1)), -jnp.inf)


def cost_of_permutation(rows: int, heads: int, blocks: int, width: int) -> Work:
    """Work of `soft_permutation`: all pairs of blocks."""
    return matrix_product(blocks, width, blocks, batch=rows * heads)


def cost_beside(rows: int, heads: int, blocks: int, size: int, width: int) -> Work:
    """Work of `attended_beside`, of which permuting grows with the square of blocks."""
    shares = matrix_product(heads * blocks, blocks, size, batch=rows)
    moved = matrix_product(blocks, blocks, size * width, batch=rows * heads) * 2
    pairs = matrix_product(size, width, 2 * size) + matrix_product(
        size, 2 * size, width
    )
    return shares + moved + pairs * (rows * heads * blocks)
