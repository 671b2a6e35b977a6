"""Linear attention and the delta rule, of tokens behind those read before."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxgen.arrays import Array, Bool, Float
from jaxgen.attention.delta_rule import Memory, Tokens, answers_behind
from jaxgen.attention.features import Features
from jaxgen.attention.linear import State, means, sums_behind, terms_of
from jaxgen.attention.tiles import accumulator, finite


def empty_state(
    batch: int, heads: int, width: int, values: int, dtype: DTypeLike = jnp.float32
) -> State:
    """The sums of no token.

    Args:
      batch: examples.
      heads: of keys.
      width: features of a key.
      values: features of a value.
      dtype: of the sums.
    """
    return State(
        jnp.zeros((batch, heads, width, values + 1), dtype),
        jnp.full((batch, heads), -jnp.inf, dtype),
        jnp.ones(batch, jnp.int32),
    )


def attended_behind(
    state: State,
    query: Features,
    key: Features,
    value: Float[Array, "b t n v"],
    chunk: int = 128,
) -> tuple[Float[Array, "b t n v"], State]:
    """The last rows of `attended_to_past`, whose first tokens the state has summed.

    Returns:
      The means, and the state that has summed all.

    Example:
      >>> from jaxgen.attention.linear import attended_to_past
      >>> ones = jnp.ones((1, 3, 1, 1))
      >>> phi, value = Features(ones, 0 * ones[..., 0]), jnp.arange(3.0).reshape(ones.shape)
      >>> first, last = (jax.tree.map(lambda x: x[:, part], (phi, phi, value))
      ...                for part in (slice(0, 1), slice(1, 3)))
      >>> _, state = attended_behind(empty_state(1, 1, 1, 1), *first)
      >>> attended_behind(state, *last)[0].ravel().tolist()
      [0.5, 1.0]
    """
    length = value.shape[1]
    (query, key, value), padding = filled((query, key, value), chunk)
    terms = terms_of(query, key, value, padding, None)
    highest = jnp.maximum(terms.highest, finite(state.highest)[:, None])
    known = jnp.isfinite(state.highest)[:, None]
    terms = terms._replace(highest=jnp.where(known, highest, terms.highest))
    state, sums = sums_behind(state, terms, chunk, 0)
    return means(sums)[:, :length], state


def answered_behind(
    memory: Memory,
    query: Float[Array, "b t n h"],
    key: Float[Array, "b t n h"],
    value: Float[Array, "b t n v"],
    log_decay: Float[Array, "b t n"],
    rate: Float[Array, "b t n"],
    chunk: int = 64,
) -> tuple[Float[Array, "b t n v"], Memory]:
    """The last rows of `gated_delta_rule`, whose first tokens the memory has read.

    Returns:
      The answers, and the memory that has read all.
    """
    length = value.shape[1]
    given, padding = filled((query, key, value, log_decay, rate), chunk)
    query, key, value, log_decay, rate = (x.astype(accumulator(x)) for x in given)
    run = jnp.ones(padding.shape, memory.run.dtype)
    tokens = Tokens(query, key, value, log_decay, rate, run)
    memory, answers = answers_behind(memory, tokens, chunk)
    return answers[:, :length], memory


def filled(arrays, chunk: int) -> tuple:
    """Rows with zeros behind, up to whole chunks of the same sequence; and where.

    A decay whose logarithm is zero and a rate of zero leave a memory as it is.
    """
    batch, length = jax.tree.leaves(arrays)[0].shape[:2]
    more = -length % min(chunk, length)
    found = jax.tree.map(
        lambda x: jnp.pad(x, ((0, 0), (0, more), *((0, 0),) * (x.ndim - 2))), arrays
    )
    padding: Bool[Array, "b t"] = jnp.arange(length + more)[None] >= length
    return found, jnp.broadcast_to(padding, (batch, length + more))
