"""Priors with parameters, learned with a model or fitted to its codes."""

from typing import Any

import flax.linen as nn
import jax

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.normal import standard_normal_log_prob
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
      >>> import jax.numpy as jnp
      >>> from jaxgen.nn.flows import coupling_flow
      >>> prior, codes = FlowPrior(2, coupling_flow(2)), jnp.zeros((3, 2))
      >>> variables = prior.init(jax.random.key(0), codes, method="log_prob")
      >>> prior.apply(variables, jax.random.key(1), 5, method="sample").shape
      (5, 2)
    """

    size: int
    flow: Any

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
