"""The block of a transformer, whatever mixes its tokens; and blocks in a stack."""

from collections.abc import Callable
from dataclasses import field

import flax.linen as nn
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Float
from jaxgen.nn.dropout import Dropout
from jaxgen.nn.mixer import Context, Mixer


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
        width = 4 * features if self.width is None else self.width
        hidden = nn.Dense(width, **how)(x)
        hidden = Dropout(self.dropout)(self.activation(hidden))
        return nn.Dense(features, **how)(hidden)


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
    mlp: nn.Module = field(default_factory=FeedForward)
    norm: Callable[[], nn.Module] = nn.LayerNorm
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        x = x + Dropout(self.dropout)(self.mixer(self.norm()(x), context))
        return x + Dropout(self.dropout)(self.mlp(self.norm()(x)))
