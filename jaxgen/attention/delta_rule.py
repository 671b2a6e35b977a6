"""The gated delta rule: a memory that is corrected where it is written, and forgets.

Token by token it would be a loop of small steps. Chunk by chunk it is products of
matrices: what the tokens of a chunk write depends on what those before them wrote, which
is a triangular system of equations.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float, Int
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.linear import cut
from jaxgen.attention.segments import runs
from jaxgen.attention.tiles import accumulator, heads_first

LOWEST = -50.0
"""A logarithm of decays that leaves nothing: with lower ones, sums of a chunk would lose
the digits of the others."""


class Tokens(NamedTuple):
    """What is written and asked; as the arguments of `gated_delta_rule`."""

    query: Float[Array, "b t n h"]
    key: Float[Array, "b t n h"]
    value: Float[Array, "b t n v"]
    log_decay: Float[Array, "b t n"]
    rate: Float[Array, "b t n"]
    run: Int[Array, "b t"]


class Memory(NamedTuple):
    """The transpose of S at the end of a chunk, and the segment that it is of."""

    held: Float[Array, "b n h v"]
    run: Int[Array, " b"]


def gated_delta_rule(
    query: Float[Array, "b t n h"],
    key: Float[Array, "b t n h"],
    value: Float[Array, "b t n v"],
    log_decay: Float[Array, "b t n"],
    rate: Float[Array, "b t n"],
    padding: Bool[Array, "b t"] | None = None,
    segments: Int[Array, "b t"] | None = None,
    chunk: int = 64,
) -> Float[Array, "b t n v"]:
    """What a memory answers to each query, once the token's key and value are written.

    For token t of one head, with decay ``a = exp(log_decay)`` and rate b::

        S_t = a_t S_(t-1) (I - b_t k_t k_t^T) + b_t v_t k_t^T
        o_t = S_t q_t

    What S says to a key of length one moves by the rate to the new value, and what it
    says to keys at right angles only decays. S is zero before each segment, and rests
    where there is padding. Time and memory are linear in the length: backward, each chunk
    is computed again from S at its start.

    Args:
      query: what is asked.
      key: of length one or less: where ``b |k|^2`` is more than two, S may explode.
      value: what is written.
      log_decay: zero or less; below -50 it is taken as that.
      rate: from zero, which writes nothing, to one, which overwrites.
      padding: true where there is no token.
      segments: numbers of the sequences packed in a row.
      chunk: tokens that are paired with one another.

    Returns:
      The answers, in float32 or more, as all sums.

    References:
      Yang et al., 2025, *Gated delta networks: improving Mamba2 with delta rule*,
      equation 10 and section 3.3.

    Example:
      >>> key = jnp.eye(2)[None, jnp.array([0, 1, 0]), None]
      >>> value = jnp.array([3.0, 5.0, 7.0])[None, :, None, None]
      >>> asked, ones = jnp.broadcast_to(key[:, :1], key.shape), jnp.ones((1, 3, 1))
      >>> gated_delta_rule(asked, key, value, 0 * ones, ones).ravel().tolist()
      [3.0, 3.0, 7.0]
    """
    batch, length, heads, width = key.shape
    query, key, value, log_decay, rate = (
        x.astype(accumulator(x)) for x in (query, key, value, log_decay, rate)
    )
    if padding is not None:
        log_decay, rate = (
            jnp.where(padding[..., None], 0, x) for x in (log_decay, rate)
        )
    if segments is None:
        segments = jnp.zeros((batch, length), jnp.int32)
    tokens = Tokens(query, key, value, log_decay, rate, runs(segments))
    empty = Memory(
        jnp.zeros((batch, heads, width, value.shape[-1]), value.dtype),
        jnp.zeros_like(tokens.run[:, 0]),
    )
    return answers_behind(empty, tokens, chunk)[1]


def answers_behind(
    memory: Memory, tokens: Tokens, chunk: int
) -> tuple[Memory, Float[Array, "b t n v"]]:
    """The memory after the tokens, where chunks fit them, and its answers to each."""
    batch, length = tokens.run.shape
    tokens = tokens._replace(log_decay=jnp.maximum(tokens.log_decay, LOWEST))
    chunks = jax.tree.map(partial(cut, min(chunk, length)), tokens)
    step = jax.checkpoint(answered_chunk, prevent_cse=False)  # pyright: ignore
    memory, found = jax.lax.scan(step, memory, chunks)
    found = found.swapaxes(0, 1).reshape(batch, -1, *found.shape[3:])
    return memory, found[:, :length]


def answered_chunk(
    memory: Memory, tokens: Tokens
) -> tuple[Memory, Float[Array, "b c n v"]]:
    """The memory after a chunk, and its answers to the chunk's queries.

    With ``r_ts`` the decay from token s to t and ``r_t`` that from the chunk's start,
    what is written at t is ``u_t = b_t (v_t - r_t S k_t - sum_(s<t) r_ts (k_s k_t) u_s)``.
    """
    query, key, value, log_decay, rate = heads_first(tokens[:-1])
    run, rate = tokens.run, rate[..., None]
    log = jnp.cumsum(log_decay, -1)
    order = jnp.tri(run.shape[1], dtype=bool)[None]
    past = order & (run[:, :, None] == run[:, None, :])
    within = decays(log[..., :, None] - log[..., None, :], past)
    before = decays(log, run == memory.run[:, None])[..., None]

    pairs = jnp.einsum("bnth,bnsh->bnts", key, key) * within * rate
    told = (key * before) @ memory.held
    written = unit_lower_inverse(jnp.tril(pairs, -1)) @ (rate * (value - told))
    weights = jnp.einsum("bnth,bnsh->bnts", query, key) * within
    answers = (query * before) @ memory.held + weights @ written
    added = jnp.einsum("bnsh,bnsv->bnhv", key * within[..., -1, :, None], written)
    held = memory.held * before[..., -1:, :] + added
    return Memory(held, run[:, -1]), answers.swapaxes(1, 2)


def decays(log: Float[Array, "b n ..."], own: Bool[Array, "b ..."]) -> Array:
    """Exponentials of each head, zero where tokens are not each other's own."""
    return jnp.exp(jnp.where(own[:, None], log, -jnp.inf))


@jax.custom_jvp
def unit_lower_inverse(below: Float[Array, "*b c c"]) -> Float[Array, "*b c c"]:
    """``(I + L)^-1`` of matrices L that are zero on the diagonal and above.

    From blocks of one number to blocks twice as wide, until one is left::

        inverse of (A 0; C B) = (A' 0; -B' C A' B'),    A', B' the inverses of A, B

    The product ``(I - L)(I + L^2)(I + L^4)...`` is as exact in theory, but where keys
    repeat its terms are as large as binomial coefficients, and cancel.

    Example:
      >>> unit_lower_inverse(jnp.array([[0.0, 0.0], [3.0, 0.0]])).tolist()
      [[1.0, 0.0], [-3.0, 1.0]]
    """
    size = below.shape[-1]
    whole = 1 << (size - 1).bit_length()
    ends = [(0, 0)] * (below.ndim - 2) + [(0, whole - size)] * 2
    below = jnp.pad(below, ends)
    inverse = jnp.ones((*below.shape[:-1], 1, 1), below.dtype)
    while (width := inverse.shape[-1]) < whole:
        upper, lower = inverse[..., ::2, :, :], inverse[..., 1::2, :, :]
        corner = -(lower @ corners(below, width) @ upper)
        top = jnp.concatenate([upper, jnp.zeros_like(upper)], -1)
        inverse = jnp.concatenate([top, jnp.concatenate([corner, lower], -1)], -2)
    return inverse[..., 0, :size, :size]


@unit_lower_inverse.defjvp
def _(primals, tangents):
    inverse = unit_lower_inverse(*primals)
    return inverse, -(inverse @ tangents[0] @ inverse)


def corners(
    matrix: Float[Array, "*b c c"], width: int
) -> Float[Array, "*b m {width} {width}"]:
    """The lower left quarters of the blocks, of twice this width, on the diagonal."""
    count = matrix.shape[-1] // (2 * width)
    sizes = count, 2, width
    blocks = matrix.reshape(*matrix.shape[:-2], *sizes, *sizes)
    left = blocks[..., :, 1, :, :, 0, :]
    return jnp.moveaxis(jnp.diagonal(left, axis1=-4, axis2=-2), -1, -3)


def cost_of_delta_rule(
    batch: int, length: int, width: int, values: int, chunk: int = 64
) -> Work:
    """Work of `gated_delta_rule`, for ``batch`` heads of all rows."""
    size = min(chunk, length)
    of_memory = matrix_product(size, width, values) * 2
    of_pairs = matrix_product(size, width, size) + matrix_product(size, size, values)
    added = matrix_product(width, size, values)
    work = of_memory + of_pairs * 2 + added + cost_of_inverse(size)
    return work * (-(-length // size) * batch)


def cost_of_inverse(size: int) -> Work:
    """Work of `unit_lower_inverse`, of one matrix."""
    whole = 1 << (size - 1).bit_length()
    widths = [1 << level for level in range(whole.bit_length() - 1)]
    levels = (
        matrix_product(width, width, width) * (whole // width) for width in widths
    )
    return sum(levels, Work())
