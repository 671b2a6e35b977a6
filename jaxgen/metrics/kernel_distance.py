"""Maximum mean discrepancy between two sets of features; KID and CMMD are cases."""

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, Scalar
from jaxgen.densities.discrepancy import Kernel, Points, mmd_squared, refuse_fewer


def polynomial_kernel(
    x: Float[Points, "m d"], y: Float[Points, "n d"], degree: int = 3
) -> Float[Array, "m n"]:
    """(xᵀy / d + 1)^degree for every pair; degree three is that of KID."""
    inner = jnp.matmul(x, jnp.asarray(y).T, precision="highest")
    return (inner / x.shape[1] + 1.0) ** degree


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
    refuse_fewer(2, size=size)
    refuse_fewer(size, real=len(real), fake=len(fake))
    real, fake = jnp.asarray(real), jnp.asarray(fake)

    def distance(key: Key) -> Scalar:
        first, second = jax.random.split(key)
        x = jax.random.choice(first, real, (size,), replace=False)
        y = jax.random.choice(second, fake, (size,), replace=False)
        return mmd_squared(x, y, polynomial_kernel)

    distances = jax.lax.map(distance, jax.random.split(key, subsets))
    return jnp.mean(distances), jnp.std(distances)
