"""Two mixers, one of which reads rows from their end."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float
from jaxgen.attention.cost import Work
from jaxgen.nn.mixer import Context, Mixer, positions_of


class Bidirectional(nn.Module):
    """A causal mixer forth and another back: each token hears of both sides.

    Computes ``y = forth(x) + reverse(back(reverse(x)))``, with parameters of their own.

    Attributes:
      mixer: both of them.

    References:
      Schuster and Paliwal, 1997, *Bidirectional recurrent neural networks*.

    Example:
      >>> from jaxgen.nn.diagonal_state_space import DiagonalStateSpace
      >>> mixer = Bidirectional(DiagonalStateSpace())
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
      >>> mixer.causal
      False
    """

    mixer: Mixer

    @property
    def exact(self) -> bool:
        """As the mixer."""
        return self.mixer.exact

    @property
    def causal(self) -> bool:
        """One of the two hears of later tokens."""
        return False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        told = context._replace(positions=positions_of(context, x.shape[1]))
        forth, back = (self.mixer.copy(name=name) for name in ("forth", "back"))  # pyright: ignore
        return forth(x, told) + reverse(back(reverse(x), reverse(told)))

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Of both."""
        return self.mixer.cost(batch, length, features) * 2


def reverse(rows):
    """Arrays (b, t, ...) from the end of their rows.

    Example:
      >>> reverse(Context(positions=jnp.array([[0, 1, 2]]))).positions.tolist()
      [[2, 1, 0]]
    """
    return jax.tree.map(lambda x: jnp.flip(x, 1), rows)
