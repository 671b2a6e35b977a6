"""Low-rank adapters: what is added to a matrix is a product of two thin ones."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.keys import named
from jaxgen.models.adaptation import (
    Adaptation,
    adaptation,
    changes_of,
    nested,
    replaced,
    selected,
)


class Axes(NamedTuple):
    """How the axes of an array make matrices: first those of copies, in, and out.

    Attributes:
      stacked: axes of layers that are scanned; each layer has a matrix of its own.
      inputs: axes of what goes in; all behind them are of what comes out.
    """

    stacked: int = 0
    inputs: int = 1


KERNELS = ".*kernel$"
"""Matrices of dense layers, and those of queries, keys and values."""

VIEWS: tuple[tuple[str, Axes], ...] = (
    (".*layers/", Axes(stacked=1)),
    (".*", Axes()),
)
"""The models of this package: a dense layer's kernel is (in, out), that of queries, keys
and values (features, heads, head features), whose first axis goes in; scanned layers have
one axis more, the first. A projection of heads (heads, head features, features) takes
``Axes(inputs=2)``, a convolution (height, width, in, out) ``Axes(inputs=3)``."""


class Factors(NamedTuple):
    """What a change of a matrix is a product of.

    Attributes:
      down: from what goes in to the rank; stacked layers lead.
      up: from the rank to what comes out.
    """

    down: Float[Array, "*stacked i r"]
    up: Float[Array, "*stacked r o"]


def lora(
    rank: int,
    alpha: float | int | Array,
    select: str = KERNELS,
    views: Sequence[tuple[str, Axes]] = VIEWS,
) -> Adaptation:
    """Adds a product of rank r to each matrix: ``W + (alpha / r) A B``.

    A starts normal with variance one over its inputs, B at zero. As the product is made
    before the model sees it, a step takes as long as one of all parameters; what is saved
    is the memory of gradients and of the optimizer.

    Args:
      rank: r, of each change.
      alpha: how strong it is, may be traced.
      select: matches the paths of the matrices that change, from their starts.
      views: patterns of paths with the axes of arrays there; the first that matches.

    Raises:
      ValueError: a selection of nothing, an array without enough axes, a rank that is not
        positive or above the sides of a matrix; an adapter of another model.

    References:
      Hu et al., 2022, *LoRA: low-rank adaptation of large language models*, section 4.1.

    Example:
      >>> params = {"Dense_0": {"kernel": jnp.ones((6, 4)), "bias": jnp.zeros(4)}}
      >>> init, apply = lora(2, alpha=4)
      >>> adapter = init(jax.random.key(0), params)
      >>> jax.tree.map(jnp.shape, adapter)
      {'Dense_0': {'kernel': Factors(down=(6, 2), up=(2, 4))}}
      >>> bool((apply(params, adapter)["Dense_0"]["kernel"] == 1).all())
      True
    """
    return _low_rank("lora", rank, alpha / max(rank, 1), select, views)


def rank_stabilized_lora(
    rank: int,
    alpha: float | int | Array,
    select: str = KERNELS,
    views: Sequence[tuple[str, Axes]] = VIEWS,
) -> Adaptation:
    """As `lora`, by the square root: ``W + (alpha / sqrt(r)) A B``.

    So what goes through the adapter is as large for a high rank as for a low one.

    References:
      Kalajdzievski, 2023, *A rank stabilization scaling factor for fine-tuning with LoRA*.

    Example:
      >>> init, apply = rank_stabilized_lora(4, alpha=1)
      >>> params = {"kernel": jnp.zeros((4, 4))}
      >>> full = {"kernel": Factors(jnp.eye(4), jnp.eye(4))}
      >>> float(apply(params, full)["kernel"][0, 0])
      0.5
    """
    scale = alpha / math.sqrt(max(rank, 1))
    return _low_rank("rank_stabilized_lora", rank, scale, select, views)


def _low_rank(
    name: str,
    rank: int,
    scale: float | Array,
    select: str,
    views: Sequence[tuple[str, Axes]],
) -> Adaptation:
    def init(key: Key, params: PyTree) -> PyTree:
        found = selected(name, select, params)
        return nested(
            {
                path: first_factors(name, path, kernel, rank, views, key)
                for path, kernel in found.items()
            }
        )

    def apply(params: PyTree, adapter: PyTree) -> PyTree:
        kernels = selected(name, select, params)
        return replaced(
            params,
            {
                path: changed(kernels[path], factors, scale)
                for path, factors in changes_of(adapter).items()
            },
        )

    return adaptation(name, init, apply)


def first_factors(
    name: str,
    path: str,
    kernel: Array | np.ndarray,
    rank: int,
    views: Sequence[tuple[str, Axes]],
    key: Key,
) -> Factors:
    """Factors whose product is zero, of the matrices of one array.

    Raises:
      ValueError: an array without enough axes, or a rank that is none of a matrix.
    """
    stacked, into, out = sides(name, path, kernel.shape, axes_of(name, path, views))
    if not 1 <= rank <= min(into, out):
        raise ValueError(
            f"{name}(rank={rank}): {path} has matrices of {into} x {out}; expected a rank "
            f"of 1 to {min(into, out)}, or a selection without it"
        )
    dtype = jnp.promote_types(kernel.dtype, jnp.float32)
    down = jax.random.normal(named(key, path), (*stacked, into, rank), dtype)
    return Factors(down / math.sqrt(into), jnp.zeros((*stacked, rank, out), dtype))


def changed(
    kernel: Array | np.ndarray, factors: Factors, scale: float | Array
) -> Array:
    """The array and its change, in the dtype of the array."""
    change = scale * jnp.matmul(*factors).reshape(kernel.shape)
    return (change + kernel).astype(kernel.dtype)


def axes_of(name: str, path: str, views: Sequence[tuple[str, Axes]]) -> Axes:
    """The axes of the first pattern that matches a path.

    Raises:
      ValueError: none does.
    """
    for pattern, axes in views:
        if re.match(pattern, path):
            return axes
    raise ValueError(
        f"{name}(views={tuple(pattern for pattern, _ in views)}): none matches {path}; "
        "end the views with ('.*', Axes())"
    )


def sides(
    name: str, path: str, shape: tuple[int, ...], axes: Axes
) -> tuple[tuple[int, ...], int, int]:
    """Shape of the stack, and sizes of what goes in and what comes out.

    Raises:
      ValueError: an array with too few axes.

    Example:
      >>> sides("lora", "layers/query/kernel", (12, 64, 4, 16), Axes(stacked=1))
      ((12,), 64, 64)
    """
    least = axes.stacked + axes.inputs + 1
    if len(shape) < least:
        raise ValueError(
            f"{name}: {path} has shape {shape}, and {axes} needs {least} axes or more; "
            "leave it out of the selection, or give views that tell its axes"
        )
    stacked, rest = shape[: axes.stacked], shape[axes.stacked :]
    return stacked, math.prod(rest[: axes.inputs]), math.prod(rest[axes.inputs :])
