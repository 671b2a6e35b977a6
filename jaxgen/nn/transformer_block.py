"""The block of a transformer, whatever mixes its tokens."""

from collections.abc import Callable
from dataclasses import field
from typing import Any, Protocol, runtime_checkable

import flax.linen as nn
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Float, PyTree
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.nn.dropout import Dropout
from jaxgen.nn.mixer import Context, Mixer, require_memory


@runtime_checkable
class Tokenwise(Protocol):
    """What is done to each token alone: `FeedForward`, `GatedFeedForward`."""

    def __call__(self, x: Array) -> Array:
        """Vectors (b, t, d) to vectors (b, t, d)."""
        ...

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Work of its products of matrices: forward, in float32."""
        ...


class FeedForward(nn.Module):
    """Two dense layers, of each token alone: ``W_2 drop(a(W_1 x))``.

    Attributes:
      width: of the hidden layer; four times the features unless told.
      activation: a.
      dropout: share of hidden units that a key drops.
      use_bias: whether the layers have a bias.
      kernel_init: how the matrices start.
    """

    width: int | None = None
    activation: Callable[[Array], Array] = nn.gelu
    dropout: float = 0.0
    use_bias: bool = True
    kernel_init: Initializer = lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "b t d"]) -> Float[Array, "b t d"]:
        features = x.shape[-1]
        how = {"use_bias": self.use_bias, "kernel_init": self.kernel_init}
        hidden = nn.Dense(self._width(features), **how)(x)
        hidden = Dropout(self.dropout)(self.activation(hidden))
        return nn.Dense(features, **how)(hidden)

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Work of its two products."""
        sizes = batch * length, features, self._width(features)
        return matrix_product(*sizes) + matrix_product(sizes[0], *sizes[:0:-1])

    def _width(self, features: int) -> int:
        return 4 * features if self.width is None else self.width


class TransformerBlock(nn.Module):
    """A mixer and a perceptron, each beside a straight path.

    Computes ``x <- x + drop(mixer(norm(x)))``, then ``x <- x + drop(mlp(norm(x)))``.

    Attributes:
      mixer: of tokens; see `jaxgen.nn.mixer`.
      mlp: of each token alone.
      norm: makes the two normalizations: ``nn.LayerNorm``, ``nn.RMSNorm``.
      dropout: share of what is added that a key drops.

    References:
      Vaswani et al., 2017, *Attention is all you need*, section 3.1; norms before each
      part: Xiong et al., 2020, *On layer normalization in the transformer
      architecture*.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgen.nn.attention import SelfAttention
      >>> block = TransformerBlock(SelfAttention(4), FeedForward(width=64))
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(block.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
    """

    mixer: Mixer
    # a factory: Linen would share the parameters of one instance among all blocks
    mlp: Tokenwise = field(default_factory=FeedForward)
    norm: Callable[[], nn.Module] = nn.LayerNorm
    dropout: float = 0.0

    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        return self._around(lambda x: (self.mixer(x, context), None), x)[0]

    def continued(
        self, x: Float[Array, "b t d"], context: Context, memory: PyTree
    ) -> tuple[Float[Array, "b t d"], PyTree]:
        """As a call with whole rows, of tokens behind those that a mixer remembers."""
        mixer = require_memory(self.mixer)
        return self._around(lambda x: mixer.continued(x, context, memory), x)

    @nn.compact
    def _around(
        self, mix: Callable[[Array], tuple[Array, PyTree]], x: Array
    ) -> tuple[Array, PyTree]:
        mixed, memory = mix(self.norm()(x))
        x = x + Dropout(self.dropout)(mixed)
        return x + Dropout(self.dropout)(self.mlp(self.norm()(x))), memory

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Work of the mixer and of the perceptron."""
        sizes = batch, length, features
        return self.mixer.cost(*sizes) + self.mlp.cost(*sizes)


def require_causal(model: str, blocks: tuple[Any, ...]) -> None:
    """Raises:
    ValueError: a mixer of the blocks is not causal.
    """
    for layer, block in enumerate(blocks):
        if not block.mixer.causal:
            raise ValueError(
                f"{model}: {type(block.mixer).__name__} of layer {layer} is not causal "
                "and would see the token that it is to tell; give it a causal pattern, "
                "causal=True, or take another mixer"
            )
