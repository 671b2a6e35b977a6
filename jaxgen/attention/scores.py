"""What a query and a key add to their score: callables that may hold arrays.

A score is called ``(logits, head, query, key) -> logits`` with logits (b, n, q, k), the
heads' numbers (1, n, 1, 1), and positions (b, 1, q, 1) and (b, 1, 1, k), b or 1. Any
function of that form is one; arrays that it needs, and that are to be learned, are
given to it with ``jax.tree_util.Partial(function, arrays)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Int

Score = Callable[[Array, Array, Array, Array], Array]


@partial(jax.tree_util.register_dataclass, meta_fields=("heads",), data_fields=())
@dataclass(frozen=True)
class ALiBi:
    """A penalty on distance, ``-slope |q - k|``, steeper in each head.

    Slopes are ``2^(-8 i / n)`` for head i of n, from 1; where n is no power of two,
    those of the power below, then every second one of the power above.

    Attributes:
      heads: how many.

    References:
      Press et al., 2022, *Train short, test long*, section 3 and its code.
    """

    heads: int

    def __call__(self, logits, head, query, key):
        require_heads(self.heads, logits)
        slopes = jnp.asarray(alibi_slopes(self.heads), logits.dtype)[head]
        return logits - slopes * jnp.abs(query - key).astype(logits.dtype)


def alibi_slopes(heads: int) -> np.ndarray:
    """The slope of each head.

    Raises:
      ValueError: there is none.

    Example:
        >>> alibi_slopes(4).tolist()
        [0.25, 0.0625, 0.015625, 0.00390625]
    """
    if heads < 1:
        raise ValueError(f"slopes of {heads} heads: expected 1 or more")
    power = 2 ** int(np.log2(heads))
    own = 2.0 ** (-8 / power * np.arange(1, power + 1))
    above = 2.0 ** (-4 / power * np.arange(1, 2 * power + 1, 2))
    return np.concatenate([own, above])[:heads]


@partial(jax.tree_util.register_dataclass, meta_fields=("cap",), data_fields=())
@dataclass(frozen=True)
class SoftCap:
    """Logits bounded smoothly: ``cap tanh(s / cap)``.

    References:
      Gemma Team, 2024, *Gemma 2*, section 2.
    """

    cap: float

    def __post_init__(self):
        if not self.cap > 0:
            raise ValueError(f"a cap of {self.cap}: expected more than 0")

    def __call__(self, logits, head, query, key):
        return self.cap * jnp.tanh(logits / self.cap)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("table",),
    meta_fields=("bidirectional", "furthest"),
)
@dataclass(frozen=True)
class RelativeBias:
    """A learned bias for each head and bucket of distances.

    Attributes:
      table: the biases, (n, buckets).
      bidirectional: half of the buckets are for later keys.
      furthest: distance from which on all share the last bucket.

    References:
      Raffel et al., 2020, *Exploring the limits of transfer learning with T5*,
      section 2.1 and its code.
    """

    table: Any
    bidirectional: bool = True
    furthest: int = 128

    def __call__(self, logits, head, query, key):
        require_heads(self.table.shape[0], logits)
        bucket = distance_bucket(
            key - query, self.table.shape[1], self.bidirectional, self.furthest
        )
        # a sum over all pairs is its gradient: made in the dtype of the logits
        return logits + self.table.astype(logits.dtype)[head, bucket]


def require_heads(heads: int, logits: Array) -> None:
    """Raises:
    ValueError: a score of other heads: an index past the last would take the last.
    """
    if heads != logits.shape[1]:
        raise ValueError(
            f"a score of {heads} heads, and logits of {logits.shape[1]}: expected as many"
        )


def distance_bucket(
    ahead: Int[Array, "..."], buckets: int, bidirectional: bool, furthest: int
) -> Int[Array, "..."]:
    """T5's buckets of ``key - query``: one each when near, then wider and wider.

    Raises:
      ValueError: too few buckets for the near and the far, or a furthest distance among
        the near.

    Example:
        >>> distance_bucket(jnp.array([0, -1, 1, -200]), 32, True, 128).tolist()
        [0, 1, 17, 15]
    """
    later = jnp.zeros_like(ahead)
    if bidirectional:
        buckets //= 2
        later = jnp.where(ahead > 0, buckets, 0)
        distance = jnp.abs(ahead)
    else:
        distance = jnp.maximum(-ahead, 0)
    exact = buckets // 2
    if not 1 <= exact < furthest:
        raise ValueError(
            f"{buckets} buckets on a side, half of them of one distance each, and a "
            f"furthest of {furthest}: expected 2 buckets or more, and a distance beyond "
            f"{exact}"
        )
    growth = jnp.log(jnp.maximum(distance, 1) / exact) / np.log(furthest / exact)
    wide = exact + (growth * (buckets - exact)).astype(ahead.dtype)
    return later + jnp.where(distance < exact, distance, jnp.minimum(wide, buckets - 1))


@partial(jax.tree_util.register_dataclass, data_fields=("scores",), meta_fields=())
@dataclass(frozen=True)
class Composed:
    """Scores applied one after the other."""

    scores: tuple[Any, ...]

    def __call__(self, logits, head, query, key):
        for score in self.scores:
            logits = score(logits, head, query, key)
        return logits


def composed(*scores: Score) -> Score:
    """Scores applied from left to right: ``composed(ALiBi(8), SoftCap(30.0))``."""
    return Composed(tuple(map(as_tree, scores)))


def as_tree(score: Score) -> Score:
    """The score as a pytree of the arrays it holds; a plain function holds none."""
    unknown = jax.tree_util.all_leaves((score,))
    return jax.tree_util.Partial(score) if unknown else score


def unchanged(logits: Array, head: Array, query: Array, key: Array) -> Array:
    """The score that adds nothing."""
    return logits


def changes_nothing(score: Score) -> bool:
    """Whether a score of a case is `unchanged`."""
    return isinstance(score, jax.tree_util.Partial) and score.func is unchanged
