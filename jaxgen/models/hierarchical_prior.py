"""A prior of several layers of codes, from the highest down to the lowest."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, glorot_uniform

from jaxgen.arrays import Array, Float, Key
from jaxgen.densities.normal import DiagonalNormal
from jaxgen.keys import named
from jaxgen.models.priors import Encode
from jaxgen.nn.codes import GaussianCode
from jaxgen.nn.perceptron import Hidden


class NormalLayer(nn.Module):
    """A normal density of one layer of codes, given another: a perceptron and two heads.

    Attributes:
      size: dimensions of the layer.
      width: of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each of them.
      kernel_init: how the matrices of hidden layers start.
    """

    size: int
    width: int = 100
    depth: int = 2
    activation: Callable[[Array], Array] = nn.tanh
    kernel_init: Initializer = glorot_uniform()

    @nn.compact
    def __call__(self, codes: Float[Array, "n y"]) -> DiagonalNormal:
        how = self.width, self.depth, self.activation, self.kernel_init
        return GaussianCode(self.size)(Hidden(*how)(codes))


class HierarchicalPrior(nn.Module):
    """``p(z_L) p(z_(L-1)|z_L) .. p(z_1|z_2)`` of codes in one vector, the lowest first.

    Attributes:
      highest: prior of the highest layer.
      downward: of each layer below it given the one above, the lowest first.

    References:
      Burda et al., 2016, *Importance weighted autoencoders*, equation 1.
    """

    highest: Any
    downward: tuple[NormalLayer, ...]

    space = "real"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Dimensions of each layer, the lowest first."""
        return (*(layer.size for layer in self.downward), self.highest.size)

    @property
    def size(self) -> int:
        """Dimensions of all layers together."""
        return sum(self.sizes)

    def expected(self, number: int, above: Float[Array, "n y"]) -> DiagonalNormal:
        """The density of a layer, given the one above."""
        return self.downward[number](above)

    def log_probs(self, codes: Float[Array, "*n z"]) -> Float[Array, "*n l"]:
        """The log-density of each layer given the one above, nats."""
        flat = codes.reshape(-1, self.size)
        layers = parts_of(flat, self.sizes)
        found = [
            self.expected(number, layers[number + 1]).log_prob(layers[number][None])[0]
            for number in range(len(self.downward))
        ]
        found.append(self.highest.log_prob(layers[-1]))
        return jnp.stack(found, -1).reshape(*codes.shape[:-1], -1)

    def log_prob(
        self, codes: Float[Array, "*n z"], encode: Encode | None = None
    ) -> Float[Array, "*n"]:
        """The log-density of codes of all layers, nats."""
        return self.log_probs(codes).sum(-1)

    def sample(
        self, key: Key, count: int, encode: Encode | None = None
    ) -> Float[Array, "{count} z"]:
        """Codes drawn from it, from the highest layer down."""
        layers = [self.highest.sample(named(key, "highest"), count)]
        for number in reversed(range(len(self.downward))):
            density = self.expected(number, layers[0])
            layers = [density.sample(named(key, f"layer_{number}"), 1)[0], *layers]
        return jnp.concatenate(layers, -1)


def parts_of(codes: Float[Array, "*n z"], sizes: tuple[int, ...]) -> list[Array]:
    """The codes of each layer.

    Example:
      >>> [part.shape for part in parts_of(jnp.zeros((2, 5)), (3, 2))]
      [(2, 3), (2, 2)]
    """
    borders = [sum(sizes[:number]) for number in range(1, len(sizes))]
    return jnp.split(codes, borders, axis=-1)
