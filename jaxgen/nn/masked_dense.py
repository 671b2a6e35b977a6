"""Dense layers with connections left out, so that outputs know earlier inputs alone."""

from collections.abc import Callable

import flax.linen as nn
import numpy as np
from jax.nn.initializers import Initializer, lecun_normal, zeros

from jaxgen.arrays import Array, Float


class MaskedDense(nn.Module):
    """A dense layer whose output sees no input of a higher degree.

    Computes ``(W m) x + b`` with ``m_ij = 1`` where ``before_i <= after_j``, else 0.

    Attributes:
      before: degree of each input.
      after: degree of each output.
      kernel_init: how W starts.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "n i"]) -> Float[Array, "n o"]:
        mask = np.array(self.before)[:, None] <= np.array(self.after)
        kernel = self.param("kernel", self.kernel_init, mask.shape)
        bias = self.param("bias", zeros, (len(self.after),))
        return x @ (kernel * mask) + bias[None]


class MADE(nn.Module):
    """A perceptron whose outputs for a dimension see the dimensions before it.

    Hidden units have degrees 1 to z - 1 in turn, and layer by layer see no higher one;
    the outputs of dimension i see those below i. The last layer starts at zero.

    Attributes:
      outputs: for each dimension.
      width: size of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each of them.

    References:
      Germain et al., 2015, *MADE: masked autoencoder for distribution estimation*,
      equations 12 and 13.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> x = jnp.zeros((5, 3))
      >>> MADE(outputs=2).init_with_output(jax.random.key(0), x)[0].shape
      (5, 3, 2)
    """

    outputs: int = 2
    width: int = 64
    depth: int = 2
    activation: Callable[[Array], Array] = nn.relu

    @nn.compact
    def __call__(self, x: Float[Array, "n z"]) -> Float[Array, "n z {self.outputs}"]:
        size = x.shape[1]
        degrees = tuple(range(1, size + 1))
        hidden = tuple(1 + unit % max(size - 1, 1) for unit in range(self.width))
        for _ in range(self.depth):
            x = self.activation(MaskedDense(degrees, hidden)(x))
            degrees = hidden
        last = tuple(
            dimension for dimension in range(size) for _ in range(self.outputs)
        )
        x = MaskedDense(degrees, last, kernel_init=zeros)(x)
        return x.reshape(-1, size, self.outputs)
