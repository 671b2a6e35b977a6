"""Autoencoders: ``encode -> code -> decode``, with one dial for what a code is."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.densities.full_normal import FullNormal, full_kl_to_standard_normal
from jaxgen.densities.normal import DiagonalNormal, kl_to_standard_normal
from jaxgen.densities.sphere import VonMisesFisher, kl_to_uniform
from jaxgen.models.priors import StandardNormal, UniformSphere, require_fit


class Terms(NamedTuple):
    """What a model says of a batch, in nats summed over pixels and dimensions.

    Attributes:
      posterior: the code of each example.
      codes: drawn from it, k for each.
      log_likelihood: ``log p(x|z)``.
      log_ratio: ``log q(z|x) - log p(z)``; zero for points.
      rates: KL from posterior to prior, by dimension where it has a closed form, else
        in one column, estimated from the codes.
    """

    posterior: Any
    codes: Float[Array, "k n z"]
    log_likelihood: Float[Array, "k n"]
    log_ratio: Float[Array, "k n"]
    rates: Float[Array, "n r"]

    @property
    def rate(self) -> Float[Array, " n"]:
        """KL from posterior to prior."""
        return self.rates.sum(-1)

    @property
    def distortion(self) -> Float[Array, " n"]:
        """``-E log p(x|z)``, estimated from the codes."""
        return -self.log_likelihood.mean(0)

    @property
    def log_weights(self) -> Float[Array, "k n"]:
        """``log p(x|z) + log p(z) - log q(z|x)``."""
        return self.log_likelihood - self.log_ratio


class Autoencoder(nn.Module):
    """An encoder, a code, a prior of codes, a decoder, and a likelihood of its outputs.

    One field turns an autoencoder into a variational one, with everything else, initial
    values included, the same: ``code``.

    Attributes:
      encoder: ``(images, *conditions) -> features (n, f)``.
      code: ``features -> posterior``; see `jaxgen.nn.codes`.
      prior: of codes; see `jaxgen.models.priors`.
      decoder: ``(codes (m, z), *conditions) -> outputs (m, h, w, p)``.
      likelihood: of images under outputs; see `jaxgen.models.likelihoods`.

    Raises:
      ValueError: the prior is of other codes; the decoder's outputs are not what the
        likelihood needs of the images.

    References:
      Kingma and Welling, 2014, *Auto-encoding variational Bayes*, equation 3.

    Example:
      >>> import jax
      >>> from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
      >>> from jaxgen.models.likelihoods import Bernoulli
      >>> from jaxgen.nn.codes import GaussianCode
      >>> model = Autoencoder(
      ...     PerceptronEncoder(8), GaussianCode(2), StandardNormal(2),
      ...     PerceptronDecoder((4, 4, 1), 8), Bernoulli())
      >>> inputs = jnp.zeros((3, 4, 4, 1)), jax.random.key(0), 5
      >>> terms, _ = model.init_with_output(jax.random.key(1), *inputs)
      >>> terms.log_weights.shape, terms.rates.shape
      ((5, 3), (3, 2))
    """

    encoder: nn.Module
    code: nn.Module
    prior: Any
    decoder: nn.Module
    likelihood: Any

    def __call__(
        self,
        images: Float[Array, "n h w c"],
        key: Key,
        samples: int = 1,
        *conditions: Array,
        seen: Float[Array, "n h w c"] | None = None,
    ) -> Terms:
        """All terms of a batch.

        Args:
          images: to be explained.
          key: of the codes.
          samples: codes for each image.
          *conditions: of the images, each (n, ...).
          seen: what the encoder is given instead of them: noisy ones, for denoising.
        """
        require_fit(self.prior, self.code)
        posterior = self.encode(images if seen is None else seen, *conditions)
        codes = posterior.sample(key, samples)
        log_likelihood = self.log_likelihood(codes, images, *conditions)
        log_prior = self.prior.log_prob(codes, self.encode)
        log_ratio = posterior.log_ratio(codes, log_prior)
        rates = rates_of(posterior, self.prior, log_ratio)
        return Terms(posterior, codes, log_likelihood, log_ratio, rates)

    def encode(self, images: Float[Array, "n h w c"], *conditions: Array) -> Any:
        """The posterior of each image."""
        return self.code(self.encoder(images, *conditions))

    def decode(
        self, codes: Float[Array, "*n z"], *conditions: Array
    ) -> Float[Array, "*n h w p"]:
        """The outputs for codes; conditions are of the last of their leading axes."""
        return decoded(self.decoder, codes, *conditions)

    def log_likelihood(
        self,
        codes: Float[Array, "k n z"],
        images: Float[Array, "n h w c"],
        *conditions: Array,
    ) -> Float[Array, "k n"]:
        """``log p(x|z)``, nats of a whole image."""
        outputs = self.decode(codes, *conditions)
        require_outputs(outputs, images, self.likelihood)
        return self.likelihood.log_prob(outputs, images[None])

    def log_prior(self, codes: Float[Array, "*n z"]) -> Float[Array, "*n"]:
        """``log p(z)``."""
        return self.prior.log_prob(codes, self.encode)

    def log_joint(
        self,
        codes: Float[Array, "k n z"],
        images: Float[Array, "n h w c"],
        *conditions: Array,
    ) -> Float[Array, "k n"]:
        """``log p(x, z)``, nats of a whole image and its code."""
        log_likelihood = self.log_likelihood(codes, images, *conditions)
        return log_likelihood + self.log_prior(codes)

    def draw(self, key: Key, count: int) -> Float[Array, "{count} z"]:
        """Codes from the prior."""
        return self.prior.sample(key, count, self.encode)

    def images(
        self, codes: Float[Array, "*n z"], *conditions: Array
    ) -> Float[Array, "*n h w c"]:
        """Expected images for codes."""
        return self.likelihood.mean(self.decode(codes, *conditions))

    def noisy_images(
        self, codes: Float[Array, "*n z"], key: Key, *conditions: Array
    ) -> Float[Array, "*n h w c"]:
        """Images for codes, drawn with the noise of their pixels."""
        return self.likelihood.sample(self.decode(codes, *conditions), key)


def decoded(
    decoder: Any, codes: Float[Array, "*n z"], *conditions: Array
) -> Float[Array, "..."]:
    """A decoder's outputs for codes with any leading axes, which it takes as one."""
    many = [
        jnp.broadcast_to(one, codes.shape[:-2] + one.shape).reshape(-1, *one.shape[1:])
        for one in conditions
    ]
    outputs = decoder(codes.reshape(-1, codes.shape[-1]), *many)
    return outputs.reshape(*codes.shape[:-1], *outputs.shape[1:])


CLOSED = {
    (DiagonalNormal, StandardNormal): kl_to_standard_normal,
    (FullNormal, StandardNormal): full_kl_to_standard_normal,
    (VonMisesFisher, UniformSphere): kl_to_uniform,
}
"""Divergences that need no estimate, by posterior and prior."""


def rates_of(
    posterior: PyTree, prior: PyTree, log_ratio: Float[Array, "k n"]
) -> Float[Array, "n r"]:
    """KL from posterior to prior: in closed form, by dimension, or from the codes."""
    closed = CLOSED.get((type(posterior), type(prior)))
    return log_ratio.mean(0)[:, None] if closed is None else closed(posterior)


def require_outputs(outputs: Array, images: Array, likelihood: Any) -> None:
    """Raises:
    ValueError: the decoder makes another number of outputs, or for other pixels.
    """
    expected = (*images.shape[1:3], images.shape[3] * likelihood.outputs)
    if outputs.shape[-3:] != expected:
        raise ValueError(
            f"the decoder makes {outputs.shape[-3:]} for images of {images.shape[1:]}: "
            f"{type(likelihood).__name__} needs {expected}; change the decoder's shape"
        )
