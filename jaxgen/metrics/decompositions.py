"""Spectra of symmetric matrices and singular values, one matrix at a time under vmap.

On a CPU a batch of decompositions waits for threads that its neighbours on other
devices may hold, and then all of them wait for ever. One at a time none waits.
"""

import jax.numpy as jnp
from jax.custom_batching import sequential_vmap

from jaxgen.arrays import Array, Float


@sequential_vmap
def eigenvalues(matrix: Float[Array, "d d"]) -> Float[Array, " d"]:
    """Of a symmetric matrix, ascending.

    Example:
        >>> import jax
        >>> jax.vmap(eigenvalues)(jnp.diag(jnp.array([2.0, 1.0]))[None]).tolist()
        [[1.0, 2.0]]
    """
    return jnp.linalg.eigvalsh(matrix)


@sequential_vmap
def eigenvectors(
    matrix: Float[Array, "d d"],
) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    """Eigenvalues of a symmetric matrix, ascending, and a column for each."""
    values, vectors = jnp.linalg.eigh(matrix)
    return values, vectors


@sequential_vmap
def singular_values(matrix: Float[Array, "m n"]) -> Float[Array, " smaller"]:
    """Descending."""
    return jnp.linalg.svd(matrix, compute_uv=False)
