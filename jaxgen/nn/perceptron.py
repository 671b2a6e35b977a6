"""Stacks of dense layers."""

from collections.abc import Callable

import flax.linen as nn
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Float


class Hidden(nn.Module):
    """Dense layers, each followed by an activation.

    Computes ``h <- activation(W h + b)`` for each layer.

    Attributes:
      width: size of each layer, and of the output.
      depth: number of layers.
      activation: applied to each layer.
      kernel_init: how the matrices start.
    """

    width: int = 128
    depth: int = 2
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, "n h"]:
        for _ in range(self.depth):
            x = nn.Dense(self.width, kernel_init=self.kernel_init)(x)
            x = self.activation(x)
        return x


class Perceptron(nn.Module):
    """Dense layers with an activation between them.

    Computes ``h <- activation(W h + b)`` for each hidden layer, then ``W h + b``.

    Attributes:
      features: size of the output.
      width: size of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each hidden layer.
      kernel_init: how the matrices start.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> net = Perceptron(features=2, width=8)
      >>> net.init_with_output(jax.random.key(0), jnp.zeros((5, 3)))[0].shape
      (5, 2)
    """

    features: int
    width: int = 128
    depth: int = 2
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, "n {self.features}"]:
        hidden = Hidden(self.width, self.depth, self.activation, self.kernel_init)
        return nn.Dense(self.features, kernel_init=self.kernel_init)(hidden(x))


class Maxout(nn.Module):
    """The largest of several linear maps, unit by unit.

    Computes ``max_p (W_p x + b_p)``.

    Attributes:
      units: size of the output.
      pieces: linear maps for each unit.
      kernel_init: how the matrices start.

    References:
      Goodfellow et al., 2013, *Maxout networks*, equation 1.
    """

    units: int
    pieces: int
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, "n {self.units}"]:
        pieces = nn.Dense(self.units * self.pieces, kernel_init=self.kernel_init)(x)
        return pieces.reshape(-1, self.units, self.pieces).max(-1)
