"""Priors: which codes are likely before any example was seen.

A prior has ``log_prob(codes, encode)`` and ``sample(key, count, encode)``, where
``encode`` maps examples to posteriors, for those that are made of some.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.normal import standard_normal_log_prob

Encode = Callable[..., Any]
"""``examples -> posterior``, the encoder of the model that the prior is part of."""


class StandardNormal(nn.Module):
    """``N(0, I)``.

    Attributes:
      size: dimensions of the latent space.

    Example:
      >>> prior = StandardNormal(2)
      >>> prior.apply({}, jax.random.key(0), 3, None, method="sample").shape
      (3, 2)
    """

    size: int

    def log_prob(
        self, codes: Float[Array, "*n z"], encode: Encode | None = None
    ) -> Float[Array, "*n"]:
        """The log-density of codes, nats."""
        return standard_normal_log_prob(codes)

    def sample(
        self, key: Key, count: int, encode: Encode | None = None
    ) -> Float[Array, "{count} z"]:
        """Codes drawn from it."""
        return jax.random.normal(key, (count, self.size))
