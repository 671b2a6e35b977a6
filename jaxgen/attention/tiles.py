"""Attention of a tile of queries to a tile of keys, and the merging of two such.

Every implementation is a way to go over tiles. Shapes: queries (b, n, q, h), keys
(b, s, k, h) and values (b, s, k, v), for b examples, n heads of queries, q queries,
s keys, k heads of keys, of which each serves n / k heads of queries in a row, and h
and v features. The heads of queries come first, as products of matrices like it; keys
and values lie as the user gave them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float, Int
from jaxgen.attention.patterns import Pattern


class Side(NamedTuple):
    """What is known of each query, or of each key, beside its vector; b may be 1.

    Attributes:
      index: in the sequence; what fills up a block has -1 as a query, and one past the
        last as a key.
      position: what the score is told, the index unless the batch says otherwise.
      segment: attends to its own only; None where all are of one.
      padding: true where there is no token; None where there is one everywhere.
    """

    index: Int[Array, "b n"]
    position: Array
    segment: Int[Array, "b n"] | None = None
    padding: Bool[Array, "b n"] | None = None


class Rules(NamedTuple):
    """What decides the logits, and is known before any trace.

    Attributes:
      pattern: which pairs may attend.
      keys: how many there are.
      scale: factor of the products.
    """

    pattern: Pattern
    keys: int
    scale: float


class Attended(NamedTuple):
    """What attention returns.

    Attributes:
      output: weighted means of values; zeros where a query may attend to nothing.
      log_sum_exp: of each query's logits; minus infinity where there are none.
    """

    output: Float[Array, "*o v"]
    log_sum_exp: Float[Array, "*o"]


def logits(
    query: Array, key: Array, of_query: Side, of_key: Side, score: Any, rules: Rules
) -> Float[Array, "b n q s"]:
    """Scores of all pairs of a tile, minus infinity where a query may not attend."""
    products = jnp.einsum(
        "bkgqh,bskh->bkgqs",
        _grouped(query, key),
        key,
        preferred_element_type=accumulator(query),
    )
    products = products.reshape(*query.shape[:3], key.shape[1])
    scored = score(
        products * rules.scale,
        jnp.arange(query.shape[1])[None, :, None, None],
        of_query.position[:, None, :, None],
        of_key.position[:, None, None, :],
    )
    require_logits(scored, products)
    allowed = may_attend(of_query, of_key, rules)[:, None]
    scored = scored.astype(products.dtype)
    return jnp.where(jnp.broadcast_to(allowed, scored.shape), scored, -jnp.inf)


def require_logits(scored: Array, logits: Array) -> None:
    """Raises:
    ValueError: a score made something else of its logits.
    """
    real = jnp.issubdtype(scored.dtype, jnp.floating)
    if scored.shape != logits.shape or not real:
        raise ValueError(
            f"a score made {scored.dtype} {scored.shape} of logits {logits.shape}: "
            "expected real numbers of the same shape"
        )


def may_attend(of_query: Side, of_key: Side, rules: Rules) -> Bool[Array, "b q s"]:
    """Which pairs may attend, all rules taken together."""
    query, key = of_query.index[:, :, None], of_key.index[:, None, :]
    allowed = jnp.asarray(rules.pattern.allowed(query, key, rules.keys))
    allowed &= (query >= 0) & (key < rules.keys)
    if of_query.segment is not None and of_key.segment is not None:
        allowed &= of_query.segment[:, :, None] == of_key.segment[:, None, :]
    if of_key.padding is not None:
        allowed &= ~of_key.padding[:, None, :]
    return allowed


def attended_tile(scores: Array, value: Array) -> Attended:
    """Softmax of the logits, times the values.

    ``o = Σ_s exp(l_s - L) v_s`` with ``L = log Σ_s exp(l_s)``.
    """
    largest = finite(jax.lax.stop_gradient(scores.max(-1)))
    powers = jnp.exp(scores - largest[..., None])
    total = powers.sum(-1)
    some = total > 0
    total = jnp.where(some, total, 1.0)
    mixed = jnp.einsum(
        "bkgqs,bskv->bkgqv",
        _grouped(powers.astype(value.dtype), value),
        value,
        preferred_element_type=powers.dtype,
    ).reshape(*powers.shape[:3], value.shape[3])
    found = jnp.where(some, largest + jnp.log(total), -jnp.inf)
    return Attended(mixed / total[..., None], found)


def merged(one: Attended, other: Attended) -> Attended:
    """Attention to the keys of two tiles, from the attention to each.

    References:
      Milakov and Gimelshein, 2018, *Online normalizer calculation for softmax*.
    """
    both = jnp.logaddexp(one.log_sum_exp, other.log_sum_exp)
    shares = (jnp.exp(x.log_sum_exp - finite(both))[..., None] for x in (one, other))
    return Attended(next(shares) * one.output + next(shares) * other.output, both)


class Residuals(NamedTuple):
    """What the gradient needs to know of each query.

    Attributes:
      cotangent: of its output.
      log_sum_exp: of its logits, finite.
      offset: ``o . do - dL``, which the cotangent of each of its weights is less by.
    """

    cotangent: Float[Array, "*o v"]
    log_sum_exp: Float[Array, "*o"]
    offset: Float[Array, "*o"]


def residuals(found: Attended, cotangents: Attended) -> Residuals:
    """Of attention's results and their cotangents, what each tile's gradient needs."""
    products = (found.output * cotangents.output).astype(found.log_sum_exp.dtype)
    lost = jnp.where(jnp.isneginf(found.log_sum_exp), 0.0, cotangents.log_sum_exp)
    return Residuals(
        cotangents.output, finite(found.log_sum_exp), products.sum(-1) - lost
    )


def tile_gradients(
    told: Callable[..., Array], value: Array, of: Residuals, *inputs: Any
) -> tuple[Array, tuple[Any, ...]]:
    """Weights of a tile, and cotangents of what its logits are computed from.

    With weights ``p = exp(l - L)``: ``dl = p (do . v - o . do + dL)``.

    Args:
      told: from ``inputs`` to logits.
      value: of the tile.
      of: its queries.
      inputs: to differentiate by.

    References:
      Dao et al., 2022, *FlashAttention*, appendix B.2.
    """
    scores, pulled_back = jax.vjp(told, *inputs)
    weights = jnp.exp(scores - of.log_sum_exp[..., None])
    slopes = jnp.einsum(
        "bkgqv,bskv->bkgqs",
        _grouped(of.cotangent, value),
        value,
        preferred_element_type=scores.dtype,
    ).reshape(scores.shape)
    return weights, pulled_back(weights * (slopes - of.offset[..., None]))


def score_gradient(score: Any, slopes: Any) -> Any:
    """Cotangents of a score's real numbers, in the dtype of sums; of others, None."""

    def kept(leaf: Array, slope: Array) -> Array | None:
        real = jnp.issubdtype(leaf.dtype, jnp.inexact)
        return slope.astype(accumulator(leaf)) if real else None

    return jax.tree.map(kept, score, slopes)


def value_gradient(
    weights: Array, of: Residuals, value: Array
) -> Float[Array, "b s k v"]:
    """Cotangent of the values of a tile: ``dv = Σ_q p do``."""
    return jnp.einsum(
        "bkgqs,bkgqv->bskv",
        _grouped(weights.astype(of.cotangent.dtype), value),
        _grouped(of.cotangent, value),
        preferred_element_type=weights.dtype,
    )


def finite(numbers: Array) -> Array:
    """The numbers, zero where they are minus infinity."""
    return jnp.where(jnp.isneginf(numbers), 0.0, numbers)


def accumulator(array: Array) -> jnp.dtype:
    """The dtype in which sums are made: float32, or more where the array has more."""
    return jnp.promote_types(array.dtype, jnp.float32)


def heads_first(tree: Any) -> Any:
    """The heads of queries before the queries, or after: its own inverse."""
    return jax.tree.map(lambda array: jnp.swapaxes(array, 1, 2), tree)


def _grouped(of_query: Array, key: Array) -> Array:
    """The heads of queries by the head of keys that serves them."""
    b, n, *rest = of_query.shape
    return of_query.reshape(b, key.shape[2], n // key.shape[2], *rest)
