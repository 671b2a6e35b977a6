"""How much of each domain: weights of a mixture, which are positive and add up to one."""

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Scalar
from jaxgen.objectives.checks import require_domains, require_positive


def uniform_weights(domains: int) -> Float[Array, " k"]:
    """The same weight for every domain: ``1 / domains``.

    Raises:
      ValueError: no domain.

    Example:
      >>> uniform_weights(4).tolist()
      [0.25, 0.25, 0.25, 0.25]
    """
    require_domains("uniform_weights", domains, least=1)
    return jnp.full(domains, 1 / domains)


def temperature_weights(
    sizes: Float[Array, " k"], temperature: float | Scalar
) -> Float[Array, " k"]:
    """Weights between those of sizes and equal ones: ``w_k ~ n_k^(1 / temperature)``.

    One gives each domain its share of the data, infinity the same to all.

    Args:
      sizes: of the domains, in any unit, above zero.
      temperature: above zero, may be traced.

    Raises:
      ValueError: a temperature that is not positive, or no domain.

    References:
      Conneau et al., 2020, *Unsupervised cross-lingual representation learning at
      scale*, section 3.1, whose alpha is ``1 / temperature``.

    Example:
      >>> temperature_weights(jnp.array([1.0, 9.0]), 2.0).round(4)
      Array([0.25, 0.75], dtype=float32)
    """
    require_domains("temperature_weights", len(sizes), least=1)
    require_positive("temperature_weights(temperature)", temperature)
    return jax.nn.softmax(jnp.log(sizes) / temperature)


def exponentiated(
    weights: Float[Array, " k"], gains: Float[Array, " k"], rate: float | Scalar
) -> Float[Array, " k"]:
    """One step of exponentiated gradient ascent on the simplex.

    Computes ``w_k exp(rate g_k) / sum_j w_j exp(rate g_j)``. Repeated from equal weights
    with constant gains it gives ``softmax(rate t g)``.

    References:
      Kivinen and Warmuth, 1997, *Exponentiated gradient versus gradient descent for
      linear predictors*, equation 3.5.

    Example:
      >>> gains = jnp.log(jnp.array([1.0, 3.0]))
      >>> exponentiated(jnp.array([0.5, 0.5]), gains, 1.0).round(4)
      Array([0.25, 0.75], dtype=float32)
    """
    return jax.nn.softmax(jnp.log(weights) + rate * gains)


def smoothed(weights: Float[Array, " k"], share: float | Scalar) -> Float[Array, " k"]:
    """Weights of which a share is dealt out equally: ``(1 - c) w_k + c / k``.

    Example:
      >>> smoothed(jnp.array([0.0, 1.0]), 0.5).tolist()
      [0.25, 0.75]
    """
    return (1 - share) * weights + share / len(weights)
