"""What a denoising autoencoder's encoder is given: ``(images, key) -> images``."""

from collections.abc import Callable

import jax

from jaxgen.arrays import Array, Float, Key

Corruption = Callable[[Float[Array, "n h w c"], Key], Float[Array, "n h w c"]]


def masking_noise(share: float | Float[Array, ""]) -> Corruption:
    """Sets pixels to zero, all their channels, each with the same probability.

    Args:
      share: of the pixels that are lost, on average.

    References:
      Vincent et al., 2008, *Extracting and composing robust features with denoising
      autoencoders*, section 2.3.

    Example:
      >>> import jax.numpy as jnp
      >>> images = jnp.ones((1, 40, 40, 1))
      >>> kept = masking_noise(0.25)(images, jax.random.key(0)).mean()
      >>> round(float(kept), 1)
      0.8
    """

    def corrupt(images, key):
        kept = jax.random.bernoulli(key, 1 - share, (*images.shape[:-1], 1))
        return images * kept

    return corrupt


def gaussian_noise(scale: float | Float[Array, ""]) -> Corruption:
    """Adds normal noise to every pixel, which may leave [0, 1].

    Args:
      scale: standard deviation, in units of pixels.

    References:
      Vincent et al., 2010, *Stacked denoising autoencoders*, section 3.3.
    """
    return lambda images, key: (
        images + scale * jax.random.normal(key, images.shape, images.dtype)
    )
