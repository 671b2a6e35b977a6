"""Means of parameters of several runs, or of several moments of one.

A stack is a pytree like the parameters whose leaves have a leading axis of candidates.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Bool, Float, PyTree, Scalar, Shaped


def weighted_soup(stack: PyTree, weights: Shaped[Array, " m"]) -> PyTree:
    """The weighted mean of candidates: ``sum_m w_m p_m / sum_m w_m``; true counts as one."""
    share = weights / weights.sum()
    return jax.tree.map(lambda leaf: jnp.tensordot(share, leaf, 1), stack)


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
        tried = jax.tree.map(lambda a, b: a + (b - a) / (count + 1), mean, extra)
        value = loss(tried)
        joins = value <= best
        new = (tried, value, count + 1)
        return jax.tree.map(lambda a, b: jnp.where(joins, a, b), new, soup), joins

    order = jnp.argsort(losses)
    first = jax.tree.map(lambda leaf: leaf[order[0]], stack)
    return lax.scan(consider, (first, losses[order[0]], jnp.ones(())), order[1:])[0][0]


def swad_segments(
    losses: Float[Array, " m"],
    convergence: int = 3,
    patience: int = 6,
    tolerance: float | Scalar = 1.3,
) -> Bool[Array, " m"]:
    """Which segments of a run lie in the flat valley of its validation loss.

    The valley starts at the first segment i whose loss is the least of the ``convergence``
    from i on. It ends before the first ``patience`` segments in a row, the last of them
    after those, whose losses are all above ``tolerance`` times the mean of those; or with
    the run. A run that does not converge has its last segment alone.

    Args:
      losses: on validation data, at the end of each segment.
      convergence: segments that must not be better than the first.
      patience: segments in a row that tell overfitting.
      tolerance: how much worse they are, may be traced.

    Returns:
      For each segment whether it belongs: ``weighted_soup(stack, segments)``, with the
      stack of ``segment_average`` at the ends of segments, is the SWAD of the run.

    Raises:
      ValueError: a run that is shorter than ``convergence``, or sizes below 1.

    References:
      Cha et al., 2021, *SWAD: domain generalization by seeking flat minima*, algorithm 1.

    Example:
      >>> losses = jnp.array([9.0, 2.0, 1.0, 1.2, 1.1, 3.0, 3.0])
      >>> swad_segments(losses, convergence=2, patience=2).astype(int).tolist()
      [0, 0, 1, 1, 1, 0, 0]
    """
    segments = len(losses)
    if not 1 <= convergence <= segments or patience < 1:
        raise ValueError(
            f"swad_segments(convergence={convergence}, patience={patience}): expected 1 or "
            f"more of both, and a convergence of at most {segments} segments"
        )
    place = jnp.arange(segments)
    ahead = windows(losses, convergence)
    valley = losses[: len(ahead)] == ahead.min(1)
    start = jnp.where(valley.any(), valley.argmax(), segments - 1)
    limit = tolerance * ahead[jnp.minimum(start, len(ahead) - 1)].mean()
    if patience > segments:
        return place >= start
    bad = windows(losses, patience).min(1) > limit
    first = jnp.arange(len(bad))
    bad &= (first > start) & (first + patience > start + convergence)
    end = jnp.where(bad.any(), bad.argmax(), segments)
    return (place >= start) & (place < end)


def windows(values: Float[Array, " m"], size: int) -> Float[Array, "w s"]:
    """All stretches of so many values.

    Example:
      >>> windows(jnp.arange(4.0), 3).tolist()
      [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    first = jnp.arange(len(values) - size + 1)
    return values[first[:, None] + jnp.arange(size)[None]]
