"""Penalties on a critic: ``(critic, real, fake, key) -> scalar``, added to its loss."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, Scalar

Critic = Callable[[Float[Array, "n *d"]], Float[Array, " logits"]]
Penalty = Callable[[Critic, Float[Array, "n *d"], Float[Array, "n *d"], Key], Scalar]


def unpenalized(
    critic: Critic, real: Float[Array, "n *d"], fake: Float[Array, "n *d"], key: Key
) -> Scalar:
    """No penalty: zero."""
    return jnp.zeros(())


def r1(
    critic: Critic, real: Float[Array, "n *d"], fake: Float[Array, "n *d"], key: Key
) -> Scalar:
    """Half the mean squared slope of the critic at real samples.

    Computes ``1/2 E_real ||grad_x D(x)||^2``. Of a packed critic, x is a whole pack.

    References:
      Mescheder et al., 2018, *Which training methods for GANs do actually converge?*,
      equation 9, without its weight gamma: ``weighted(gamma, r1)``.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> critic = lambda x: x @ jnp.array([3.0, 4.0])
      >>> float(r1(critic, jnp.ones((5, 2)), jnp.ones((5, 2)), jax.random.key(0)))
      12.5
    """
    return half_squared_slope(critic, real)


def r2(
    critic: Critic, real: Float[Array, "n *d"], fake: Float[Array, "n *d"], key: Key
) -> Scalar:
    """Half the mean squared slope of the critic at generated samples.

    Computes ``1/2 E_fake ||grad_x D(x)||^2``.

    References:
      Mescheder et al., 2018, *Which training methods for GANs do actually converge?*,
      equation 10, without its weight.
    """
    return half_squared_slope(critic, fake)


def half_squared_slope(critic: Critic, samples: Float[Array, "n *d"]) -> Scalar:
    """Computes ``1/(2 L) sum_i ||d sum_l D_l / d x_i||^2`` for L logits.

    Each sample bears on one logit alone, so one gradient of their sum holds the slope
    of every logit.
    """
    logits, pull = jax.vjp(critic, samples)
    (slopes,) = pull(jnp.ones_like(logits))
    return 0.5 * jnp.sum(slopes**2) / logits.size


def weighted(weight: float | Scalar, *penalties: Penalty) -> Penalty:
    """The sum of penalties, times a weight that may be traced.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> critic = lambda x: x @ jnp.array([3.0, 4.0])
      >>> both = weighted(2.0, r1, r2)
      >>> float(both(critic, jnp.ones((5, 2)), jnp.ones((5, 2)), jax.random.key(0)))
      50.0
    """

    def penalty(critic, real, fake, key):
        values = [part(critic, real, fake, key) for part in penalties]
        return weight * jnp.sum(jnp.stack(values))

    return penalty
