"""Codes: from features of an example to where it lies in latent space.

All of them own the same two heads, whether they need both or not: with the same keys
they start alike, and what differs in a result is caused by the code.
"""

import flax.linen as nn
import jax.numpy as jnp

from jaxgen.arrays import Array, Float
from jaxgen.densities.normal import DiagonalNormal, Point


class PointCode(nn.Module):
    """A point: the code of an autoencoder.

    Attributes:
      size: dimensions of the latent space.

    Example:
      >>> import jax
      >>> features = jnp.zeros((3, 5))
      >>> PointCode(2).init_with_output(jax.random.key(0), features)[0].mean.shape
      (3, 2)
    """

    size: int

    @nn.compact
    def __call__(self, features: Float[Array, "n f"]) -> Point:
        mean, _ = mean_and_log_scale(features, self.size)
        return Point(mean)


class GaussianCode(nn.Module):
    """A normal density with a scale of its own for each example and dimension.

    Computes ``N(W h + b, exp(V h + c)^2)``.

    Attributes:
      size: dimensions of the latent space.

    References:
      Kingma and Welling, 2014, *Auto-encoding variational Bayes*, appendix C.2.

    Example:
      >>> import jax
      >>> features = jnp.zeros((3, 5))
      >>> code = GaussianCode(2).init_with_output(jax.random.key(0), features)[0]
      >>> code.scale.tolist()
      [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """

    size: int

    @nn.compact
    def __call__(self, features: Float[Array, "n f"]) -> DiagonalNormal:
        mean, log_scale = mean_and_log_scale(features, self.size)
        return DiagonalNormal(mean, jnp.exp(log_scale))


class ConstantGaussianCode(nn.Module):
    """A normal density whose scale is the same everywhere, and not learned.

    Attributes:
      size: dimensions of the latent space.
      scale: standard deviation; what is learned is how far apart codes lie.

    References:
      Ghosh et al., 2020, *From variational to deterministic autoencoders*, section 3.
    """

    size: int
    scale: float = 1.0

    @nn.compact
    def __call__(self, features: Float[Array, "n f"]) -> DiagonalNormal:
        mean, _ = mean_and_log_scale(features, self.size)
        return DiagonalNormal(mean, jnp.full_like(mean, self.scale))


def mean_and_log_scale(
    features: Float[Array, "n f"], size: int
) -> tuple[Float[Array, "n {size}"], Float[Array, "n {size}"]]:
    """The two heads of a code, for the module that calls it."""
    mean = nn.Dense(size, kernel_init=nn.initializers.glorot_uniform(), name="mean")
    log_scale = nn.Dense(
        size, kernel_init=nn.initializers.glorot_uniform(), name="log_scale"
    )
    return mean(features), log_scale(features)
