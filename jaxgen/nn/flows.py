"""Flows: maps of points that can be undone, with the logarithms of their determinants.

Each has ``forward(x (n, z)) -> (y (n, z), log |dy/dx| (n,))`` and its ``inverse``, of the
same kind. As priors use them, forward leads from codes to noise. All of them start as the
identity, up to the order of dimensions.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import zeros

from jaxgen.arrays import Array, Float
from jaxgen.nn.masked_dense import MADE
from jaxgen.nn.perceptron import Hidden

Mapped = tuple[Float[Array, "n z"], Float[Array, " n"]]
"""Points, and the logarithm of the determinant at each."""


class MaskedAutoregressive(nn.Module):
    """Each dimension moved and scaled by what those before it say.

    Computes ``y_i = (x_i - m_i) exp(-s_i)`` with ``m_i, s_i`` of ``x_1 .. x_(i-1)``, and
    s held within its bound by a hyperbolic tangent. Forward takes one pass, its inverse
    one for each dimension.

    Attributes:
      width: size of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each of them.
      bound: the largest s.

    References:
      Papamakarios et al., 2017, *Masked autoregressive flow for density estimation*,
      equations 3 to 6.

    Example:
      >>> import jax
      >>> layer, x = MaskedAutoregressive(), jnp.ones((4, 3))
      >>> variables = layer.init(jax.random.key(0), x, method="forward")
      >>> y, log_det = layer.apply(variables, x, method="forward")
      >>> y.shape, log_det.shape
      ((4, 3), (4,))
    """

    width: int = 64
    depth: int = 2
    activation: Callable[[Array], Array] = nn.relu
    bound: float = 5.0

    def setup(self):
        self.made = MADE(2, self.width, self.depth, self.activation)

    def forward(self, x: Float[Array, "n z"]) -> Mapped:
        """One pass."""
        shift, log_scale = self._moves(self.made, x)
        return (x - shift) * jnp.exp(-log_scale), -log_scale.sum(1)

    def inverse(self, y: Float[Array, "n z"]) -> Mapped:
        """One pass for each dimension, the first one first."""

        def fill(made, x, dimension):
            shift, log_scale = self._moves(made, x)
            here = jnp.arange(x.shape[1])[None] == dimension
            return jnp.where(here, y * jnp.exp(log_scale) + shift, x), None

        every = nn.scan(fill, variable_broadcast="params", split_rngs={"params": False})
        x, _ = every(self.made, jnp.zeros_like(y), jnp.arange(y.shape[1]))
        return x, self._moves(self.made, x)[1].sum(1)

    def _moves(self, made: Any, x: Array) -> tuple[Array, Array]:
        shift, log_scale = jnp.moveaxis(made(x), -1, 0)
        return shift, bounded(log_scale, self.bound)


class AffineCoupling(nn.Module):
    """Half of the dimensions moved and scaled by what the other half says.

    Computes ``y_b = (x_b - m(x_a)) exp(-s(x_a))`` and ``y_a = x_a``; both ways take one
    pass.

    Attributes:
      flipped: whether it is the first half that is moved, not the second.
      width: size of each hidden layer.
      depth: number of hidden layers.
      activation: applied to each of them.
      bound: the largest s.

    Raises:
      ValueError: points of one dimension.

    References:
      Dinh et al., 2017, *Density estimation using Real NVP*, equations 4 to 8.
    """

    flipped: bool = False
    width: int = 64
    depth: int = 2
    activation: Callable[[Array], Array] = nn.relu
    bound: float = 5.0

    def forward(self, x: Float[Array, "n z"]) -> Mapped:
        """One pass."""
        kept, moved = self._halves(x)
        shift, log_scale = self._moves(kept, moved.shape[1])
        moved = (moved - shift) * jnp.exp(-log_scale)
        return self._joined(kept, moved), -log_scale.sum(1)

    def inverse(self, y: Float[Array, "n z"]) -> Mapped:
        """One pass."""
        kept, moved = self._halves(y)
        shift, log_scale = self._moves(kept, moved.shape[1])
        moved = moved * jnp.exp(log_scale) + shift
        return self._joined(kept, moved), log_scale.sum(1)

    @nn.compact
    def _moves(self, kept: Array, size: int) -> tuple[Array, Array]:
        hidden = Hidden(self.width, self.depth, self.activation)(kept)
        both = nn.Dense(2 * size, kernel_init=zeros)(hidden)
        shift, log_scale = jnp.split(both, 2, axis=1)
        return shift, bounded(log_scale, self.bound)

    def _halves(self, x: Array) -> tuple[Array, Array]:
        if x.shape[1] < 2:
            raise ValueError(
                "AffineCoupling: points of 1 dimension have no two halves; use "
                "MaskedAutoregressive"
            )
        first, second = jnp.split(x, [x.shape[1] // 2], axis=1)
        return (second, first) if self.flipped else (first, second)

    def _joined(self, kept: Array, moved: Array) -> Array:
        halves = (moved, kept) if self.flipped else (kept, moved)
        return jnp.concatenate(halves, axis=1)


class Reversal(nn.Module):
    """The dimensions in reverse order, so that the last ones come first."""

    def forward(self, x: Float[Array, "n z"]) -> Mapped:
        """Reversed."""
        return x[:, ::-1], jnp.zeros(len(x), x.dtype)

    def inverse(self, y: Float[Array, "n z"]) -> Mapped:
        """Reversed once more."""
        return self.forward(y)


class Chain(nn.Module):
    """Flows one after the other.

    Attributes:
      flows: the first one first.
    """

    flows: tuple[Any, ...]

    def forward(self, x: Float[Array, "n z"]) -> Mapped:
        """From the first to the last."""
        total = jnp.zeros(len(x), x.dtype)
        for flow in self.flows:
            x, log_det = flow.forward(x)
            total += log_det
        return x, total

    def inverse(self, y: Float[Array, "n z"]) -> Mapped:
        """From the last to the first."""
        total = jnp.zeros(len(y), y.dtype)
        for flow in reversed(self.flows):
            y, log_det = flow.inverse(y)
            total += log_det
        return y, total


class Inverted(nn.Module):
    """A flow with its two directions exchanged.

    Around `MaskedAutoregressive` it draws in one pass, and scores in one for each
    dimension.

    Attributes:
      flow: whose directions they are.

    References:
      Kingma et al., 2016, *Improved variational inference with inverse autoregressive
      flow*.
    """

    flow: Any

    def forward(self, x: Float[Array, "n z"]) -> Mapped:
        """The flow's inverse."""
        return self.flow.inverse(x)

    def inverse(self, y: Float[Array, "n z"]) -> Mapped:
        """The flow itself."""
        return self.flow.forward(y)


def masked_autoregressive_flow(
    layers: int = 5, width: int = 64, depth: int = 2
) -> Chain:
    """`MaskedAutoregressive` layers with a `Reversal` between two."""
    flows: list[nn.Module] = [MaskedAutoregressive(width, depth)]
    for _ in range(layers - 1):
        flows += [Reversal(), MaskedAutoregressive(width, depth)]
    return Chain(tuple(flows))


def inverse_autoregressive_flow(
    layers: int = 5, width: int = 64, depth: int = 2
) -> Inverted:
    """A masked autoregressive flow, inverted."""
    return Inverted(masked_autoregressive_flow(layers, width, depth))


def coupling_flow(layers: int = 8, width: int = 64, depth: int = 2) -> Chain:
    """`AffineCoupling` layers that move one half and the other in turn."""
    return Chain(
        tuple(AffineCoupling(layer % 2 == 1, width, depth) for layer in range(layers))
    )


def bounded(x: Array, bound: float) -> Array:
    """``bound tanh(x / bound)``: its exponential overflows nowhere."""
    return bound * jnp.tanh(x / bound)
