"""Differentiable augmentations of images: ``(images, key) -> images``.

Each sample ``(h, w, c)`` has a draw of its own, and gradients pass through: what a
critic sees may be augmented in training both players, as ``Augmented`` does.

References:
  Zhao et al., 2020, *Differentiable augmentation for data-efficient GAN training*,
  section 3 and the authors' code.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Bool, Float, Key

Augmentation = Callable[[Float[Array, "n h w c"], Key], Float[Array, "n h w c"]]


def brightness(images: Float[Array, "n h w c"], key: Key) -> Float[Array, "n h w c"]:
    """Adds a number to all pixels: ``x + u``, u uniform in [-1/2, 1/2].

    Args:
      images: pixels in [-1, 1], which may be left.
      key: of the draws.

    Example:
      >>> images = brightness(jnp.zeros((3, 8, 8, 1)), jax.random.key(0))
      >>> bool((images == images[:, :1, :1]).all())
      True
    """
    return images + _uniform(images, key, -0.5, 0.5)


def saturation(images: Float[Array, "n h w c"], key: Key) -> Float[Array, "n h w c"]:
    """Moves colors from or to gray: ``m + u (x - m)``, u uniform in [0, 2].

    Here m is the mean of a pixel's channels: images of one channel stay as they are.

    Args:
      images: pixels in [-1, 1], which may be left.
      key: of the draws.

    Example:
      >>> gray = jnp.ones((3, 8, 8, 3))
      >>> bool((saturation(gray, jax.random.key(0)) == gray).all())
      True
    """
    mean = images.mean(axis=3, keepdims=True)
    return mean + _uniform(images, key, 0.0, 2.0) * (images - mean)


def contrast(images: Float[Array, "n h w c"], key: Key) -> Float[Array, "n h w c"]:
    """Moves pixels from or to their mean: ``m + u (x - m)``, u uniform in [1/2, 3/2].

    Here m is the mean over the pixels and channels of an image.

    Args:
      images: pixels in [-1, 1], which may be left.
      key: of the draws.

    Example:
      >>> plain = jnp.ones((3, 8, 8, 1))
      >>> bool((contrast(plain, jax.random.key(0)) == plain).all())
      True
    """
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return mean + _uniform(images, key, 0.5, 1.5) * (images - mean)


def translated(ratio: int | float) -> Augmentation:
    """Shifts by whole pixels; what comes in is zero, the gray between black and white.

    The shifts down and to the right are uniform in {-s, ..., s}, where s is the side
    times the ratio, rounded.

    Args:
      ratio: of the largest shift to the side; the paper has 1/8.

    Raises:
      ValueError: the ratio is negative, or nothing of the image need be left.

    Example:
      >>> translated(1 / 8)(jnp.ones((3, 8, 8, 1)), jax.random.key(0)).shape
      (3, 8, 8, 1)
    """
    _require_share("translated", ratio)

    def augmentation(images, key):
        sides = images.shape[1:3]
        most = [_rounded(side, ratio) for side in sides]
        padded = jnp.pad(images, ((0, 0), (most[0],) * 2, (most[1],) * 2, (0, 0)))
        starts = [
            jax.random.randint(k, (len(images),), 0, 2 * shift + 1)
            for k, shift in zip(jax.random.split(key), most, strict=True)
        ]

        def window(image, row, column):
            start = row, column, jnp.zeros_like(row)
            return jax.lax.dynamic_slice(image, start, images.shape[1:])

        return jax.vmap(window)(padded, *starts)

    return augmentation


def cutout(ratio: int | float) -> Augmentation:
    """Makes a rectangle zero, the gray between black and white.

    Its sides are those of the image times the ratio, rounded. Its center is uniform in
    the image, so that part of it may lie outside.

    Args:
      ratio: of its sides to those of the image; the paper has 1/2.

    Raises:
      ValueError: the ratio is negative, or nothing of the image need be left.

    References:
      DeVries and Taylor, 2017, *Improved regularization of convolutional neural
      networks with cutout*, section 3.

    Example:
      >>> images = cutout(1 / 4)(jnp.ones((3, 8, 8, 1)), jax.random.key(0))
      >>> bool((images.sum(axis=(1, 2, 3)) >= 8 * 8 - 2 * 2).all())
      True
    """
    _require_share("cutout", ratio)

    def augmentation(images, key):
        rows, columns = (
            _covered(k, len(images), side, _rounded(side, ratio))
            for k, side in zip(jax.random.split(key), images.shape[1:3], strict=True)
        )
        cut = rows[:, :, None, None] & columns[:, None, :, None]
        return jnp.where(cut, jnp.zeros_like(images), images)

    return augmentation


def composed(*augmentations: Augmentation) -> Augmentation:
    """One after the other, each with draws of its own.

    Example:
      >>> both = composed(brightness, translated(1 / 4))
      >>> both(jnp.ones((3, 8, 8, 1)), jax.random.key(0)).shape
      (3, 8, 8, 1)
    """

    def augmentation(images, key):
        for place, part in enumerate(augmentations):
            images = part(images, jax.random.fold_in(key, place))
        return images

    return augmentation


def diff_augment(images: Float[Array, "n h w c"], key: Key) -> Float[Array, "n h w c"]:
    """The paper's strongest policy: color, translation by 1/8, cutout of 1/2.

    Args:
      images: pixels in [-1, 1], which may be left.
      key: of the draws.

    Example:
      >>> from jaxgen.models.critic_transforms import Augmented
      >>> from jaxgen.models.image_critic import ResidualCritic
      >>> critic = Augmented(ResidualCritic(), diff_augment)
    """
    color = brightness, saturation, contrast
    return composed(*color, translated(1 / 8), cutout(1 / 2))(images, key)


def _uniform(
    images: Array, key: Key, low: float, high: float
) -> Float[Array, "n 1 1 1"]:
    return jax.random.uniform(key, (len(images), 1, 1, 1), images.dtype, low, high)


def _covered(key: Key, count: int, side: int, length: int) -> Bool[Array, "n side"]:
    """Which of a side's pixels a stretch covers whose center is uniform in the side."""
    centers = jax.random.randint(key, (count,), 0, side + (1 - length % 2))
    offset = jnp.arange(side)[None] - (centers - length // 2)[:, None]
    return (offset >= 0) & (offset < length)


def _rounded(side: int, ratio: int | float) -> int:
    return int(side * ratio + 0.5)


def _require_share(name: str, ratio: int | float) -> None:
    if not 0 <= ratio < 1:
        raise ValueError(
            f"{name}({ratio}): expected a share of the side, 0 <= ratio < 1"
        )
