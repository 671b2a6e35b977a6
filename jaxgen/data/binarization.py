"""Grey images made black and white: each pixel one with the probability of its grey."""

from collections.abc import Callable

import jax
import numpy as np

from jaxgen.arrays import Array, Data, Float, Key
from jaxgen.keys import named


def binarized(draw: Callable[[Data, Key], Data]) -> Callable[[Data, Key], Data]:
    """Draws a batch, and then each of its pixels anew: no image is seen twice.

    Args:
      draw: ``(data, key) -> batch``, such as ``minibatch(100)``: images in [0, 1], alone
        or first of a tuple.

    Returns:
      The same of images of zeros and ones, to be given to ``feed``.

    References:
      Burda et al., 2016, *Importance weighted autoencoders*, the authors' code;
      Salakhutdinov and Murray, 2008, *On the quantitative analysis of deep belief
      networks*, section 4.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxgen.data.batches import minibatch
      >>> draw = binarized(minibatch(100))
      >>> images = draw(jnp.full((3, 2, 2, 1), 0.5), jax.random.key(0))
      >>> sorted(set(images.ravel().tolist()))
      [0.0, 1.0]
    """

    def black_and_white(data, key):
        batch = draw(data, key)
        images, *conditions = batch if isinstance(batch, tuple) else (batch,)
        drawn = jax.random.bernoulli(named(key, "pixels"), images).astype(images.dtype)
        return (drawn, *conditions) if conditions else drawn

    return black_and_white


def binarized_once(
    images: Float[np.ndarray, "n h w c"] | Float[Array, "n h w c"], seed: int
) -> Float[np.ndarray, "n h w c"]:
    """Images of zeros and ones, the same for the same seed: a fixed binarization.

    A model can learn these pixels by heart: its bound is another number than that of
    pixels drawn anew.

    Args:
      images: in [0, 1].
      seed: of the draws, which are made on the host.

    Raises:
      ValueError: a pixel is no probability.

    Example:
      >>> images = np.full((3, 2, 2, 1), 0.5, np.float32)
      >>> bool((binarized_once(images, 0) == binarized_once(images, 0)).all())
      True
    """
    grey = np.asarray(images)
    if not (grey.min(initial=0) >= 0 and grey.max(initial=0) <= 1):
        raise ValueError(
            f"binarized_once: pixels from {grey.min()} to {grey.max()}; expected "
            "probabilities, from 0 to 1"
        )
    drawn = np.random.default_rng(seed).random(grey.shape) < grey
    return drawn.astype(grey.dtype)
