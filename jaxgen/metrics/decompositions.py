"""Spectra, singular values and solutions, one matrix at a time under vmap.

On a CPU a batch of decompositions waits for threads that its neighbours on other
devices may hold, and then all of them wait for ever. One at a time none waits.
"""

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jax.scipy.linalg import eigh_tridiagonal

from jaxgen.arrays import Array, Float


@sequential_vmap
def eigenvalues(matrix: Float[Array, "d d"]) -> Float[Array, " d"]:
    """Of a symmetric matrix, ascending.

    Example:
        >>> import jax
        >>> spectra = jax.vmap(eigenvalues)(jnp.diag(jnp.array([2.0, 1.0]))[None])
        >>> spectra.round(5).tolist()
        [[1.0, 2.0]]
    """
    return _spectrum(matrix)


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


@sequential_vmap
def solution(
    matrix: Float[Array, "d d"], right: Float[Array, " d"]
) -> Float[Array, " d"]:
    """x of ``matrix x = right``, the matrix symmetric and positive definite."""
    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(matrix), right)


@jax.custom_jvp
def _spectrum(matrix: Float[Array, "d d"]) -> Float[Array, " d"]:
    # jnp.linalg.eigvalsh finds the vectors too, and throws them away: twice the time
    return jax.lax.platform_dependent(
        matrix, cpu=_by_bisection, default=jnp.linalg.eigvalsh
    )


@_spectrum.defjvp
def _moved_spectrum(primals: tuple[Array], tangents: tuple[Array]) -> tuple:
    values, vectors = jnp.linalg.eigh(*primals)
    return values, jnp.sum(vectors * (tangents[0] @ vectors), axis=0)


def _by_bisection(matrix: Float[Array, "d d"]) -> Float[Array, " d"]:
    _, diagonal, beside, _ = jax.lax.linalg.tridiagonal(matrix, lower=True)
    return eigh_tridiagonal(diagonal, beside, eigvals_only=True)
