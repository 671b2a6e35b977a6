"""Codes of which there are finitely many."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Array, Float, Int, Key


class Quantized(NamedTuple):
    """All mass at one of finitely many places for each example.

    Its rate is ``-log p(z)``, what it costs to name that place under the prior: a constant
    where all places are as likely.

    Attributes:
      mean: the place, with the slope of where the encoder pointed: straight through.
      encoded: where the encoder pointed.
      chosen: the place, with a slope of its own if it is learned.
      index: which of the places it is, for each group of dimensions.

    References:
      van den Oord et al., 2017, *Neural discrete representation learning*, section 3.1.
    """

    mean: Float[Array, "n z"]
    encoded: Float[Array, "n z"]
    chosen: Float[Array, "n z"]
    index: Int[Array, "n g"]

    def sample(self, key: Key, count: int) -> Float[Array, "k n z"]:
        """The same places, as often as asked for."""
        return jnp.broadcast_to(self.mean[None], (count, *self.mean.shape))

    def log_ratio(
        self, codes: Float[Array, "k n z"], log_prior: Float[Array, "k n"]
    ) -> Float[Array, "k n"]:
        """``-log p(z)``: the probability of a place, given the example, is one."""
        return -log_prior


def straight_through(
    encoded: Float[Array, "*n"], chosen: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """The chosen values, with the slope of the encoded ones.

    References:
      Bengio et al., 2013, *Estimating or propagating gradients through stochastic neurons
      for conditional computation*, section 4.
    """
    return encoded + lax.stop_gradient(chosen - encoded)
