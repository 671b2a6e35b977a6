"""What attention refuses to be asked, each by its name, before anything is traced."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array
from jaxgen.attention.cost import Shaped
from jaxgen.attention.patterns import Pattern

KINDS = {
    jnp.bool_: "booleans, true where there is no token",
    jnp.integer: "integers",
    jnp.floating: "real numbers, such as float32",
}


def require_vectors(query: Shaped, key: Shaped) -> None:
    """Raises:
    ValueError: what are no vectors of heads, queries and keys of other batches or
      features, or heads of keys that do not divide those of queries.
    """
    for name, vectors in (("queries", query), ("keys", key)):
        require_heads(name, vectors)
    if (query.shape[0], query.shape[3]) != (key.shape[0], key.shape[3]):
        raise ValueError(
            f"queries {query.shape} and keys {key.shape}: expected the same batch (first) "
            "and the same features (last)"
        )
    own, heads = query.shape[2], key.shape[2]
    if own % heads:
        raise ValueError(
            f"{own} heads of queries and {heads} of keys: the second must divide the first"
        )


def require_values(key: Shaped, value: Shaped) -> None:
    """Raises:
    ValueError: values that are not one for each key.
    """
    require_heads("values", value)
    if value.shape[:3] != key.shape[:3]:
        raise ValueError(
            f"keys {key.shape} and values {value.shape}: expected the same batch, length "
            "and heads"
        )


def require_heads(name: str, vectors: Shaped) -> None:
    """Raises:
    ValueError: what are not (examples, length, heads, features) of real numbers.
    """
    if len(vectors.shape) != 4 or 0 in vectors.shape:
        raise ValueError(
            f"{name} of shape {vectors.shape}: expected (examples, length, heads, "
            "features), 1 or more of each"
        )
    require_kind(name, vectors, jnp.floating)


def require_each(
    name: str, array: Array | None, batch: int, length: int, kind: Any
) -> None:
    """Raises:
    ValueError: an array that is not of one row a sequence, or of one for all; or of
      another kind.
    """
    if array is None:
        return
    require_kind(name, array, kind)
    if array.shape not in ((batch, length), (1, length)):
        raise ValueError(f"{name} of shape {array.shape}: expected {(batch, length)}")


def require_kind(name: str, array: Any, kind: Any) -> None:
    """Raises:
    ValueError: what is no array, or one of other numbers.
    """
    dtype = getattr(array, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, kind):
        found = type(array).__name__ if dtype is None else dtype
        raise ValueError(f"{name} of {found}: expected {KINDS[kind]}")


def require_sinks(sinks: Array, heads: int) -> None:
    """Raises:
    ValueError: sinks that are not a real number for each head.
    """
    require_kind("sinks", sinks, jnp.floating)
    if sinks.shape != (heads,):
        raise ValueError(f"sinks of shape {sinks.shape}: expected {(heads,)}")


def require_rules(pattern: Any, score: Any, scale: Any) -> None:
    """Raises:
    ValueError: what is no pattern, no score, or no number.
    """
    if not isinstance(pattern, Pattern):
        raise ValueError(
            f"a pattern {pattern}: expected a Pattern, such as causal() & window(8)"
        )
    if isinstance(score, type) or not callable(score):
        raise ValueError(
            f"a score {score}: expected a function of logits, such as ALiBi(8)"
        )
    if isinstance(scale, jax.Array) or not (scale is None or np.isfinite(scale)):
        raise ValueError(
            f"a scale of {scale}: expected a number that is known before any trace; "
            "multiply the queries by an array instead"
        )


def known(offset: Any, batch: int) -> int | None:
    """The offset, where it is known before any trace.

    Raises:
      ValueError: one that is negative, not whole, or not of each example or of all.
    """
    if isinstance(offset, int | np.integer):
        if offset < 0:
            raise ValueError(f"an offset of {offset}: expected 0 or more")
        return int(offset)
    require_kind("an offset", offset, jnp.integer)
    if offset.shape not in ((), (batch,)):
        raise ValueError(
            f"an offset of shape {offset.shape}: expected () or {(batch,)}"
        )
    return None
