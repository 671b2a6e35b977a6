"""Mutual information gap: whether each factor is told by one dimension of the code."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int, Scalar

Points = Array | np.ndarray


def mutual_information_gap(
    codes: Float[Points, "n z"],
    factors: Int[Points, "n f"],
    levels: int,
    bins: int = 20,
) -> Scalar:
    """MIG: how much more the best dimension tells of a factor than the second best.

    With I the `code_information` and H the entropy of a factor::

        mean over factors k of (I(z_(1); v_k) − I(z_(2); v_k)) / H(v_k)

    One if each factor is told fully by one dimension and not at all by another; zero if
    each is told by two alike, or by none. Dimensions that tell of several factors are
    not held against a code. A factor that does not vary is left out.

    Args:
        codes: means of the posterior, or draws; at least two dimensions.
        factors: from 0 to levels − 1.
        levels: the most values that a factor has.
        bins: of each dimension, of equal width; 20 is usual.

    Raises:
        ValueError: for a code of one dimension.

    References:
        Chen et al., "Isolating sources of disentanglement in variational autoencoders",
        2018, equation 6; Locatello et al., "Challenging common assumptions in the
        unsupervised learning of disentangled representations", 2019, for the bins.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> factors = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> score = jax.jit(mutual_information_gap, static_argnames="levels")
        >>> round(float(score(1.0 * factors, factors, levels=2)), 4)
        1.0
    """
    information = code_information(codes, factors, levels, bins)
    one_hot = jax.nn.one_hot(jnp.asarray(factors), levels)
    entropy = jax.scipy.special.entr(one_hot.mean(0)).sum(-1)
    varied = entropy > 0
    gaps = gap_of_largest(information) / jnp.where(varied, entropy, 1.0)
    return jnp.mean(gaps, where=varied)


def code_information(
    codes: Float[Points, "n z"],
    factors: Int[Points, "n f"],
    levels: int,
    bins: int = 20,
) -> Float[Array, "z f"]:
    """Nats that each dimension, in bins, tells of each factor.

    The plug-in estimate Σ p log p / (p p) of the joint shares; of independent ones it is
    above zero by about (bins − 1)(levels − 1) / 2n.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> factors = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> score = jax.jit(code_information, static_argnames="levels")
        >>> told = score(1.0 * factors[:, :1], factors, levels=2)
        >>> [round(nats, 4) for nats in told[0].tolist()]
        [0.6931, 0.0]
    """
    first = jax.nn.one_hot(binned(codes, bins), bins)
    second = jax.nn.one_hot(jnp.asarray(factors), levels)
    joint = jnp.einsum("nzb,nfl->zfbl", first, second) / len(first)
    apart = joint.sum(3, keepdims=True) * joint.sum(2, keepdims=True)
    return jax.scipy.special.rel_entr(joint, apart).sum((2, 3))


def binned(codes: Float[Points, "n z"], bins: int) -> Int[Array, "n z"]:
    """The bin of each number, of equal width from least to largest of its dimension.

    Example:
        >>> import jax.numpy as jnp
        >>> binned(jnp.array([[0.0], [0.4], [0.6], [1.0]]), 2)[:, 0].tolist()
        [0, 0, 1, 1]
    """
    codes = jnp.asarray(codes)
    least, most = (x(codes, axis=0, keepdims=True) for x in (jnp.min, jnp.max))
    width = jnp.where(most > least, most - least, 1.0)
    return jnp.clip(bins * (codes - least) / width, 0, bins - 1).astype(jnp.int32)


def gap_of_largest(matrix: Float[Array, "z f"]) -> Float[Array, " f"]:
    """Difference of the two largest entries of each column.

    Raises:
        ValueError: for fewer than two rows.

    Example:
        >>> import jax.numpy as jnp
        >>> gap_of_largest(jnp.array([[1.0], [5.0], [3.0]])).tolist()
        [2.0]
    """
    if len(matrix) < 2:
        raise ValueError(
            f"the code has {len(matrix)} dimension: a gap needs two or more."
        )
    first, second = jax.lax.top_k(matrix.T, 2)[0].T
    return first - second
