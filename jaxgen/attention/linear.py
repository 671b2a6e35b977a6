"""Attention by products of features: linear in the length, without a matrix of pairs.

Every mean ``sum_j w_ij v_j / sum_j w_ij`` has weights ``w_ij = phi(q_i) phi(k_j)``. The
largest scale of the keys divides both sums, so that neither overflows; it cancels.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float, Int
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.features import Features
from jaxgen.attention.segments import running_max, runs, starts
from jaxgen.attention.tiles import finite


class Terms(NamedTuple):
    """What sums over pairs of tokens are made of.

    Attributes:
      query: features.
      key: features.
      value: with a one behind each, whose sum is that of the weights.
      scale: logarithm of the keys' scale, minus infinity where there is no token.
      highest: what each query takes from it: no key of its sum has a larger one.
      run: which segment.
    """

    query: Float[Array, "b t n m"]
    key: Float[Array, "b t n m"]
    value: Float[Array, "b t n v"]
    scale: Float[Array, "b t n"]
    highest: Float[Array, "b t n"]
    run: Int[Array, "b t"]


def attended_to_all(
    query: Features,
    key: Features,
    value: Float[Array, "b t n v"],
    padding: Bool[Array, "b t"] | None = None,
    segments: Int[Array, "b t"] | None = None,
    chunk: int = 128,
) -> Float[Array, "b t n v"]:
    """The mean of the values of a row, or of a segment, for each query.

    A row of one segment takes two products: ``phi(q) (phi(k)^T v)``. Several are the
    sums of what is before each token and of what is after it.

    Args:
      query: features of the queries.
      key: features of the keys.
      value: of the keys.
      padding: true where there is no token.
      segments: numbers of the sequences packed in a row.
      chunk: tokens at a time, where there are segments.

    Returns:
      The means, zero where every weight is.

    References:
      Katharopoulos et al., 2020, *Transformers are RNNs*, equation 5.
    """
    if segments is None:
        return means(sums_of_rows(terms_of(query, key, value, padding, None)))
    terms = terms_of(query, key, value, padding, segments)
    after = reverse(terms_of(*map(reverse, (query, key, value, padding, segments))))
    terms = terms._replace(highest=jnp.maximum(terms.highest, after.highest))
    sums = chunked_sums(terms, chunk, 0)
    return means(sums + reverse(chunked_sums(reverse(terms), chunk, -1)))


def attended_to_past(
    query: Features,
    key: Features,
    value: Float[Array, "b t n v"],
    padding: Bool[Array, "b t"] | None = None,
    segments: Int[Array, "b t"] | None = None,
    chunk: int = 128,
) -> Float[Array, "b t n v"]:
    """The mean of the values up to each query, in its segment: as ``attended_to_all``.

    Chunk by chunk: pairs within, and the sums ``phi(k)^T v`` of all chunks before.

    References:
      Katharopoulos et al., 2020, *Transformers are RNNs*, equation 9; by chunks: Hua et
      al., 2022, *Transformer quality in linear time*, section 3.2.
    """
    terms = terms_of(query, key, value, padding, segments)
    return means(chunked_sums(terms, chunk, 0))


def terms_of(query, key, value, padding, segments) -> Terms:
    """The terms; the highest scale is that up to each token."""
    length, scale = value.shape[1], key.log_scale
    if padding is not None:
        scale = jnp.where(padding[..., None], -jnp.inf, scale)
    if segments is None:
        segments = jnp.zeros((len(value), length), jnp.int32)
    ones = jnp.ones((*value.shape[:-1], 1), key.values.dtype)
    weighed = jnp.concatenate([value.astype(ones.dtype), ones], -1)
    highest = running_max(scale, starts(segments))
    return Terms(
        query.values, key.values, weighed, scale, finite(highest), runs(segments)
    )


def sums_of_rows(terms: Terms) -> Float[Array, "b t n v"]:
    """Sums over all tokens of a row."""
    share = jnp.exp(terms.scale - finite(terms.scale.max(1, keepdims=True)))
    state = jnp.einsum("bknm,bknv->bnmv", terms.key * share[..., None], terms.value)
    return jnp.einsum("bqnm,bnmv->bqnv", terms.query, state)


class State(NamedTuple):
    """The sums of one segment: ``exp(-highest) sum_k phi(k) v``."""

    sums: Float[Array, "b n m v"]
    highest: Float[Array, "b n"]
    run: Int[Array, " b"]


def chunked_sums(terms: Terms, chunk: int, last: int) -> Float[Array, "b t n v"]:
    """Sums over the tokens up to each: itself is the last (0), or the one before (-1)."""
    batch, _, heads, width = terms.key.shape
    sums = jnp.zeros((batch, heads, width, terms.value.shape[-1]), terms.value.dtype)
    nothing = State(
        sums, jnp.zeros_like(terms.highest[:, 0]), jnp.zeros_like(terms.run[:, 0])
    )
    return sums_behind(nothing, terms, chunk, last)[1]


def sums_behind(
    state: State, terms: Terms, chunk: int, last: int
) -> tuple[State, Float[Array, "b t n v"]]:
    """The state after the tokens, where chunks fit them, and the sums up to each."""
    batch, length = terms.run.shape
    size = min(chunk, length)
    step = partial(summed_chunk, jnp.tri(size, k=last, dtype=bool))
    state, found = jax.lax.scan(step, state, jax.tree.map(partial(cut, size), terms))
    return state, found.swapaxes(0, 1).reshape(batch, -1, *found.shape[3:])[:, :length]


def summed_chunk(
    order: Bool[Array, "c c"], state: State, terms: Terms
) -> tuple[State, Float[Array, "b c n v"]]:
    """The state after a chunk, and the sums of its queries."""
    pairs = order[None] & (terms.run[:, :, None] == terms.run[:, None, :])
    gap = terms.scale[:, None] - terms.highest[:, :, None]
    share = jnp.exp(jnp.where(pairs[..., None], gap, -jnp.inf)).transpose(0, 3, 1, 2)
    weights = jnp.einsum("bqnm,bknm->bnqk", terms.query, terms.key) * share
    within = jnp.einsum("bnqk,bknv->bqnv", weights, terms.value)

    own = (terms.run == state.run[:, None])[..., None]
    share = shares(own, state.highest[:, None], terms.highest)
    before = jnp.einsum("bqnm,bnmv->bqnv", terms.query, state.sums) * share
    return advanced(state, terms), within + before


def advanced(state: State, terms: Terms) -> State:
    """The state of the segment at the end of a chunk."""
    run, highest = terms.run[:, -1], terms.highest[:, -1]
    own = (terms.run == run[:, None])[..., None]
    keys = terms.key * shares(own, terms.scale, highest[:, None])
    kept = shares((state.run == run)[:, None], state.highest, highest)[..., None]
    added = jnp.einsum("bknm,bknv->bnmv", keys, terms.value)
    return State(state.sums * kept + added, highest, run)


def shares(own: Array, scale: Array, highest: Array) -> Array:
    """Factors, zero of other segments, with an axis for features."""
    # a state of padding alone has a scale of 0, which may be the larger one
    return jnp.exp(jnp.where(own, jnp.minimum(scale - highest, 0), -jnp.inf))[..., None]


def means(sums: Float[Array, "b t n v"]) -> Float[Array, "b t n w"]:
    """Sums of values over sums of weights; zero where no weight is left."""
    total = sums[..., -1:]
    some = total > jnp.finfo(total.dtype).tiny
    return jnp.where(some, sums[..., :-1] / jnp.where(some, total, 1), 0)


def reverse(arrays):
    """Rows from their end."""
    return jax.tree.map(lambda x: jnp.flip(x, 1), arrays)


def cut(size: int, x: Array) -> Array:
    """Rows (b, t, ...) as chunks (c, b, size, ...), filled up with zeros.

    What fills up is of segment 0, which no token is of.
    """
    ends = [(0, 0), (0, -x.shape[1] % size), *((0, 0) for _ in x.shape[2:])]
    x = jnp.pad(x, ends)
    return x.reshape(len(x), -1, size, *x.shape[2:]).swapaxes(0, 1)


def cost_of_all(batch: int, length: int, width: int, values: int) -> Work:
    """Work of `attended_to_all` without segments, for ``batch`` heads of all rows."""
    summed = matrix_product(width, length, values + 1, batch=batch)
    return summed + matrix_product(length, width, values + 1, batch=batch)


def cost_of_past(
    batch: int, length: int, width: int, values: int, chunk: int = 128
) -> Work:
    """Work of `attended_to_past`, for ``batch`` heads of all rows."""
    size = min(chunk, length)
    within = matrix_product(size, width, size) + matrix_product(size, size, values + 1)
    return (within + cost_of_all(1, size, width, values)) * (-(-length // size) * batch)
