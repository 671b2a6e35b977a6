"""Gaussian likelihoods that learn their scale."""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.nn.initializers import Initializer, zeros

from jaxgen.arrays import Array, Float, Key, Shaped
from jaxgen.densities.normal import normal_log_prob
from jaxgen.models.likelihoods import Gaussian, in_line, require_within


class LearnedGaussian(nn.Module):
    """Real pixels, normal around the output, with one learned scale for all.

    Computes ``sum -((x - o) / s)^2 / 2 - log s - log(2 pi) / 2``, whose s is a parameter of
    the model, ``params["likelihood"]["log_scale"]``. At the optimum s is the root of the
    mean squared error, and the distortion weighs what it has to.

    Attributes:
      outputs: of each channel of a pixel.
      log_scale_init: how ``log s`` starts.

    References:
      Rybkin et al., 2021, *Simple and effective VAE training with calibrated decoders*,
      section 3; Dai and Wipf, 2019, *Diagnosing and enhancing VAE models*, section 2.

    Example:
      >>> likelihood, images = LearnedGaussian(), jnp.zeros((1, 2, 2, 1))
      >>> likelihood.init(jax.random.key(0), images, images, method="log_prob")
      {'params': {'log_scale': Array(0., dtype=float32)}}
    """

    outputs: int = 1
    log_scale_init: Initializer = zeros

    def setup(self):
        self.log_scale = self.param("log_scale", self.log_scale_init, ())

    def log_prob(
        self, outputs: Float[Array, "*n h w p"], images: Float[Array, "*#n h w c"]
    ) -> Float[Array, "*n"]:
        """Nats, of images under outputs."""
        return Gaussian(jnp.exp(self.log_scale)).log_prob(outputs, images)

    def mean(self, outputs: Float[Array, "*n h w p"]) -> Float[Array, "*n h w c"]:
        """Expected images."""
        return outputs

    def sample(
        self, outputs: Float[Array, "*n h w p"], key: Key
    ) -> Float[Array, "*n h w c"]:
        """Images with the noise of their pixels."""
        return Gaussian(jnp.exp(self.log_scale)).sample(outputs, key)

    def require_support(self, images: Shaped[np.ndarray, "n h w c"]) -> None:
        """Raises:
        ValueError: a pixel is not finite.
        """
        require_within(self, images, -np.inf, np.inf)


@dataclass(frozen=True)
class PixelGaussian:
    """Real pixels, each normal with a mean and a scale of its own.

    Computes ``sum -((x - m) / s)^2 / 2 - log s - log(2 pi) / 2`` with
    ``s = least + exp(l)``: of the 2c outputs of a pixel of c channels, m comes first and l
    last. Without a least scale pixels that never change, such as a black margin, would
    have an infinite density.

    Attributes:
      least: scale below which none falls, in units of pixels.

    References:
      Kingma and Welling, 2014, *Auto-encoding variational Bayes*, appendix C.2.
    """

    least: float = 0.01
    outputs: int = 2

    def log_prob(
        self, outputs: Float[Array, "*n h w p"], images: Float[Array, "*#n h w c"]
    ) -> Float[Array, "*n"]:
        """Nats, of images under outputs."""
        images, *moments = map(in_line, (images, *self._moments(outputs)))
        return normal_log_prob(images, *moments).sum(-1)

    def mean(self, outputs: Float[Array, "*n h w p"]) -> Float[Array, "*n h w c"]:
        """Expected images."""
        return self._moments(outputs)[0]

    def sample(
        self, outputs: Float[Array, "*n h w p"], key: Key
    ) -> Float[Array, "*n h w c"]:
        """Images with the noise of their pixels."""
        mean, scale = self._moments(outputs)
        return mean + scale * jax.random.normal(key, mean.shape)

    def require_support(self, images: Shaped[np.ndarray, "n h w c"]) -> None:
        """Raises:
        ValueError: a pixel is not finite.
        """
        require_within(self, images, -np.inf, np.inf)

    def _moments(self, outputs: Array) -> tuple[Array, Array]:
        mean, log_scale = jnp.split(outputs, 2, axis=-1)
        return mean, self.least + jnp.exp(log_scale)
