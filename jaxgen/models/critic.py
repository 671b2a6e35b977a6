"""Critics: from samples to one logit each.

A critic is called ``(samples, *conditions) -> logits``: a trunk makes features of a
sample, and a head makes the logit of them.
"""

from collections.abc import Callable

import flax.linen as nn
from jax.nn.initializers import Initializer, lecun_normal, normal

from jaxgen.arrays import Array, Float
from jaxgen.nn.heads import Linear
from jaxgen.nn.perceptron import Hidden, Maxout


class PerceptronCritic(nn.Module):
    """A perceptron from points to logits.

    Attributes:
      width: size of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each hidden layer.
      kernel_init: how the matrices of the hidden layers start.
      head: from the last hidden layer, and conditions, to logits.
    """

    width: int = 128
    depth: int = 2
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Initializer = lecun_normal()
    head: nn.Module = Linear()

    @nn.compact
    def __call__(
        self, samples: Float[Array, "n d"], *conditions: Array
    ) -> Float[Array, " n"]:
        trunk = Hidden(self.width, self.depth, self.activation, self.kernel_init)
        return self.head(trunk(samples), *conditions)


class MaxoutCritic(nn.Module):
    """The critic of PacGAN's synthetic experiments: maxout layers, then a linear one.

    Attributes:
      units: size of each hidden layer.
      pieces: linear maps for each unit.
      depth: number of hidden layers.
      head: from the last hidden layer, and conditions, to logits.

    References:
      Lin et al., 2018, *PacGAN: the power of two samples in generative adversarial
      networks*, section 4.1 and the authors' code.
    """

    units: int = 200
    pieces: int = 5
    depth: int = 3
    head: nn.Module = Linear(normal(0.02))

    @nn.compact
    def __call__(
        self, samples: Float[Array, "n d"], *conditions: Array
    ) -> Float[Array, " n"]:
        x = samples
        for _ in range(self.depth):
            x = Maxout(self.units, self.pieces, normal(0.02))(x)
        return self.head(x, *conditions)
