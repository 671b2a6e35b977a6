"""Digits whose colour tells more than their shape, and misleads elsewhere."""

from typing import NamedTuple

import jax

from jaxgen.arrays import Array, Bool, Float, Int, Key
from jaxgen.keys import named


class ColoredDigits(NamedTuple):
    """Images in one of two colours, and a label of two classes.

    Attributes:
      images: (n, h, w, 2), in one channel the gray image, in the other nothing.
      labels: (n,) 0.0 or 1.0.
    """

    images: Float[Array, "n h w 2"]
    labels: Float[Array, " n"]


class Colours(NamedTuple):
    """What is drawn for each image.

    Attributes:
      labels: of two classes.
      channels: which of the two colours it has.
    """

    labels: Bool[Array, " n"]
    channels: Int[Array, " n"]


def colored_digits(
    images: Float[Array, "n h w"],
    digits: Int[Array, " n"],
    flips: Float[Array, " n"],
    key: Key,
    noise: float = 0.25,
) -> ColoredDigits:
    """Colours that depend on labels, and labels that depend on digits.

    The label is whether the digit is below 5, flipped with a chance; the colour is the
    label, flipped with another. So the shape is right three times in four, and the colour
    more often where flips are rare, and less often where they are not.

    Args:
      images: gray, in [0, 1].
      digits: 0 to 9.
      flips: of each colour, its chance: 0.1 and 0.2 in training, 0.9 in a test.
      key: of the draws.
      noise: the chance of each label to be flipped.

    References:
      Arjovsky et al., 2019, *Invariant risk minimization*, section 5.2.

    Example:
      >>> import jax.numpy as jnp
      >>> gray, digits = jnp.ones((4, 2, 2)), jnp.array([0, 3, 5, 9])
      >>> sure = colored_digits(gray, digits, jnp.zeros(4), jax.random.key(0), noise=0.0)
      >>> sure.labels.tolist(), sure.images[:, 0, 0].tolist()
      ([1.0, 1.0, 0.0, 0.0], [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    """
    drawn = colours(digits, flips, key, noise)
    return ColoredDigits(
        painted(images, drawn.channels), drawn.labels.astype(images.dtype)
    )


def colours(
    digits: Int[Array, " n"], flips: Float[Array, " n"], key: Key, noise: float = 0.25
) -> Colours:
    """The labels and colours alone, as ``colored_digits`` draws them.

    Example:
      >>> import jax.numpy as jnp
      >>> drawn = colours(jnp.array([0, 9]), jnp.ones(2), jax.random.key(0), noise=0.0)
      >>> drawn.labels.tolist(), drawn.channels.tolist()
      ([True, False], [0, 1])
    """
    noisy = jax.random.bernoulli(named(key, "label"), noise, digits.shape)
    flipped = jax.random.bernoulli(named(key, "colour"), flips)
    labels = (digits < 5) ^ noisy
    return Colours(labels, (labels ^ flipped).astype(digits.dtype))


def painted(
    images: Float[Array, "*n h w"], channels: Int[Array, "*n"]
) -> Float[Array, "*n h w 2"]:
    """Gray images in one of two channels, with nothing in the other.

    Example:
      >>> import jax.numpy as jnp
      >>> painted(jnp.ones((1, 1, 1)), jnp.array([1])).tolist()
      [[[[0.0, 1.0]]]]
    """
    lit = jax.nn.one_hot(channels, 2, dtype=images.dtype)
    return images[..., None] * lit[..., None, None, :]
