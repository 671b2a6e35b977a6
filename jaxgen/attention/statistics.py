"""What attention looks at, without its weights: O(n) memory; and the weights."""

from collections.abc import Sequence
from typing import NamedTuple, Unpack

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float
from jaxgen.attention.blocked import at, blocked, uncut
from jaxgen.attention.case import Options, case_of
from jaxgen.attention.lines import Line, keys_of, over_lines, unstacked
from jaxgen.attention.patterns import Pattern
from jaxgen.attention.tiles import finite, heads_first, logits, may_attend

SIZE = 64


class Statistics(NamedTuple):
    """Of the weights of each query and head.

    Attributes:
      entropy: in nats; zero where a query attends to one key, or to none.
      distance: mean of ``|position of query - position of key|``.
      mass: weight on the pairs of each part that was asked for, parts first.
    """

    entropy: Float[Array, "b t n"]
    distance: Float[Array, "b t n"]
    mass: Float[Array, "p b t n"]


def attention_statistics(
    query: Float[Array, "b t n h"],
    key: Float[Array, "b s k h"],
    parts: Sequence[Pattern] = (),
    **options: Unpack[Options],
) -> Statistics:
    """Entropy, distance and mass of the weights ``p_ij`` that `attend` would give.

    ``-Σ_j p_ij log p_ij``, ``Σ_j p_ij |i - j|``, and ``Σ_j p_ij`` over the pairs of each
    part; all zero where a query may attend to nothing. Weights of one block of queries
    exist at a time.

    Args:
      query: as for `attend`.
      key: as for `attend`.
      parts: patterns whose share is asked for, such as the terms of an ``|``.
      options: as for `attend`, without sinks, which would take their share of each.

    Raises:
      ValueError: as `attend`, of the pattern and of each part.

    References:
      Tay et al., 2021, *Long range arena*, section 2.4: the required attention span.

    Example:
        >>> from jaxgen.attention.expressions import causal
        >>> x = jnp.zeros((1, 4, 1, 8))
        >>> distance = attention_statistics(x, x, pattern=causal()).distance
        >>> [round(float(x), 3) for x in distance[0, :, 0]]
        [0.0, 0.5, 1.0, 1.5]
    """
    case = case_of(query, key, **options)
    grid = case.grid(SIZE)
    for part in parts:
        part.require_fit(grid.queries + grid.offset, grid.keys)
    blocks = blocked(query, key, key, case, grid)

    def row(line: Line) -> tuple[Array, ...]:
        query, of_query = at((blocks.query, blocks.of_query), line.block)
        key, _, of_key = keys_of(blocks, line, case.rules.keys)
        scores = logits(
            heads_first(query), key, of_query, of_key, case.score, case.rules
        )
        weights, total = weighed(scores)
        surprise = jnp.where(weights > 0, total - scores, 0.0)
        apart = of_query.position[:, None, :, None] - of_key.position[:, None, None, :]
        held = [
            weights
            * may_attend(of_query, of_key, case.rules._replace(pattern=part))[:, None]
            for part in parts
        ]
        moments = (weights * surprise, weights * jnp.abs(apart), *held)
        return tuple(heads_first(moment.sum(-1)) for moment in moments)

    found = unstacked(over_lines(row, case.live(grid), 1))
    entropy, distance, *mass = (uncut(x, grid.queries) for x in found)
    return Statistics(entropy, distance, jnp.array(mass).reshape(-1, *entropy.shape))


def attention_weights(
    query: Float[Array, "b t n h"],
    key: Float[Array, "b s k h"],
    **options: Unpack[Options],
) -> Float[Array, "b n t s"]:
    """The weights ``exp(l_ij - L_i)`` of `attend`: O(n²) memory, to look at.

    Args:
      query: as for `attend`.
      key: as for `attend`.
      options: as for `attend`, without sinks, which would take their share of each.

    Raises:
      ValueError: as `attend`.

    Example:
        >>> from jaxgen.attention.expressions import causal
        >>> x = jnp.zeros((1, 2, 1, 8))
        >>> attention_weights(x, x, pattern=causal())[0, 0].tolist()
        [[1.0, 0.0], [0.5, 0.5]]
    """
    case = case_of(query, key, **options)
    scores = logits(
        heads_first(query), key, case.of_query, case.of_key, case.score, case.rules
    )
    return weighed(scores)[0]


def weighed(scores: Float[Array, "*o s"]) -> tuple[Array, Array]:
    """Weights of logits, and their log-sum-exp, finite: zero where there are none."""
    total = finite(jax.nn.logsumexp(scores, axis=-1, keepdims=True))
    return jnp.exp(scores - total), total
