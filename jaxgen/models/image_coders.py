"""Trunks of autoencoders of images: from pixels to features, and from codes to pixels."""

from collections.abc import Callable
from math import prod

import flax.linen as nn
from jax.nn.initializers import Initializer, glorot_uniform, zeros

from jaxgen.arrays import Array, Float
from jaxgen.nn.perceptron import Hidden


class PerceptronEncoder(nn.Module):
    """A perceptron of all pixels; its last hidden layer is the features.

    Attributes:
      width: size of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each of them.
      kernel_init: how the matrices start.
    """

    width: int = 200
    depth: int = 2
    activation: Callable[[Array], Array] = nn.tanh
    kernel_init: Initializer = glorot_uniform()

    @nn.compact
    def __call__(self, images: Float[Array, "n h w c"]) -> Float[Array, "n f"]:
        pixels = images.reshape(len(images), -1)
        return Hidden(self.width, self.depth, self.activation, self.kernel_init)(pixels)


class PerceptronDecoder(nn.Module):
    """A perceptron from codes to the outputs of all pixels.

    Attributes:
      shape: height, width and outputs of a pixel, as many as the likelihood needs.
      width: size of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each of them.
      kernel_init: how the matrices start.
      bias_init: how the bias of the outputs starts, ``(key, shape (h w p,), dtype)``.
    """

    shape: tuple[int, int, int]
    width: int = 200
    depth: int = 2
    activation: Callable[[Array], Array] = nn.tanh
    kernel_init: Initializer = glorot_uniform()
    bias_init: Initializer = zeros

    @nn.compact
    def __call__(self, codes: Float[Array, "m z"]) -> Float[Array, "m h w p"]:
        hidden = Hidden(self.width, self.depth, self.activation, self.kernel_init)
        outputs = nn.Dense(
            prod(self.shape), kernel_init=self.kernel_init, bias_init=self.bias_init
        )
        return outputs(hidden(codes)).reshape(-1, *self.shape)
