"""Fourier transforms as a mixer: nothing is learned."""

import flax.linen as nn
import jax.numpy as jnp

from jaxgen.arrays import Array, Float
from jaxgen.attention.cost import Work
from jaxgen.attention.tiles import accumulator
from jaxgen.nn.mixer import Context, real, require_one_sequence


class FourierMixing(nn.Module):
    """FNet: the real part of a Fourier transform over tokens and features.

    Computes ``y = Re F_t F_d x / sqrt(t d)``, where x is zero at padding. Vectors of
    padding do not matter, but how much padding there is does: frequencies are those
    of the padded length t, so rows of one text in batches of other lengths differ.
    FNet has no root below: there a norm follows, which takes it away.

    Raises:
      ValueError: several sequences in a row, all of which it would mix.

    References:
      Lee-Thorp et al., 2022, *FNet: mixing tokens with Fourier transforms*, equation 3.

    Example:
      >>> import jax
      >>> x = jnp.ones((1, 4, 4))
      >>> FourierMixing().apply({}, x, Context())[0, :2].round(3).tolist()
      [[4.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """

    @property
    def exact(self) -> bool:
        """It is its own definition."""
        return True

    @property
    def causal(self) -> bool:
        """Each token depends on all."""
        return False

    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        require_one_sequence("FourierMixing", context)
        kept = jnp.where(real(context, *x.shape[:2])[..., None] > 0, x, 0)
        wide = kept.astype(accumulator(x))
        return jnp.fft.fft2(wide, norm="ortho").real.astype(x.dtype)

    def cost(self, batch: int, length: int, features: int) -> Work:
        """No product of matrices: about ``5 b t d log2(t d)`` operations not counted."""
        return Work()
