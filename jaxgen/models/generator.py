"""Generators: from latents to samples.

Every generator is called ``(latents, train) -> samples``. ``train`` matters to those
with batch normalization alone: statistics of the batch, or of the population. Those
that are ``Conditioned`` are called ``(latents, train, labels)``.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal, normal

from jaxgen.arrays import Array, Float, Int
from jaxgen.nn.perceptron import Perceptron


class PerceptronGenerator(nn.Module):
    """A perceptron from latents to points.

    Attributes:
      features: size of a sample.
      width: size of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each hidden layer.
      kernel_init: how the matrices start.
    """

    features: int = 2
    width: int = 128
    depth: int = 2
    activation: Callable[[Array], Array] = nn.relu
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(
        self, latents: Float[Array, "n z"], train: bool
    ) -> Float[Array, "n {self.features}"]:
        return Perceptron(
            self.features, self.width, self.depth, self.activation, self.kernel_init
        )(latents)


class BatchNormGenerator(nn.Module):
    """The generator of PacGAN's synthetic experiments.

    Hidden layers without bias, batch normalization, ReLU; a last layer with bias. The
    population's statistics are moving averages, 0.95 old and 0.05 new.

    Attributes:
      features: size of a sample.
      width: size of each hidden layer.
      depth: number of hidden layers.

    References:
      Lin et al., 2018, *PacGAN: the power of two samples in generative adversarial
      networks*, section 4.1 and the authors' code.
    """

    features: int = 2
    width: int = 400
    depth: int = 4

    @nn.compact
    def __call__(
        self, latents: Float[Array, "n z"], train: bool
    ) -> Float[Array, "n {self.features}"]:
        x = latents
        for _ in range(self.depth):
            x = nn.Dense(self.width, use_bias=False, kernel_init=normal(0.02))(x)
            x = nn.BatchNorm(use_running_average=not train, momentum=0.95)(x)
            x = nn.relu(x)
        return nn.Dense(self.features, kernel_init=normal(0.02))(x)


class Conditioned(nn.Module):
    """A generator of samples of given classes.

    Computes ``G([z, e_y])``: latents joined by a learned vector for each class.

    Attributes:
      generator: of the joined latents; any of this floor.
      classes: how many there are.
      size: of a class's vector.

    References:
      Mirza and Osindero, 2014, *Conditional generative adversarial nets*, section 3.2.

    Example:
      >>> import jax
      >>> digits = Conditioned(PerceptronGenerator(width=8), classes=10)
      >>> inputs = jnp.zeros((4, 3)), False, jnp.arange(4)
      >>> digits.init_with_output(jax.random.key(0), *inputs)[0].shape
      (4, 2)
    """

    generator: nn.Module
    classes: int
    size: int = 16

    @nn.compact
    def __call__(
        self, latents: Float[Array, "n z"], train: bool, labels: Int[Array, " n"]
    ) -> Float[Array, "n *d"]:
        vectors = nn.Embed(self.classes, self.size, name="classes")(labels)
        return self.generator(jnp.concatenate([latents, vectors], axis=1), train)
