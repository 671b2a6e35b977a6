"""Attention whose gradient computes the weights again, so that none is kept."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax

from jaxgen.arrays import Array
from jaxgen.attention.case import Case
from jaxgen.attention.tiles import Attended, Residuals, residuals

Forward = Callable[[Array, Array, Array, Case], Attended]
Backward = Callable[[Array, Array, Array, Case, Residuals], tuple[Any, ...]]


def recomputed(
    forward: Forward,
    backward: Backward,
    query: Array,
    key: Array,
    value: Array,
    case: Case,
) -> Attended:
    """What ``forward`` returns; its gradient is what ``backward`` does.

    Args:
      forward: ``(query, key, value, case) -> attended``; hashable.
      backward: ``(query, key, value, case, residuals)`` to the cotangents of query, key,
        value and score; hashable.
      query: (b, t, n, h).
      key: (b, s, k, h).
      value: (b, s, k, v).
      case: the rest.
    """
    return _recomputed(forward, backward, query, key, value, case)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _recomputed(forward, backward, query, key, value, case):
    return forward(query, key, value, case)


def _forward(forward, backward, query, key, value, case):
    found = forward(query, key, value, case)
    return found, (query, key, value, case, found)


def _backward(forward, backward, kept, cotangents):
    query, key, value, case, found = kept
    of = residuals(found, cotangents)
    dq, dk, dv, of_score = backward(query, key, value, case, of)
    return (
        dq.astype(query.dtype),
        dk.astype(key.dtype),
        dv.astype(value.dtype),
        _of_case(case, of_score),
    )


def _of_case(case: Case, of_score: Any) -> Case:
    """A cotangent of the case: of the score's real numbers alone."""
    of_query, of_key = jax.tree.map(lambda _: None, (case.of_query, case.of_key))
    of_score = jax.tree.map(
        lambda slope, leaf: None if slope is None else slope.astype(leaf.dtype),
        of_score,
        case.score,
        is_leaf=lambda slope: slope is None,
    )
    return replace(case, of_query=of_query, of_key=of_key, score=of_score)


_recomputed.defvjp(_forward, _backward)
