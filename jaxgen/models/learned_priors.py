"""Priors with parameters, learned with a model or fitted to its codes."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, normal, zeros

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.normal import DiagonalNormal, standard_normal_log_prob
from jaxgen.models.priors import Encode


class FlowPrior(nn.Module):
    """Standard normal noise, through a flow.

    Computes ``log N(f(z); 0, I) + log |df/dz|``.

    Attributes:
      size: dimensions of the latent space.
      flow: f, from codes to noise; see `jaxgen.nn.flows`.

    References:
      Chen et al., 2017, *Variational lossy autoencoder*, section 3.2.

    Example:
      >>> from jaxgen.nn.flows import coupling_flow
      >>> prior, codes = FlowPrior(2, coupling_flow(2)), jnp.zeros((3, 2))
      >>> variables = prior.init(jax.random.key(0), codes, method="log_prob")
      >>> prior.apply(variables, jax.random.key(1), 5, method="sample").shape
      (5, 2)
    """

    size: int
    flow: Any

    space = "real"

    def log_prob(
        self, codes: Float[Array, "*n z"], encode: Encode | None = None
    ) -> Float[Array, "*n"]:
        """The log-density of codes, nats."""
        noise, log_det = self.flow.forward(codes.reshape(-1, self.size))
        return (standard_normal_log_prob(noise) + log_det).reshape(codes.shape[:-1])

    def sample(
        self, key: Key, count: int, encode: Encode | None = None
    ) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        return self.flow.inverse(jax.random.normal(key, (count, self.size)))[0]


class MixturePrior(nn.Module):
    """A learned mixture of normal densities with independent dimensions.

    Attributes:
      size: dimensions of the latent space.
      components: of the mixture.
      means_init: how the means start.

    References:
      Tomczak and Welling, 2018, *VAE with a VampPrior*, section 4, its baseline.

    Example:
      >>> prior, codes = MixturePrior(2, 5), jnp.zeros((3, 2))
      >>> variables = prior.init(jax.random.key(0), codes, method="log_prob")
      >>> prior.apply(variables, codes, method="log_prob").shape
      (3,)
    """

    size: int
    components: int
    means_init: Initializer = normal(1.0)

    space = "real"

    def setup(self):
        shape = self.components, self.size
        self.means = self.param("means", self.means_init, shape)
        self.log_scales = self.param("log_scales", zeros, shape)
        self.logits = self.param("logits", zeros, shape[:1])

    def log_prob(
        self, codes: Float[Array, "*n z"], encode: Encode | None = None
    ) -> Float[Array, "*n"]:
        """The log-density of codes, nats."""
        return mixed_log_prob(codes, self._parts(), self.logits)

    def sample(
        self, key: Key, count: int, encode: Encode | None = None
    ) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        return mixed_sample(key, count, self._parts(), self.logits)

    def _parts(self) -> DiagonalNormal:
        return DiagonalNormal(self.means, jnp.exp(self.log_scales))


class VampPrior(nn.Module):
    """The mean of the posteriors of learned images.

    Computes ``log 1/K sum_k q(z | s(u_k))``; the sigmoid s keeps their pixels in [0, 1],
    where the authors clip them.

    Attributes:
      size: dimensions of the latent space.
      count: of images, K.
      shape: of an image, (h, w, c).
      images_init: how u starts.

    Raises:
      ValueError: the encoder makes points, which have no density.

    References:
      Tomczak and Welling, 2018, *VAE with a VampPrior*, equation 9.
    """

    size: int
    count: int
    shape: tuple[int, int, int]
    images_init: Initializer = normal(1.0)

    space = "real"

    def setup(self):
        self.images = self.param("images", self.images_init, (self.count, *self.shape))

    def log_prob(
        self, codes: Float[Array, "*n z"], encode: Encode
    ) -> Float[Array, "*n"]:
        """The log-density of codes, nats."""
        return mixed_log_prob(codes, self._parts(encode), jnp.zeros(self.count))

    def sample(self, key: Key, count: int, encode: Encode) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        return mixed_sample(key, count, self._parts(encode), jnp.zeros(self.count))

    def _parts(self, encode: Encode) -> Any:
        parts = encode(nn.sigmoid(self.images))
        if not hasattr(parts, "log_prob"):
            raise ValueError(
                f"VampPrior: the encoder makes a {type(parts).__name__} of each image, "
                "which has no density; give the model a code that has one"
            )
        return parts


def mixed_log_prob(
    codes: Float[Array, "*n z"], parts: Any, logits: Float[Array, " m"]
) -> Float[Array, "*n"]:
    """``log sum_m w_m p_m(z)`` of densities that are the rows of one pytree."""
    flat = codes.reshape(-1, 1, codes.shape[-1])
    many = jnp.broadcast_to(flat, (len(flat), len(logits), flat.shape[2]))
    each = parts.log_prob(many) + jax.nn.log_softmax(logits)[None]
    return jax.nn.logsumexp(each, axis=1).reshape(codes.shape[:-1])


def mixed_sample(
    key: Key, count: int, parts: Any, logits: Float[Array, " m"]
) -> Float[Array, "{count} z"]:
    """A point of a row for each of so many rows that are drawn by their weights."""
    choosing, scattering = jax.random.split(key)
    chosen = jax.random.categorical(choosing, logits, shape=(count,))
    rows = jax.tree.map(lambda leaf: leaf[chosen], parts)
    return rows.sample(scattering, 1)[0]
