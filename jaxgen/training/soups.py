"""Means of parameters of several runs, or of several moments of one.

A stack is a pytree like the parameters whose leaves have a leading axis of candidates.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from numpy.lib.stride_tricks import sliding_window_view

from jaxgen.arrays import Array, Bool, Float, PyTree, Scalar, Shaped


def weighted_soup(stack: PyTree, weights: Shaped[Array | np.ndarray, " m"]) -> PyTree:
    """The weighted mean ``sum_m w_m p_m / sum_m w_m``; a true weight is one.

    Raises:
      ValueError: a weight is negative, or all are zero; traced ones pass.
    """
    if not isinstance(weights, Tracer) and not (min(weights) >= 0 < max(weights)):
        raise ValueError(
            f"weighted_soup(weights={weights}): expected 0 or more each, not all 0"
        )
    share = weights / weights.sum()
    return jax.tree.map(
        lambda leaf: jnp.tensordot(share, leaf, 1).astype(leaf.dtype), stack
    )


def uniform_soup(stack: PyTree) -> PyTree:
    """The mean of all candidates.

    References:
      Wortsman et al., 2022, *Model soups: averaging weights of multiple fine-tuned models
      improves accuracy without increasing inference time*, table 2.

    Example:
      >>> uniform_soup({"w": jnp.array([[1.0], [3.0]])})["w"].tolist()
      [2.0]
    """
    return jax.tree.map(lambda leaf: leaf.mean(0), stack)


def interpolations(
    base: PyTree, tuned: PyTree, shares: Float[Array | np.ndarray, " m"]
) -> PyTree:
    """A stack of points on the line from a model to what it was tuned to.

    Computes ``base + share (tuned - base)`` for each share: at 0 the base to the last
    bit, at 1 what was tuned, between them a model that keeps some of both.

    Args:
      base: parameters before.
      tuned: parameters after.
      shares: of the way.

    References:
      Wortsman et al., 2022, *Robust fine-tuning of zero-shot models*, equation 1, as
      WiSE-FT.

    Example:
      >>> base, tuned = {"w": jnp.array([0.0, 2.0])}, {"w": jnp.array([1.0, 0.0])}
      >>> interpolations(base, tuned, np.array([0.0, 0.5]))["w"].tolist()
      [[0.0, 2.0], [0.5, 1.0]]
    """

    def one(share: Array) -> PyTree:
        return jax.tree.map(
            lambda a, b: (a + share * (b - a)).astype(a.dtype), base, tuned
        )

    return jax.vmap(one)(jnp.asarray(shares, jnp.float32))


def greedy_soup(stack: PyTree, loss: Callable[[PyTree], Scalar]) -> PyTree:
    """The mean of those candidates that, in turn, do not make it worse.

    In the order of their own losses, best first, each joins the mean where the loss of
    the mean is then no higher.

    Args:
      stack: candidates.
      loss: ``params -> scalar`` on validation data, and the lower, the better.

    References:
      Wortsman et al., 2022, *Model soups*, algorithm 1.

    Example:
      >>> stack = jnp.array([1.0, -2.0, 9.0])
      >>> float(greedy_soup(stack, lambda w: w**2))  # 9 does not join
      -0.5
    """
    losses = jax.vmap(loss)(stack)

    def consider(soup, candidate):
        mean, best, count = soup
        extra = jax.tree.map(lambda leaf: leaf[candidate], stack)
        tried = jax.tree.map(
            lambda a, b: (a + (b - a) / (count + 1)).astype(a.dtype), mean, extra
        )
        value = loss(tried)
        joins = value <= best
        new = (tried, value, count + 1)
        return jax.tree.map(lambda a, b: jnp.where(joins, a, b), new, soup), joins

    order = jnp.argsort(losses)
    first = jax.tree.map(lambda leaf: leaf[order[0]], stack)
    return lax.scan(consider, (first, losses[order[0]], jnp.ones(())), order[1:])[0][0]


def swad_segments(
    losses: Float[np.ndarray, " m"],
    convergence: int = 3,
    patience: int = 6,
    tolerance: float = 1.3,
) -> Bool[np.ndarray, " m"]:
    """Which segments of a run lie in the flat valley of its validation loss.

    The valley starts at the first segment i whose loss is the least of the ``convergence``
    from i on. It ends before the first ``patience`` segments in a row, the last of them
    after those, whose losses are all above ``tolerance`` times the mean of those; or with
    the run. A run that does not converge has its last segment alone.

    Args:
      losses: on validation data, at the end of each segment.
      convergence: segments that must not be better than the first.
      patience: segments in a row that tell overfitting.
      tolerance: how much worse they are, 1 or more.

    Returns:
      For each segment whether it belongs: ``weighted_soup(stack, segments)``, with the
      stack of ``segment_average`` at the ends of segments, is the SWAD of the run.

    Raises:
      ValueError: a run that is shorter than ``convergence``, or sizes below 1.

    References:
      Cha et al., 2021, *SWAD: domain generalization by seeking flat minima*, algorithm 1.

    Example:
      >>> losses = np.array([9.0, 2.0, 1.0, 1.2, 1.1, 3.0, 3.0])
      >>> swad_segments(losses, convergence=2, patience=2).astype(int).tolist()
      [0, 0, 1, 1, 1, 0, 0]
    """
    segments = len(losses)
    if not 1 <= convergence <= segments or patience < 1 or tolerance < 1:
        raise ValueError(
            f"swad_segments(convergence={convergence}, patience={patience}, tolerance="
            f"{tolerance}): expected 1 or more of each, and a convergence of at most "
            f"{segments} segments"
        )
    ahead = sliding_window_view(losses, convergence)
    valleys = np.flatnonzero(ahead[:, 0] == ahead.min(1))
    place = np.arange(segments)
    if not valleys.size:
        return place == segments - 1
    start = valleys[0]
    above = losses > tolerance * ahead[start].mean()
    for end in range(start + 1, segments - patience + 1):
        if end + patience > start + convergence and above[end : end + patience].all():
            return (place >= start) & (place < end)
    return place >= start
