"""Likelihoods of images: how a decoder's outputs score what was there.

A likelihood tells how many outputs it needs for each channel of a pixel, and sums over
pixels and channels: nats of a whole image, never a mean over its pixels, which would
change what a rate weighs beside it. ``require_support`` refuses images, on the host, that
it has no density for.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Key, Shaped
from jaxgen.densities.normal import normal_log_prob


@dataclass(frozen=True)
class Bernoulli:
    """Pixels in [0, 1], each black or white with the probability of its logit.

    Computes ``sum x log s(o) + (1 - x) log(1 - s(o))``. Of grey pixels it is no density:
    a mean over binary images whose pixels are drawn from them.

    Example:
      >>> images = jnp.ones((1, 2, 2, 1))
      >>> float(Bernoulli().log_prob(jnp.zeros((1, 2, 2, 1)), images)[0])  # -4 log 2
      -2.7725887298583984
    """

    outputs: int = 1

    def log_prob(
        self, outputs: Float[Array, "*n h w p"], images: Float[Array, "*#n h w c"]
    ) -> Float[Array, "*n"]:
        """Nats, of images under outputs."""
        images, outputs = in_line(images), in_line(outputs)
        return (images * outputs - softplus(outputs)).sum(-1)

    def mean(self, outputs: Float[Array, "*n h w p"]) -> Float[Array, "*n h w c"]:
        """Expected images."""
        return jax.nn.sigmoid(outputs)

    def sample(
        self, outputs: Float[Array, "*n h w p"], key: Key
    ) -> Float[Array, "*n h w c"]:
        """Images of pixels 0 and 1."""
        return jax.random.bernoulli(key, self.mean(outputs)).astype(outputs.dtype)

    def require_support(self, images: Shaped[np.ndarray, "n h w c"]) -> None:
        """Raises:
        ValueError: a pixel is not in [0, 1].
        """
        require_within(self, images, 0.0, 1.0)


@dataclass(frozen=True)
class Gaussian:
    """Real pixels, normal around the output with one scale for all.

    Computes ``sum -((x - o) / scale)^2 / 2 - log scale - log(2 pi) / 2``. A scale of one
    and half a squared error differ by a constant; a smaller scale weighs the distortion
    more, as a smaller weight of the rate would.

    Attributes:
      scale: standard deviation of every pixel, in units of pixels; may be traced.
    """

    scale: float | Float[Array, ""] = 1.0
    outputs: int = 1

    def log_prob(
        self, outputs: Float[Array, "*n h w p"], images: Float[Array, "*#n h w c"]
    ) -> Float[Array, "*n"]:
        """Nats, of images under outputs."""
        images, outputs = in_line(images), in_line(outputs)
        return normal_log_prob(images, outputs, self.scale).sum(-1)

    def mean(self, outputs: Float[Array, "*n h w p"]) -> Float[Array, "*n h w c"]:
        """Expected images."""
        return outputs

    def sample(
        self, outputs: Float[Array, "*n h w p"], key: Key
    ) -> Float[Array, "*n h w c"]:
        """Images with the noise of their pixels."""
        return outputs + self.scale * jax.random.normal(key, outputs.shape)

    def require_support(self, images: Shaped[np.ndarray, "n h w c"]) -> None:
        """Raises:
        ValueError: a pixel is not finite.
        """
        require_within(self, images, -np.inf, np.inf)


def in_line(images: Shaped[Array, "*n h w c"]) -> Shaped[Array, "*n d"]:
    """Pixels and channels as one axis: sums over a long last axis are the fastest."""
    return images.reshape(*images.shape[:-3], -1)


@jax.custom_jvp
def softplus(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """``log(1 + exp x)`` to the precision of the largest, which is that of its sum.

    Of numbers far below zero it tells fewer digits than `jax.nn.softplus`, in half the
    time; slopes are exact.
    """
    wide = jnp.promote_types(x.dtype, jnp.float32)
    small = jnp.exp(-jnp.abs(x.astype(wide)))
    return (jnp.maximum(x, 0) + jnp.log(1 + small)).astype(x.dtype)


softplus.defjvps(lambda slope, value, x: slope * jax.nn.sigmoid(x))


def require_within(
    likelihood: object, images: Shaped[np.ndarray, "n h w c"], low: float, high: float
) -> None:
    """Raises:
    ValueError: a pixel is outside of these, or not finite.
    """
    # whole numbers would be divided by whole numbers, or wrap around
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"{type(likelihood).__name__}: images of {images.dtype}; expected floats: "
            "for bytes, (images / 255).astype('float32')"
        )
    inside = np.isfinite(images) & (low <= images) & (images <= high)
    if not inside.all():
        raise ValueError(
            f"{type(likelihood).__name__}: a pixel of {images[~inside][0]}; expected "
            f"finite numbers within [{low:g}, {high:g}]; scale the images, or choose "
            "another likelihood"
        )
