"""Critics: from samples to one logit each, and what wraps a critic."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal, normal

from jaxgen.arrays import Array, Float
from jaxgen.nn.perceptron import Maxout, Perceptron


class PerceptronCritic(nn.Module):
    """A perceptron from points to logits.

    Attributes:
      width: size of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each hidden layer.
      kernel_init: how the matrices start.
    """

    width: int = 128
    depth: int = 2
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(self, samples: Float[Array, "n d"]) -> Float[Array, " n"]:
        net = Perceptron(1, self.width, self.depth, self.activation, self.kernel_init)
        return net(samples)[:, 0]


class MaxoutCritic(nn.Module):
    """The critic of PacGAN's synthetic experiments: maxout layers, then a linear one.

    Attributes:
      units: size of each hidden layer.
      pieces: linear maps for each unit.
      depth: number of hidden layers.

    References:
      Lin et al., 2018, *PacGAN: the power of two samples in generative adversarial
      networks*, section 4.1 and the authors' code.
    """

    units: int = 200
    pieces: int = 5
    depth: int = 3

    @nn.compact
    def __call__(self, samples: Float[Array, "n d"]) -> Float[Array, " n"]:
        x = samples
        for _ in range(self.depth):
            x = Maxout(self.units, self.pieces, normal(0.02))(x)
        return nn.Dense(1, kernel_init=normal(0.02))(x)[:, 0]


class Packed(nn.Module):
    """A critic that judges several samples together.

    Computes ``D(x_1, ..., x_m)`` for each ``m`` neighbours of the batch, joined along
    their last axis: n samples give n/m logits. A generator that repeats itself is
    easily told from data that do not.

    Attributes:
      critic: the critic of packs.
      size: samples in a pack, m.

    References:
      Lin et al., 2018, *PacGAN: the power of two samples in generative adversarial
      networks*, section 3.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> critic = Packed(PerceptronCritic(width=8), size=2)
      >>> critic.init_with_output(jax.random.key(0), jnp.zeros((6, 2)))[0].shape
      (3,)
    """

    critic: nn.Module
    size: int

    def __call__(self, samples: Float[Array, "n *d"]) -> Float[Array, " packs"]:
        count, *middle, last = samples.shape
        if self.size < 1 or count % self.size:
            raise ValueError(
                f"Packed(size={self.size}): a batch of {count} samples does not divide "
                f"into packs of {self.size}; make the batch a multiple of it"
            )
        packs = samples.reshape(count // self.size, self.size, *middle, last)
        joined = jnp.moveaxis(packs, 1, -2)
        return self.critic(joined.reshape(-1, *middle, self.size * last))
