"""Likelihoods of images whose pixels have finitely many levels.

They are probabilities, not densities. A pixel is ``l / (levels - 1)`` for one of the
levels l = 0, 1, .., as bytes are when divided by 255. Channels are independent of one
another, given the outputs.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.arrays import Array, Float, Int, Key, Shaped
from jaxgen.models.likelihoods import require_within


@dataclass(frozen=True)
class Categorical:
    """A probability for each level of each channel.

    Computes ``sum log softmax(o)_l``. Of a pixel's outputs the levels of its first
    channel come first.

    Attributes:
      levels: of a pixel, as many as a channel has outputs.

    References:
      van den Oord et al., 2016, *Pixel recurrent neural networks*, section 3.4.

    Example:
      >>> images = jnp.ones((1, 2, 2, 1))
      >>> log_prob = Categorical(2).log_prob(jnp.zeros((1, 2, 2, 2)), images)
      >>> float(log_prob[0])  # -4 log 2
      -2.7725887298583984
    """

    levels: int = 256

    @property
    def outputs(self) -> int:
        """Of each channel of a pixel."""
        return self.levels

    def log_prob(
        self, outputs: Float[Array, "*n h w p"], images: Float[Array, "*#n h w c"]
    ) -> Float[Array, "*n"]:
        """Nats, of images under outputs."""
        chosen = jax.nn.one_hot(levels_of(images, self.levels), self.levels)
        log_chance = jax.nn.log_softmax(by_channel(outputs, self.levels))
        return (log_chance * chosen).sum((-4, -3, -2, -1))

    def mean(self, outputs: Float[Array, "*n h w p"]) -> Float[Array, "*n h w c"]:
        """Expected images."""
        chances = jax.nn.softmax(by_channel(outputs, self.levels))
        return chances @ jnp.linspace(0, 1, self.levels)

    def sample(
        self, outputs: Float[Array, "*n h w p"], key: Key
    ) -> Float[Array, "*n h w c"]:
        """Images of whole levels."""
        drawn = jax.random.categorical(key, by_channel(outputs, self.levels))
        return drawn / (self.levels - 1)

    def require_support(self, images: Shaped[np.ndarray, "n h w c"]) -> None:
        """Raises:
        ValueError: a pixel is none of the levels.
        """
        require_levels(self, images, self.levels)


@dataclass(frozen=True)
class DiscretizedLogisticMixture:
    """A mixture of logistic densities for each channel, each summed over a level's width.

    Computes ``sum log sum_m w_m (F((x + d - a_m) / s_m) - F((x - d - a_m) / s_m))`` with
    F the logistic function and d half the distance of two levels; the lowest level reaches
    down, and the highest up, to infinity. Of a channel's outputs the logits of w come
    first, then a, then ``log s``, in units where black is -1 and white 1.

    Attributes:
      components: of the mixture, a third as many as a channel has outputs.
      levels: of a pixel.

    References:
      Salimans et al., 2017, *PixelCNN++*, section 2.1; here without its dependence of
      green on red, and of blue on both.

    Example:
      >>> likelihood, images = DiscretizedLogisticMixture(2), jnp.ones((1, 2, 2, 1))
      >>> likelihood.log_prob(jnp.zeros((1, 2, 2, 6)), images).shape
      (1,)
    """

    components: int = 5
    levels: int = 256

    @property
    def outputs(self) -> int:
        """Of each channel of a pixel."""
        return 3 * self.components

    def log_prob(
        self, outputs: Float[Array, "*n h w p"], images: Float[Array, "*#n h w c"]
    ) -> Float[Array, "*n"]:
        """Nats, of images under outputs."""
        log_weights, centres, log_scales = self._parts(outputs)
        half, x = 1 / (self.levels - 1), (2 * images - 1)[..., None]
        upper = (x + half - centres) * jnp.exp(-log_scales)
        lower = (x - half - centres) * jnp.exp(-log_scales)
        upper = jnp.where(x > 1 - half, jnp.inf, upper)
        lower = jnp.where(x < half - 1, -jnp.inf, lower)
        each = log_weights + log_logistic_between(lower, upper)
        return jax.nn.logsumexp(each, axis=-1).sum((-3, -2, -1))

    def mean(self, outputs: Float[Array, "*n h w p"]) -> Float[Array, "*n h w c"]:
        """Expected images: the mean chance of being above a border of two levels."""
        log_weights, centres, log_scales = self._parts(outputs)

        def above(total, border):
            chances = jax.nn.sigmoid((centres - border) * jnp.exp(-log_scales))
            return total + (jnp.exp(log_weights) * chances).sum(-1), None

        count = self.levels - 1
        borders = (2 * jnp.arange(count) + 1) / count - 1
        total, _ = lax.scan(above, jnp.zeros(centres.shape[:-1]), borders)
        return total / count

    def sample(
        self, outputs: Float[Array, "*n h w p"], key: Key
    ) -> Float[Array, "*n h w c"]:
        """Images of whole levels."""
        choosing, scattering = jax.random.split(key)
        log_weights, centres, log_scales = self._parts(outputs)
        chosen = jax.random.categorical(choosing, log_weights)[..., None]
        centre, log_scale = (
            jnp.take_along_axis(part, chosen, axis=-1)[..., 0]
            for part in (centres, log_scales)
        )
        noise = jax.random.logistic(scattering, centre.shape)
        x = (centre + jnp.exp(log_scale) * noise + 1) / 2
        return levels_of(jnp.clip(x, 0, 1), self.levels) / (self.levels - 1)

    def require_support(self, images: Shaped[np.ndarray, "n h w c"]) -> None:
        """Raises:
        ValueError: a pixel is none of the levels.
        """
        require_levels(self, images, self.levels)

    def _parts(self, outputs: Array) -> tuple[Array, Array, Array]:
        parts = jnp.split(by_channel(outputs, self.outputs), 3, axis=-1)
        logits, centres, log_scales = parts
        # narrower ones are the same to all levels, and without a slope
        return jax.nn.log_softmax(logits), centres, jnp.maximum(log_scales, -7.0)


def log_logistic_between(lower: Array, upper: Array) -> Array:
    """``log(F(upper) - F(lower))`` of the logistic function F, far in its tails too.

    Computes ``log F(upper) + log F(-lower) + log(1 - exp(lower - upper))``. A bound may
    be infinite, the lower one below and the upper one above.

    Example:
      >>> round(float(log_logistic_between(jnp.array(100.0), jnp.array(101.0))), 3)
      -100.459
    """
    gap = upper - lower
    finite = jnp.where(jnp.isfinite(gap), gap, 1.0)  # no slope of infinite gaps
    missing = jnp.where(jnp.isfinite(gap), jnp.log(-jnp.expm1(-finite)), 0.0)
    return jax.nn.log_sigmoid(upper) + jax.nn.log_sigmoid(-lower) + missing


def levels_of(images: Float[Array, "*n"], levels: int) -> Int[Array, "*n"]:
    """The number of each pixel's level.

    Example:
      >>> levels_of(jnp.array([0.0, 0.5, 1.0]), 3).tolist()
      [0, 1, 2]
    """
    return jnp.round(images * (levels - 1)).astype(jnp.int32)


def by_channel(
    outputs: Float[Array, "*n p"], count: int
) -> Float[Array, "*n c {count}"]:
    """Outputs with an axis of their own for those of each channel."""
    return outputs.reshape(*outputs.shape[:-1], -1, count)


def require_levels(
    likelihood: object, images: Shaped[np.ndarray, "n h w c"], levels: int
) -> None:
    """Raises:
    ValueError: a pixel is none of so many levels from 0 to 1.
    """
    require_within(likelihood, images, 0.0, 1.0)
    away = np.abs(images * (levels - 1) - np.round(images * (levels - 1))) > 1e-3
    if away.any():
        raise ValueError(
            f"{type(likelihood).__name__}: a pixel of {images[away][0]}; expected one of "
            f"{levels} levels, l / {levels - 1}; round the images, or change levels="
        )
