"""Keys and values of what was read before, for one token after another."""

from typing import NamedTuple, Unpack

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxgen.arrays import Array, Float, Int
from jaxgen.attention.attend import Implementation, attend
from jaxgen.attention.case import Options
from jaxgen.attention.checks import require_kind, require_values
from jaxgen.attention.tiles import Attended


class Cache(NamedTuple):
    """Keys and values, and how many of them there are.

    Attributes:
      key: those there are come first.
      value: likewise.
      length: of each example.
    """

    key: Float[Array, "b s k h"]
    value: Float[Array, "b s k v"]
    length: Int[Array, " b"]


def empty_cache(
    batch: int,
    capacity: int,
    heads: int,
    features: int,
    value_features: int | None = None,
    dtype: DTypeLike = jnp.float32,
) -> Cache:
    """A cache of nothing.

    Args:
      batch: examples.
      capacity: keys that it will hold at the most.
      heads: of keys.
      features: of a key.
      value_features: of a value; as many as of a key unless told.
      dtype: of both, of real numbers: what has no room becomes NaN.

    Raises:
      ValueError: another dtype.
    """
    require_kind("a cache", jax.ShapeDtypeStruct((), dtype), jnp.floating)
    shape = (batch, capacity, heads)
    return Cache(
        jnp.zeros((*shape, features), dtype),
        jnp.zeros(
            (*shape, features if value_features is None else value_features), dtype
        ),
        jnp.zeros(batch, jnp.int32),
    )


def extended(
    cache: Cache, key: Float[Array, "b t k h"], value: Float[Array, "b t k v"]
) -> Cache:
    """The cache with more keys and values behind those it holds.

    What it has no room for turns the keys of that example into NaN, so that no result
    is wrong in silence: a length is known to a trace only when it is too late to raise.

    Raises:
      ValueError: more at once than it could ever hold, or of other examples, heads or
        features than it holds.
    """
    require_like(cache.key, key)
    require_values(key, value)
    require_like(cache.value, value)
    if key.shape[1] > cache.key.shape[1]:
        raise ValueError(
            f"{key.shape[1]} keys at once in a cache of {cache.key.shape[1]}: make it "
            "with a larger capacity"
        )
    put = jax.vmap(
        lambda held, new, at: jax.lax.dynamic_update_slice_in_dim(held, new, at, 0)
    )
    length = cache.length + key.shape[1]
    fits = (length <= cache.key.shape[1])[:, None, None, None]
    return Cache(
        jnp.where(
            fits, put(cache.key, key.astype(cache.key.dtype), cache.length), jnp.nan
        ),
        put(cache.value, value.astype(cache.value.dtype), cache.length),
        length,
    )


def require_like(held: Array, new: Array) -> None:
    """Raises:
    ValueError: what is put in differs from what is held in more than its length.
    """
    expected = (held.shape[0], new.shape[1], *held.shape[2:])
    if new.shape != expected:
        raise ValueError(
            f"{new.shape} put in a cache of {held.shape}: expected {expected}"
        )


class CachedOptions(Options, total=False):
    """The options of `jaxgen.attention.attend.attend`, the offset excepted."""

    sinks: Float[Array, " n"] | None
    implementation: Implementation | None


def attend_cached(
    query: Float[Array, "b t n h"], cache: Cache, **options: Unpack[CachedOptions]
) -> Attended:
    """Attention of the last t tokens to all that were read.

    The same as those rows of attention to the whole sequence, for every causal pattern;
    one that draws or counts keys sees a sequence as long as the cache's capacity.

    Args:
      query: of the tokens whose keys were put in last.
      cache: their keys included.
      options: as for `attend`, the offset excepted.

    Raises:
      ValueError: a pattern that is not causal, an offset, or more queries than there is
        room for keys.

    Example:
        >>> from jaxgen.attention.expressions import causal
        >>> x = jax.random.normal(jax.random.key(0), (1, 3, 2, 4))
        >>> cache = empty_cache(1, 8, 2, 4)
        >>> for token in range(3):
        ...     one = x[:, token : token + 1]
        ...     cache = extended(cache, one, one)
        ...     last = attend_cached(one, cache, pattern=causal()).output
        >>> bool(jnp.allclose(last, attend(x, x, x, pattern=causal()).output[:, -1:]))
        True
    """
    pattern = options.get("pattern")
    if pattern is None or not pattern.causal:
        raise ValueError(
            f"{pattern} lets a query see keys that are not read yet: give a causal "
            "pattern, such as causal() & it"
        )
    if "offset" in options:
        raise ValueError("an offset: the cache knows where its queries are")
    if query.shape[1] > cache.key.shape[1]:
        raise ValueError(
            f"{query.shape[1]} queries of a cache of {cache.key.shape[1]} keys: expected "
            "those of keys that were put in"
        )
    options["offset"] = cache.length - query.shape[1]
    return attend(query, cache.key, cache.value, **options)
