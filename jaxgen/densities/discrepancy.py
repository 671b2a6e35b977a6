"""How far apart two sets of points are, as draws of two densities: by their kernels."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Scalar

Points = Array | np.ndarray
Kernel = Callable[[Float[Points, "m d"], Float[Points, "n d"]], Float[Array, "m n"]]

ROWS = 16  # points whose differences to all others are held at once


def gaussian_kernel(bandwidth: float | Scalar) -> Kernel:
    """exp(−‖x − y‖² / 2 bandwidth²) for every pair, by direct differences."""

    def kernel(x: Float[Points, "m d"], y: Float[Points, "n d"]) -> Float[Array, "m n"]:
        return jnp.exp(-squares_of_pairs(x, y) / (2 * bandwidth**2))

    return kernel


def inverse_multiquadric_kernel(
    scales: Sequence[float] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
) -> Kernel:
    """Σ c / (c + ‖x − y‖²) over c = 2 d s, for every pair, by direct differences.

    Two standard normal draws of d dimensions are ‖x − y‖² = 2 d apart on average. Its
    tails are heavy: codes far from the prior are still pulled towards it.

    Args:
        scales: s, of each summand.

    References:
        Tolstikhin et al., "Wasserstein auto-encoders", 2018, section 4, and the scales
        of the authors' code.

    Example:
        >>> x, y = jnp.zeros((1, 1)), jnp.ones((1, 1))
        >>> inverse_multiquadric_kernel((0.5,))(x, y).item()  # 1 / (1 + 1)
        0.5
    """

    def kernel(x: Float[Points, "m d"], y: Float[Points, "n d"]) -> Float[Array, "m n"]:
        squares = squares_of_pairs(x, y)
        sizes = [2 * x.shape[1] * scale for scale in scales]
        return jnp.sum(jnp.stack([c / (c + squares) for c in sizes]), axis=0)

    return kernel


def squares_of_pairs(
    x: Float[Points, "m d"], y: Float[Points, "n d"]
) -> Float[Array, "m n"]:
    """‖x − y‖² for every pair, a few rows at once."""

    def row(point: Float[Array, " d"]) -> Float[Array, " n"]:
        return jnp.sum((jnp.asarray(y) - point[None]) ** 2, axis=-1)

    return jax.lax.map(row, jnp.asarray(x), batch_size=ROWS)


def mmd_squared(
    x: Float[Points, "m d"], y: Float[Points, "n d"], kernel: Kernel
) -> Scalar:
    """Unbiased squared maximum mean discrepancy.

    mean_{i≠j} k(xᵢ, xⱼ) + mean_{i≠j} k(yᵢ, yⱼ) − 2 mean k(xᵢ, yⱼ). Its expectation is
    zero for equal distributions, so single values may be negative.

    Raises:
        ValueError: if either set has fewer than two points.

    References:
        Gretton et al., "A kernel two-sample test", 2012, equation 3.

    Example:
        >>> import jax.numpy as jnp
        >>> x, y = jnp.array([[0.0], [0.0]]), jnp.array([[1.0], [1.0]])
        >>> float(mmd_squared(x, y, lambda x, y: (x @ y.T + 1.0) ** 3))  # 1 + 2³ − 2
        7.0
    """
    refuse_fewer(2, x=len(x), y=len(y))
    within = _mean_of_others(kernel(x, x)) + _mean_of_others(kernel(y, y))
    return within - 2 * jnp.mean(kernel(x, y))


def refuse_fewer(least: int, **sizes: int) -> None:
    """Raises:
    ValueError: a set has fewer points than that.
    """
    for name, size in sizes.items():
        if size < least:
            raise ValueError(f"{name} has {size} points: expected at least {least}.")


def _mean_of_others(gram: Float[Array, "n n"]) -> Scalar:
    return jnp.mean(gram, where=~jnp.eye(len(gram), dtype=bool))
