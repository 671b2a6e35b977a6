"""How much of a codebook is used, over as many batches as there are.

A perplexity is not more than the number of indices that it is from, so that those of
batches cannot be averaged: counts add up over an epoch, and are scored once.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Int, Scalar

Indices = Array | np.ndarray


def entry_counts(indices: Int[Indices, "*n"], size: int) -> Int[Array, "{size}"]:
    """How often each entry is chosen; counts of batches add up to those of their union.

    Args:
        indices: entries chosen, of any shape; those outside the book are not counted.
        size: entries of the codebook.

    Example:
        >>> import jax.numpy as jnp
        >>> entry_counts(jnp.array([[0, 2], [2, 2]]), 4).tolist()
        [1, 0, 3, 0]
    """
    flat = jnp.asarray(indices).reshape(-1)
    flat = jnp.where(flat < 0, size, flat)  # which would count from the end
    return jnp.zeros(size, jnp.int32).at[flat].add(1, mode="drop")


def codebook_usage(counts: Int[Indices, " size"]) -> Scalar:
    """Share of entries that are chosen at all.

    Example:
        >>> import jax.numpy as jnp
        >>> float(codebook_usage(jnp.array([1, 0, 3, 0])))
        0.5
    """
    return jnp.mean(jnp.asarray(counts) > 0)


def codebook_perplexity(counts: Int[Indices, " size"]) -> Scalar:
    """Effective number of entries, exp(−Σ p log p) of their shares p.

    The size of the book if all are chosen alike, one if one is chosen always: the
    collapse of a codebook. It is below its value for all data by about (used − 1) / 2n
    of itself for n indices. NaN without a count.

    References:
        van den Oord, Vinyals and Kavukcuoglu, "Neural discrete representation
        learning", 2017.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(codebook_perplexity(jnp.array([5, 0, 5, 0]))), 4)
        2.0
    """
    counts = jnp.asarray(counts)
    shares = counts / jnp.sum(counts)
    return jnp.exp(jnp.sum(jax.scipy.special.entr(shares)))
