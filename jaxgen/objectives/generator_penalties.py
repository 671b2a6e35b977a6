"""Penalties on a generator, added to its loss.

Each is ``(generate, latents, samples, key) -> scalar``, where ``generate`` makes
samples of latents under the batch's conditions, and has made ``samples`` of
``latents``.
"""

from collections.abc import Callable

import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, Scalar

Generate = Callable[[Float[Array, "n z"]], Float[Array, "n *d"]]
GeneratorPenalty = Callable[
    [Generate, Float[Array, "n z"], Float[Array, "n *d"], Key], Scalar
]


def unpenalized_samples(
    generate: Generate,
    latents: Float[Array, "n z"],
    samples: Float[Array, "n *d"],
    key: Key,
) -> Scalar:
    """No penalty: zero."""
    return jnp.zeros(())


def mode_seeking(weight: float | Scalar) -> GeneratorPenalty:
    """Penalizes latents far apart whose samples are near.

    Computes ``weight / (mean |G(z) - G(z')| / mean |z - z'| + 1e-5)``, the means over
    all numbers of the batch, with z' the batch's latents moved on by one: each sample
    and its companion share their conditions.

    References:
      Mao et al., 2019, *Mode seeking generative adversarial networks for diverse image
      synthesis*, equation 2, as the reciprocal that the authors' code minimizes.

    Example:
      >>> import jax
      >>> z = jax.random.normal(jax.random.key(0), (8, 2))
      >>> penalty = mode_seeking(1.0)
      >>> round(float(penalty(lambda z: 2 * z, z, 2 * z, jax.random.key(1))), 3)
      0.5
    """

    def penalty(generate, latents, samples, key):
        others = jnp.roll(latents, 1, axis=0)
        apart = jnp.abs(generate(others) - samples).mean()
        return weight / (apart / jnp.abs(others - latents).mean() + 1e-5)

    return penalty
