"""The Moore-Penrose inverse of small matrices, by products of matrices alone."""

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float
from jaxgen.attention.cost import Work, matrix_product


def pseudo_inverse(
    matrix: Float[Array, "*b r c"], iterations: int = 6
) -> Float[Array, "*b c r"]:
    """An estimate of the Moore-Penrose inverse ``A^+``.

    Computes::

        Z_0 = A^T / (|A|_1 |A|_inf)
        Z_i = Z (13 I - A Z (15 I - A Z (7 I - A Z))) / 4,    Z = Z_(i - 1)

    Each step takes an error e of ``A Z`` to ``(3 e^3 + e^4) / 4``. So a singular value s
    is inverted where ``s^2 / (|A|_1 |A|_inf)`` is well over ``3.25 ** -iterations``; of
    those far below little is left. Rows and columns of zeros become such. More than a
    dozen steps would invert what rounding to float32 left of zeros, and then overflow.

    Args:
      matrix: A.
      iterations: steps, 0 to a dozen.

    References:
      Razavi et al., 2014, *A new iterative method for finding approximate inverses of
      complex matrices*.

    Example:
      >>> pseudo_inverse(jnp.array([[2.0, 0.0], [0.0, 0.0]])).round(4).tolist()
      [[0.5, 0.0], [0.0, 0.0]]
    """
    size = jnp.abs(matrix)
    norms = (size.sum(-1).max(-1) * size.sum(-2).max(-1))[..., None, None]
    first = matrix.mT / jnp.where(norms > 0, norms, 1)
    one = jnp.eye(matrix.shape[-2], dtype=matrix.dtype)
    one = jnp.expand_dims(one, range(matrix.ndim - 2))

    def step(_: Array, inverse: Array) -> Array:
        product = _product(matrix, inverse)
        inner = 15 * one - _product(product, 7 * one - product)
        return _product(inverse, 13 * one - _product(product, inner)) / 4

    return jax.lax.fori_loop(0, iterations, step, first)


def inverse_cost(rows: int, columns: int, iterations: int = 6) -> Work:
    """Work of the `pseudo_inverse` of one matrix."""
    made = matrix_product(rows, columns, rows) + matrix_product(rows, rows, rows) * 2
    return (made + matrix_product(columns, rows, rows)) * iterations


def _product(one: Array, other: Array) -> Array:
    # by its default an accelerator would round to half precision, and not converge
    return jnp.matmul(one, other, precision="highest")
