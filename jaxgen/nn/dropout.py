"""Dropout, by a key."""

import flax.linen as nn

from jaxgen.arrays import Array, Float


class Dropout(nn.Module):
    """Zeros at random, the rest scaled up: where a key is given, and only there.

    Computes ``x m / (1 - rate)``, with each ``m`` zero at the rate, else one. The key
    is the stream ``"dropout"``: ``apply(variables, x, rngs={"dropout": key})``; without
    it x is left as it is.

    Attributes:
      rate: share of zeros, 0 to 1.

    Raises:
      ValueError: another rate.

    References:
      Srivastava et al., 2014, *Dropout: a simple way to prevent neural networks from
      overfitting*.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> x, layer = jnp.ones(4), Dropout(0.5)
      >>> layer.apply({}, x).tolist()
      [1.0, 1.0, 1.0, 1.0]
      >>> key = jax.random.key(0)
      >>> set(layer.apply({}, x, rngs={"dropout": key}).tolist()) <= {0.0, 2.0}
      True
    """

    rate: float

    @nn.compact
    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"Dropout(rate={self.rate}): expected a share, 0 to 1")
        return nn.Dropout(self.rate, deterministic=not self.has_rng("dropout"))(x)
