"""Codes: from features of an example to where it lies in latent space.

All of them own the same two heads, whether they need both or not: with the same keys
they start alike, and what differs in a result is caused by the code.

A code has a ``size``, its dimensions, and a ``space``: ``"real"``, ``"sphere"`` where codes
have length one, or ``"grid"`` where there are finitely many.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import zeros

from jaxgen.arrays import Array, Float
from jaxgen.densities.full_normal import FullNormal
from jaxgen.densities.normal import DiagonalNormal, Point
from jaxgen.densities.sphere import VonMisesFisher


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

    space = "real"

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

    space = "real"

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

    space = "real"

    @nn.compact
    def __call__(self, features: Float[Array, "n f"]) -> DiagonalNormal:
        mean, _ = mean_and_log_scale(features, self.size)
        return DiagonalNormal(mean, jnp.full_like(mean, self.scale))


class FullGaussianCode(nn.Module):
    """A normal density whose dimensions may vary together.

    Computes ``N(m, L L')``, with ``exp(s)`` on the diagonal of L and a third head below it,
    which starts at zero: as `GaussianCode` does.

    Attributes:
      size: dimensions of the latent space.

    References:
      Kingma and Welling, 2019, *An introduction to variational autoencoders*,
      section 2.5.1.

    Example:
      >>> import jax
      >>> features = jnp.zeros((3, 5))
      >>> code = FullGaussianCode(2).init_with_output(jax.random.key(0), features)[0]
      >>> code.triangle[0].tolist()
      [[1.0, 0.0], [0.0, 1.0]]
    """

    size: int

    space = "real"

    @nn.compact
    def __call__(self, features: Float[Array, "n f"]) -> FullNormal:
        mean, log_scale = mean_and_log_scale(features, self.size)
        pairs = nn.Dense(self.size**2, kernel_init=zeros, name="below")(features)
        below = jnp.tril(pairs.reshape(-1, self.size, self.size), -1)
        diagonal = jnp.exp(log_scale)[..., None] * jnp.eye(self.size)[None]
        return FullNormal(mean, below + diagonal)


class SphereCode(nn.Module):
    """A von Mises-Fisher density of directions.

    Computes its mean as ``m / |m|`` and its concentration as ``1 + softplus(c)``.

    Attributes:
      size: dimensions of the space that the sphere lies in, two or more.

    References:
      Davidson et al., 2018, *Hyperspherical variational auto-encoders*, section 3.

    Example:
      >>> import jax
      >>> features = jnp.ones((3, 5))
      >>> code = SphereCode(3).init_with_output(jax.random.key(0), features)[0]
      >>> code.mean.shape, code.concentration.shape
      ((3, 3), (3,))
    """

    size: int

    space = "sphere"

    @nn.compact
    def __call__(self, features: Float[Array, "n f"]) -> VonMisesFisher:
        if self.size < 2:
            raise ValueError(f"SphereCode(size={self.size}): expected 2 or more")
        mean, _ = mean_and_log_scale(features, self.size)
        concentration = nn.Dense(1, name="concentration")(features)[:, 0]
        length = jnp.sqrt((mean**2).sum(1, keepdims=True) + 1e-12)
        return VonMisesFisher(mean / length, 1 + nn.softplus(concentration))


def mean_and_log_scale(
    features: Float[Array, "n f"], size: int
) -> tuple[Float[Array, "n {size}"], Float[Array, "n {size}"]]:
    """The two heads of a code, for the module that calls it."""
    mean = nn.Dense(size, kernel_init=nn.initializers.glorot_uniform(), name="mean")
    log_scale = nn.Dense(
        size, kernel_init=nn.initializers.glorot_uniform(), name="log_scale"
    )
    return mean(features), log_scale(features)
