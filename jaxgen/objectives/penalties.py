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


def gradient_penalty(
    critic: Critic, real: Float[Array, "n *d"], fake: Float[Array, "n *d"], key: Key
) -> Scalar:
    """The mean squared distance of the critic's slope from one, between the kinds.

    Computes ``E (||grad_x D(x)|| - 1)^2`` at ``x = e real + (1 - e) fake``, with e
    uniform in [0, 1], one for each pair of samples, or of packs. It is called WGAN-GP.

    References:
      Gulrajani et al., 2017, *Improved training of Wasserstein GANs*, equation 3,
      without its weight.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> critic = lambda x: x @ jnp.array([3.0, 4.0])
      >>> x = jnp.ones((5, 2))
      >>> float(gradient_penalty(critic, x, -x, jax.random.key(0)))  # (5 - 1)^2
      16.0
    """
    logits = jax.eval_shape(critic, real).size
    drawn = jax.random.uniform(key, (logits,) + (1,) * (real.ndim - 1), real.dtype)
    mixing = jnp.repeat(drawn, len(real) // logits, axis=0)
    between = mixing * real + (1 - mixing) * fake
    return jnp.mean((jnp.sqrt(squared_slopes(critic, between) + 1e-12) - 1) ** 2)


def dragan(deviation: float | Scalar) -> Penalty:
    """The mean squared distance of the critic's slope from one, around real samples.

    Computes ``E (||grad_x D(x + n)|| - 1)^2`` with n normal of the given standard
    deviation, in the unit of the samples.

    References:
      Kodali et al., 2017, *On convergence and stability of GANs*, section 2.3.
    """

    def penalty(critic, real, fake, key):
        around = real + deviation * jax.random.normal(key, real.shape, real.dtype)
        return jnp.mean((jnp.sqrt(squared_slopes(critic, around) + 1e-12) - 1) ** 2)

    return penalty


def consistency(augmentation: Callable[[Array, Key], Array]) -> Penalty:
    """How much logits of real samples change under an augmentation.

    Computes ``E_real (D(x) - D(T(x)))^2``.

    Args:
      augmentation: T, ``(samples, key) -> samples``.

    References:
      Zhang et al., 2020, *Consistency regularization for generative adversarial
      networks*, equation 3 with the last layer alone.
    """

    def penalty(critic, real, fake, key):
        return jnp.mean((critic(real) - critic(augmentation(real, key))) ** 2)

    return penalty


def half_squared_slope(critic: Critic, samples: Float[Array, "n *d"]) -> Scalar:
    """Computes ``1/(2 L) sum_l ||grad D_l||^2`` for L logits."""
    return 0.5 * jnp.mean(squared_slopes(critic, samples))


def squared_slopes(
    critic: Critic, samples: Float[Array, "n *d"]
) -> Float[Array, " logits"]:
    """Squared norms of the gradient of each logit by its sample, or pack of samples.

    Each sample bears on one logit alone, so one gradient of their sum holds the slope
    of every logit. Where a critic looks across the batch it is the sum's own slope
    that is measured, as published methods do.
    """
    logits, pull = jax.vjp(critic, samples)
    (slopes,) = pull(jnp.ones_like(logits))
    return jnp.sum(slopes.reshape(logits.size, -1) ** 2, axis=1)


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
