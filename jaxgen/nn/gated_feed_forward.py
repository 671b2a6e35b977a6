"""The perceptron of a block with a gate: SwiGLU and its kin."""

from collections.abc import Callable

import flax.linen as nn
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Float
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.nn.dropout import Dropout


class GatedFeedForward(nn.Module):
    """Three dense layers, of each token alone: ``W_o drop(a(W_g x) * W_v x)``.

    Attributes:
      width: of the hidden layer; unless told, two thirds of four times the features, up
        to a multiple of 8: as many parameters as `FeedForward` has.
      activation: a; ``nn.silu`` makes it SwiGLU, ``nn.gelu`` GEGLU.
      dropout: share of hidden units that a key drops.
      use_bias: whether the layers have a bias.
      kernel_init: how the matrices start.

    References:
      Shazeer, 2020, *GLU variants improve transformer*, equation 6.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> inputs = jax.random.key(0), jnp.zeros((2, 16, 32))
      >>> params = jax.eval_shape(GatedFeedForward().init, *inputs)["params"]
      >>> params["gate"]["kernel"].shape
      (32, 88)
    """

    width: int | None = None
    activation: Callable[[Array], Array] = nn.silu
    dropout: float = 0.0
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "b t d"]) -> Float[Array, "b t d"]:
        features = x.shape[-1]
        how = {"use_bias": self.use_bias, "kernel_init": self.kernel_init}
        gate = nn.Dense(self._width(features), **how, name="gate")(x)
        value = nn.Dense(self._width(features), **how, name="value")(x)
        hidden = Dropout(self.dropout)(self.activation(gate) * value)
        return nn.Dense(features, **how, name="out")(hidden)

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Work of its three products."""
        sizes = batch * length, features, self._width(features)
        return matrix_product(*sizes) * 2 + matrix_product(sizes[0], *sizes[:0:-1])

    def _width(self, features: int) -> int:
        alike = -(-8 * features // 3 // 8) * 8
        return alike if self.width is None else self.width
