"""Maximum mean discrepancy between two sets of features; KID and CMMD are cases."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Key, Scalar

Points = Array | np.ndarray
Kernel = Callable[[Float[Points, "m d"], Float[Points, "n d"]], Float[Array, "m n"]]

ROWS = 16  # points whose differences to all others are held at once


def polynomial_kernel(
    x: Float[Points, "m d"], y: Float[Points, "n d"], degree: int = 3
) -> Float[Array, "m n"]:
    """(xᵀy / d + 1)^degree for every pair; degree three is that of KID."""
    inner = jnp.matmul(x, jnp.asarray(y).T, precision="highest")
    return (inner / x.shape[1] + 1.0) ** degree


def gaussian_kernel(bandwidth: float | Scalar) -> Kernel:
    """exp(−‖x − y‖² / 2 bandwidth²) for every pair, by direct differences."""

    def kernel(x: Float[Points, "m d"], y: Float[Points, "n d"]) -> Float[Array, "m n"]:
        def row(point: Float[Array, " d"]) -> Float[Array, " n"]:
            squares = jnp.sum((jnp.asarray(y) - point[None]) ** 2, axis=-1)
            return jnp.exp(-squares / (2 * bandwidth**2))

        return jax.lax.map(row, jnp.asarray(x), batch_size=ROWS)

    return kernel


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
        >>> float(mmd_squared(x, y, polynomial_kernel))  # 1 + 2³ − 2
        7.0
    """
    _refuse_fewer(2, x=len(x), y=len(y))
    within = _mean_of_others(kernel(x, x)) + _mean_of_others(kernel(y, y))
    return within - 2 * jnp.mean(kernel(x, y))


def mmd_squared_biased(
    x: Float[Points, "m d"], y: Float[Points, "n d"], kernel: Kernel
) -> Scalar:
    """Squared discrepancy of the two empirical distributions, never below zero.

    mean k(xᵢ, xⱼ) + mean k(yᵢ, yⱼ) − 2 mean k(xᵢ, yⱼ), each over all pairs. CMMD is
    1000 times this with `gaussian_kernel` of bandwidth 10 on CLIP features.

    References:
        Jayasumana et al., "Rethinking FID", 2024.
    """
    within = jnp.mean(kernel(x, x)) + jnp.mean(kernel(y, y))
    return within - 2 * jnp.mean(kernel(x, y))


def kernel_inception_distance(
    key: Key,
    real: Float[Points, "m d"],
    fake: Float[Points, "n d"],
    subsets: int = 100,
    size: int = 1000,
) -> tuple[Scalar, Scalar]:
    """Mean and standard deviation of `mmd_squared` over random subsets.

    The kernel is `polynomial_kernel`; KID when the features are those of Inception.
    Every subset draws `size` rows of each set without replacement. Subsets overlap, so
    the deviation (over `subsets`, not one fewer) is no standard error of the mean.

    Args:
        key: draws the subsets.
        real: features of real samples.
        fake: features of generated samples, in the same space.
        subsets: how many are drawn.
        size: rows of each set in a subset.

    Raises:
        ValueError: if subsets is below one, size below two, or a set has fewer rows
            than size.

    References:
        Bińkowski et al., "Demystifying MMD GANs", 2018.
    """
    if subsets < 1:
        raise ValueError(f"subsets={subsets}: expected at least 1.")
    _refuse_fewer(2, size=size)
    _refuse_fewer(size, real=len(real), fake=len(fake))
    real, fake = jnp.asarray(real), jnp.asarray(fake)

    def distance(key: Key) -> Scalar:
        first, second = jax.random.split(key)
        x = jax.random.choice(first, real, (size,), replace=False)
        y = jax.random.choice(second, fake, (size,), replace=False)
        return mmd_squared(x, y, polynomial_kernel)

    distances = jax.lax.map(distance, jax.random.split(key, subsets))
    return jnp.mean(distances), jnp.std(distances)


def _mean_of_others(gram: Float[Array, "n n"]) -> Scalar:
    return jnp.mean(gram, where=~jnp.eye(len(gram), dtype=bool))


def _refuse_fewer(least: int, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < least:
            raise ValueError(f"{name} has {size} points: expected at least {least}.")
