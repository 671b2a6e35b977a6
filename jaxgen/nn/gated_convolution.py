"""A gated depthwise convolution as a mixer: a control that attends to nothing."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal
from jax.typing import DTypeLike

from jaxgen.arrays import Array, Float
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.nn.mixer import Context, sequences


class GatedConvolution(nn.Module):
    """Each feature convolved over a few tokens, beside a gate.

    Computes ``y_i = W_o (sigmoid(W_g x_i) * sum_u k_u * (W_v x)_(i + u))``, where u goes
    over the width: from ``1 - width`` to 0 where causal, else from the middle to both
    sides. Tokens of padding and of other segments count as zeros.

    Attributes:
      width: tokens under the kernel.
      causal: whether they end at the token; else it is in their middle.
      use_bias: whether the three projections have a bias.
      kernel_init: how the projections start, and the kernel, (width, d).

    Raises:
      ValueError: no width, or an even one without a middle.

    References:
      Dauphin et al., 2017, *Language modeling with gated convolutional networks*,
      equation 1; depthwise: Wu et al., 2019, *Pay less attention with lightweight and
      dynamic convolutions*, section 2.

    Example:
      >>> mixer = GatedConvolution(width=3)
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
    """

    width: int = 7
    causal: bool = False
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()

    @property
    def exact(self) -> bool:
        """It is its own definition."""
        return True

    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        def within(value, kernel):
            sequence = sequences(context, *x.shape[:2])
            return convolved_within(value, kernel, self._first(), sequence), None

        return self._gated(within, x)[0]

    def memory(
        self, batch: int, capacity: int, features: int, dtype: DTypeLike
    ) -> Float[Array, "b w d"]:
        """Zeros for the values of the last tokens, one fewer than the kernel is wide."""
        return jnp.zeros((batch, self.width - 1, features), dtype)

    def continued(
        self, x: Float[Array, "b t d"], context: Context, memory: Float[Array, "b w d"]
    ) -> tuple[Float[Array, "b t d"], Float[Array, "b w d"]]:
        """Convolved with the values of the last tokens before them."""

        def behind(value, kernel):
            return convolved_behind(memory, value, kernel)

        return self._gated(behind, x)

    @nn.compact
    def _gated(self, convolved: Callable, x: Array) -> tuple[Array, Any]:
        features = x.shape[-1]
        how = {"use_bias": self.use_bias, "kernel_init": self.kernel_init}
        gate = jax.nn.sigmoid(nn.Dense(features, **how, name="gate")(x))
        value = nn.Dense(features, **how, name="value")(x)
        self._first()
        kernel = self.param("kernel", self.kernel_init, (self.width, features))
        found, kept = convolved(value, kernel)
        return nn.Dense(features, **how, name="out")(gate * found), kept

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Three projections; ``2 b t d width`` operations of the kernel not counted."""
        self._first()
        return matrix_product(batch * length, features, features) * 3

    def _first(self) -> int:
        """Where the kernel starts, from the token."""
        if self.width < 1 or not (self.causal or self.width % 2):
            expected = "1 or more" if self.causal else "an odd number, to have a middle"
            raise ValueError(
                f"GatedConvolution(width={self.width}, causal={self.causal}): expected "
                f"{expected}"
            )
        return 1 - self.width if self.causal else -(self.width // 2)


def convolved_within(
    x: Float[Array, "b t d"], kernel: Float[Array, "w d"], first: int, sequence: Array
) -> Float[Array, "b t d"]:
    """``y_i = sum_u kernel_u x_(i + first + u)`` over tokens of the sequence of i.

    Example:
      >>> x, kernel = jnp.ones((1, 4, 1)), jnp.ones((3, 1))
      >>> convolved_within(x, kernel, -1, jnp.array([[1, 1, 1, 2]]))[0, :, 0].tolist()
      [2.0, 3.0, 2.0, 1.0]
    """
    total = jnp.zeros_like(x)
    for offset, weights in enumerate(kernel, first):
        own = shifted(sequence, offset) == sequence
        # weights[None, None] is as much, but on a CPU the slope of one row takes 8 times
        # as long: its sum would be over the middle axis
        weights = jnp.broadcast_to(weights, x.shape)
        total += jnp.where(own[..., None], shifted(x, offset), 0) * weights
    return total


def convolved_behind(
    before: Float[Array, "b w d"], x: Float[Array, "b t d"], kernel: Float[Array, "v d"]
) -> tuple[Float[Array, "b t d"], Float[Array, "b w d"]]:
    """``y_i = sum_u kernel_u x_(i + 1 - v + u)`` behind other tokens, and the last ones.

    Example:
      >>> x, kernel = jnp.ones((1, 2, 1)), jnp.ones((3, 1))
      >>> y, last = convolved_behind(jnp.array([[[5.0], [7.0]]]), x, kernel)
      >>> y[0, :, 0].tolist(), last[0, :, 0].tolist()
      ([13.0, 9.0], [1.0, 1.0])
    """
    row = jnp.concatenate([before.astype(x.dtype), x], axis=1)
    one_sequence = jnp.ones(row.shape[:2], jnp.int32)
    found = convolved_within(row, kernel, 1 - len(kernel), one_sequence)
    return found[:, before.shape[1] :], row[:, x.shape[1] :].astype(before.dtype)


def shifted(x: Array, offset: int) -> Array:
    """Each token replaced by the one so many places later; zeros beyond the ends.

    Example:
      >>> [shifted(jnp.array([[1, 2, 3]]), offset).tolist() for offset in (-1, 5)]
      [[[0, 1, 2]], [[0, 0, 0]]]
    """
    length = x.shape[1]
    far = min(abs(offset), length)
    ends = (far, 0) if offset < 0 else (0, far)
    kept = x[:, : length - far] if offset < 0 else x[:, far:]
    return jnp.pad(kept, ((0, 0), ends, *((0, 0) for _ in x.shape[2:])))
