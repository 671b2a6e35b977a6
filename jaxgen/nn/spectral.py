"""The largest singular value of a kernel, by power iteration.

A kernel, all its axes but the last flattened, is a matrix W; a unit vector u comes
nearer to its first right singular vector with each turn.
"""

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float


def first_vector(kernel: Float[Array, "*d f"]) -> Float[Array, " f"]:
    """A unit vector to start from.

    No two of its numbers are alike, so that hardly any matrix maps it to zero.
    """
    return unit(jnp.cos(1.0 + 2.0 * jnp.arange(kernel.shape[-1], dtype=kernel.dtype)))


def turned(kernel: Float[Array, "*d f"], vector: Float[Array, " f"]):
    """The vector after a step, ``u <- W' W u`` of length one."""
    matrix = _held(kernel)
    return unit(matrix.T @ unit(matrix @ vector))


def stretch(kernel: Float[Array, "*d f"], vector: Float[Array, " f"]):
    """``|W u|``, whose gradient is that of a singular value: both vectors are held."""
    left = unit(_held(kernel) @ vector)
    return left @ kernel.reshape(-1, kernel.shape[-1]) @ vector


def spectral_norm(kernel: Float[Array, "*d f"], steps: int = 20) -> Float[Array, ""]:
    """The largest singular value, after so many steps from the same vector.

    Example:
      >>> round(float(spectral_norm(jnp.diag(jnp.array([3.0, 1.0])))), 4)
      3.0
    """
    start = first_vector(kernel)
    vector = jax.lax.fori_loop(0, steps, lambda _, u: turned(kernel, u), start)
    return stretch(kernel, jax.lax.stop_gradient(vector))


def unit(vector: Float[Array, " f"]) -> Float[Array, " f"]:
    """The vector at length one; zeros stay zeros."""
    return vector / (jnp.linalg.norm(vector) + 1e-12)


def _held(kernel: Array) -> Array:
    return jax.lax.stop_gradient(kernel.reshape(-1, kernel.shape[-1]))
