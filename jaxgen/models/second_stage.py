"""A variational autoencoder of the codes of another model, as their prior."""

from dataclasses import dataclass, field

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, Key, PyTree
from jaxgen.keys import named
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.gaussian_likelihoods import LearnedGaussian
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import GaussianCode


def second_stage(size: int, width: int = 256, depth: int = 2) -> Autoencoder:
    """A variational autoencoder of codes, with as many dimensions as they have.

    A code is an image of one pixel, with a channel for each dimension; see `as_images`.

    Args:
      size: dimensions of a code.
      width: of each hidden layer.
      depth: hidden layers of encoder and decoder.

    References:
      Dai and Wipf, 2019, *Diagnosing and enhancing VAE models*, section 4.
    """
    return Autoencoder(
        PerceptronEncoder(width, depth, nn.relu),
        GaussianCode(size),
        StandardNormal(size),
        PerceptronDecoder((1, 1, size), width, depth, nn.relu),
        LearnedGaussian(),
    )


def as_images(codes: Float[Array, "n z"]) -> Float[Array, "n 1 1 z"]:
    """Codes as images of one pixel."""
    return codes[:, None, None]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SecondStage:
    """A prior that draws codes from a model of codes.

    Attributes:
      params: of the model.
      key: of the codes by which ``log_prob`` is estimated: the same at each call.
      model: of codes as images; see `second_stage`.
      samples: how many of its own codes a code is weighed by.
    """

    params: PyTree
    key: Key
    model: Autoencoder = field(metadata={"static": True})
    samples: int = field(default=100, metadata={"static": True})

    space = "real"

    @property
    def size(self) -> int:
        """Dimensions of a code."""
        return self.model.prior.size

    def log_prob(self, codes: Float[Array, "*n z"]) -> Float[Array, "*n"]:
        """A lower bound of the log-density, nats: tighter with more samples.

        References:
          Burda et al., 2016, *Importance weighted autoencoders*, equation 8.
        """
        images = as_images(codes.reshape(-1, codes.shape[-1]))
        terms = self.model.apply(
            {"params": self.params}, images, named(self.key, "codes"), self.samples
        )
        total = jax.nn.logsumexp(terms.log_weights, axis=0)  # type: ignore
        return (total - jnp.log(self.samples)).reshape(codes.shape[:-1])

    def sample(self, key: Key, count: int) -> Float[Array, "{count} z"]:
        """Codes drawn from it, with the noise that the model says they have."""
        variables = {"params": self.params}
        inner = self.model.apply(variables, named(key, "codes"), count, method="draw")
        images = self.model.apply(
            variables, inner, named(key, "noise"), method="noisy_images"
        )
        return images[:, 0, 0]  # type: ignore
