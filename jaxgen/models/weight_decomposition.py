"""Adapters of matrices that are taken apart: how long each column is, and its direction."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.models.adaptation import (
    Adaptation,
    adaptation,
    changes_of,
    nested,
    replaced,
    selected,
)
from jaxgen.models.low_rank import (
    KERNELS,
    VIEWS,
    Axes,
    Factors,
    axes_of,
    changed,
    first_factors,
)

TINY = 1e-30
"""Under the root of a norm, whose slope at zero is then finite."""


class Decomposed(NamedTuple):
    """The change of a matrix.

    Attributes:
      factors: of the change of its directions.
      length: what each column is longer than before; the axes of what goes in are one.
    """

    factors: Factors
    length: Float[Array, "..."]


def dora(
    rank: int,
    alpha: float | int | Array,
    select: str = KERNELS,
    views: Sequence[tuple[str, Axes]] = VIEWS,
) -> Adaptation:
    """Learns lengths of columns, and directions by a low rank.

    Computes, for each column of what comes out, with V = W + (alpha / r) A B::

        W' = (|W| + l) V / |V|

    where A and B start as in `lora`, l at zero, and slopes go through |V| as well: the
    authors' code, to save memory, takes it for a constant.

    Args:
      rank: r, of each change of directions.
      alpha: how strong it is, may be traced.
      select: matches the paths of the matrices that change, from their starts.
      views: patterns of paths with the axes of arrays there; the first that matches.

    Raises:
      ValueError: as `lora`.

    References:
      Liu et al., 2024, *DoRA: weight-decomposed low-rank adaptation*, equation 5.

    Example:
      >>> import jax
      >>> params = {"kernel": jnp.array([[3.0, 0.0], [4.0, 2.0]])}
      >>> init, apply = dora(1, alpha=1)
      >>> adapter = init(jax.random.key(0), params)
      >>> longer = adapter["kernel"]._replace(length=jnp.array([[5.0, 0.0]]))
      >>> apply(params, {"kernel": longer})["kernel"].tolist()
      [[6.0, 0.0], [8.0, 2.0]]
    """
    scale = alpha / max(rank, 1)

    def init(key: Key, params: PyTree) -> PyTree:
        found = selected("dora", select, params)
        return nested(
            {
                path: Decomposed(
                    first_factors("dora", path, kernel, rank, views, key),
                    jnp.zeros_like(lengths(kernel, axes_of("dora", path, views))),
                )
                for path, kernel in found.items()
            }
        )

    def one(path: str, kernel: Array | np.ndarray, change: Decomposed) -> Array:
        axes = axes_of("dora", path, views)
        turned = changed(kernel, change.factors, scale)
        length = lengths(turned, axes)
        # one and a part: of no change it is exactly one
        share = 1 + (lengths(kernel, axes) + change.length - length) / length
        return (turned * share).astype(kernel.dtype)

    def apply(params: PyTree, adapter: PyTree) -> PyTree:
        kernels = selected("dora", select, params)
        changes = changes_of(adapter).items()
        return replaced(
            params, {path: one(path, kernels[path], change) for path, change in changes}
        )

    return adaptation("dora", init, apply)


def lengths(kernel: Array | np.ndarray, axes: Axes) -> Array:
    """Of the columns of each matrix, over what goes in; float32 at least.

    Example:
      >>> lengths(jnp.array([[3.0, 0.0], [4.0, 2.0]]), Axes()).tolist()
      [[5.0, 2.0]]
    """
    over = tuple(range(axes.stacked, axes.stacked + axes.inputs))
    square = jnp.square(kernel.astype(jnp.promote_types(kernel.dtype, jnp.float32)))
    return jnp.sqrt(jnp.maximum(square.sum(over, keepdims=True), TINY))
