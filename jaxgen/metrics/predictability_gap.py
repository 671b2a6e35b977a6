"""Separated attribute predictability: whether one dimension alone predicts a factor."""

import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.metrics.information_gap import gap_of_largest

Points = Array | np.ndarray


def predictability_gap(
    codes: Float[Points, "n z"], factors: Int[Points, "n f"]
) -> Scalar:
    """SAP: how much better the best dimension predicts a factor than the second best.

    The mean over factors of the difference of the two largest `squared_correlations`.
    This is the score's form for factors that are numbers, such as a position or a size;
    of a factor whose values have no order it says nothing. One for codes that are each
    a factor, scaled; a dimension that bends it scores less.

    Args:
        codes: means of the posterior, or draws; at least two dimensions.
        factors: values in order.

    Raises:
        ValueError: for a code of one dimension.

    References:
        Kumar, Sattigeri and Balakrishnan, "Variational inference of disentangled latent
        concepts from unlabeled observations", 2018, section 3.

    Example:
        >>> import jax.numpy as jnp
        >>> factors = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> round(float(predictability_gap(-2.0 * factors, factors)), 4)
        1.0
    """
    return gap_of_largest(squared_correlations(codes, factors)).mean()


def squared_correlations(
    codes: Float[Points, "n z"], factors: Int[Points, "n f"]
) -> Float[Array, "z f"]:
    """R² of the line from each dimension to each factor; zero where one is constant.

    Example:
        >>> import jax.numpy as jnp
        >>> codes, factors = jnp.array([[0.0], [3.0]]), jnp.array([[1, 7], [0, 7]])
        >>> squared_correlations(codes, factors).tolist()
        [[1.0, 0.0]]
    """
    first, second = (_centred(x) for x in (codes, factors))
    products = jnp.matmul(first.T, second, precision="highest")
    squares = (first**2).sum(0)[:, None] * (second**2).sum(0)[None]
    return jnp.where(squares > 0, products**2 / jnp.where(squares > 0, squares, 1), 0.0)


def _centred(x: Points) -> Float[Array, "n d"]:
    offsets = jnp.asarray(x, jnp.float32) - x[:1]  # a constant is zero to the last bit
    return offsets - offsets.mean(0, keepdims=True)
