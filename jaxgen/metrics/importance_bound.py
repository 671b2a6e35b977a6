"""Bounds on the likelihood by importance weights, and how far to trust them.

A weight is p(x, z) / q(z | x) at a code z drawn from q: its expectation is p(x), so the
logarithm of a mean of k weights lies below log p(x) on average, and the nearer the
larger k. Everything is in nats of one example.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int, Key, Scalar, Shaped

Points = Array | np.ndarray


class Estimate(NamedTuple):
    """A number, and the standard error of it."""

    value: Scalar
    error: Scalar


class WeightMoments(NamedTuple):
    """Count, largest logarithm, Σ w and Σ w² of the weights of each example.

    The sums are of weights over the largest of them, so that neither overflows.
    """

    count: Int[Array, ""]
    peak: Float[Array, " n"]
    total: Float[Array, " n"]
    squares: Float[Array, " n"]


def weight_moments(log_weights: Float[Points, "k n"]) -> WeightMoments:
    """Moments of k weights of each example; `merged` joins those of several chunks.

    Args:
        log_weights: log p(x, z) − log q(z | x), nats; −inf for a weight of zero.

    Raises:
        ValueError: without a weight.
    """
    if log_weights.shape[0] < 1:
        raise ValueError("log_weights has 0 rows: expected at least one draw.")
    log_weights = jnp.asarray(log_weights)
    peak = jnp.max(log_weights, axis=0)
    weights = jnp.exp(log_weights - _finite(peak)[None])
    count = jnp.asarray(len(log_weights))
    return WeightMoments(count, peak, weights.sum(0), (weights**2).sum(0))


def merged(a: WeightMoments, b: WeightMoments) -> WeightMoments:
    """Moments of the union of two disjoint sets of weights of the same examples.

    Associative and commutative up to rounding, so that chunks and hosts may be joined
    in any order.

    Example:
        >>> import functools, jax.numpy as jnp
        >>> chunks = jnp.arange(6.0).reshape(3, 2, 1)
        >>> whole = functools.reduce(merged, map(weight_moments, chunks))
        >>> bool(jnp.isclose(importance_bound(whole), jnp.log(jnp.exp(chunks).mean()))[0])
        True
    """
    peak = jnp.maximum(a.peak, b.peak)
    first, second = (jnp.exp(one.peak - _finite(peak)) for one in (a, b))
    return WeightMoments(
        a.count + b.count,
        peak,
        a.total * first + b.total * second,
        a.squares * first**2 + b.squares * second**2,
    )


def streamed_moments(
    log_weights: Callable[[Key], Float[Array, "c n"]], key: Key, chunks: int
) -> WeightMoments:
    """Moments of weights that are drawn chunk by chunk, and never all held at once.

    5,000 codes of an example are 50 chunks of 100: memory is that of one chunk.

    Args:
        log_weights: draws c codes of each example and returns their log-weights.
        key: of all draws; each chunk has its own.
        chunks: how many.

    Raises:
        ValueError: for fewer than one chunk.

    Example:
        >>> import jax
        >>> draw = lambda key: jax.random.normal(key, (100, 2)) - 0.5
        >>> moments = streamed_moments(draw, jax.random.key(0), chunks=50)
        >>> int(moments.count), [abs(x) < 0.1 for x in importance_bound(moments).tolist()]
        (5000, [True, True])
    """
    if chunks < 1:
        raise ValueError(f"chunks={chunks}: expected at least 1.")

    def step(moments: WeightMoments, key: Key) -> tuple[WeightMoments, None]:
        return merged(moments, weight_moments(log_weights(key))), None

    shape = jax.eval_shape(log_weights, key)
    zeros = jnp.zeros(shape.shape[1], shape.dtype)
    none = WeightMoments(jnp.asarray(0), zeros - jnp.inf, zeros, zeros)
    return jax.lax.scan(step, none, jax.random.split(key, chunks))[0]


def importance_bound(moments: WeightMoments) -> Float[Array, " n"]:
    """The bound of each example, L_k = log (1/k Σ w).

    Its expectation is the ELBO for one weight, does not fall with k, and tends to
    log p(x) from below.

    References:
        Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016,
        equation 8 and theorem 1.

    Example:
        >>> import jax.numpy as jnp
        >>> importance_bound(weight_moments(jnp.full((4, 1), -1000.0))).tolist()
        [-1000.0]
    """
    return moments.peak + jnp.log(moments.total) - jnp.log(moments.count)


def bound_of_each(
    log_weights: Callable[[Shaped[Array, "1 ..."], Key, int], Float[Array, "c 1"]],
    examples: Shaped[Points, "n ..."],
    key: Key,
    codes: int,
    chunk: int = 250,
) -> Float[Array, " n"]:
    """Bounds by at least so many codes, example after example, chunk after chunk.

    Memory is that of one chunk of one example, which a processor's cache holds.

    Args:
        log_weights: ``(example, key, c)``: the log-weights of c codes of it.
        examples: arrays of examples, whose first axis counts them.
        key: of all draws; each example has its own.
        codes: of each example, rounded up to whole chunks.
        chunk: codes at a time, at most; all of them, where an accelerator has room.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> draw = lambda x, key, c: x[None] + jax.random.normal(key, (c, 1)) - 0.5
        >>> bounds = bound_of_each(draw, jnp.array([1.0, 5.0]), jax.random.key(0), 5000)
        >>> jnp.round(bounds).tolist()
        [1.0, 5.0]
    """
    size = min(chunk, codes)

    def bound(row: tuple[Array, Key]) -> Float[Array, ""]:
        example, key = row
        chunks = streamed_moments(
            lambda key: log_weights(example[None], key, size), key, -(-codes // size)
        )
        return importance_bound(chunks)[0]

    keys = jax.random.split(key, len(examples))
    return jax.lax.map(bound, (jnp.asarray(examples), keys))


def effective_sample_size(moments: WeightMoments) -> Float[Array, " n"]:
    """(Σ w)² / Σ w² of each example: k for equal weights, 1 where one outweighs all.

    Far below k the codes miss where the posterior is, and both the bound and its error
    come from few of them.

    References:
        Kong, Liu and Wong, "Sequential imputations and Bayesian missing data problems",
        1994.

    Example:
        >>> import jax.numpy as jnp
        >>> weights = jnp.log(jnp.array([[3.0, 0.0], [3.0, 0.0], [3.0, 2.0]]))
        >>> effective_sample_size(weight_moments(weights)).tolist()
        [3.0, 1.0]
    """
    return moments.total**2 / moments.squares


def bound_error(moments: WeightMoments) -> Float[Array, " n"]:
    """Standard error of `importance_bound` of each example, by the delta method.

    With s² the unbiased variance and w̄ the mean of the weights, s / (w̄ √k), which is
    √((1/e − 1/k) k / (k − 1)) of the `effective_sample_size` e. It is too small where e
    is: weights that were never drawn do not show. Not a number for a single weight.

    Example:
        >>> import jax.numpy as jnp
        >>> weights = jnp.log(jnp.array([[1.0], [3.0]]))  # 2 ± 1
        >>> round(float(bound_error(weight_moments(weights))[0]), 4)
        0.5
    """
    count = moments.count
    excess = 1 / effective_sample_size(moments) - 1 / count
    return jnp.sqrt(jnp.maximum(excess, 0.0) * count / (count - 1))


def mean_estimate(values: Float[Points, " n"]) -> Estimate:
    """Mean over independent examples, with the standard error s / √n.

    Of the bounds of a test set it is the estimate of nats an example; the spread of the
    examples holds the noise of each one's weights already.

    Raises:
        ValueError: for fewer than two values.

    Example:
        >>> import jax.numpy as jnp
        >>> value, error = mean_estimate(jnp.array([1.0, 3.0]))
        >>> float(value), float(error)
        (2.0, 1.0)
    """
    size = values.shape[0]
    if size < 2:
        raise ValueError(
            f"values has {size} entries: expected two or more, to have a spread."
        )
    values = jnp.asarray(values)
    return Estimate(values.mean(), jnp.std(values, ddof=1) / size**0.5)


def _finite(peak: Float[Array, " n"]) -> Float[Array, " n"]:
    # weights that are all zero have no logarithm to be measured from
    return jnp.where(jnp.isneginf(peak), 0.0, peak)
