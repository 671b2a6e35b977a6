"""Nyström attention as a mixer: projections around attention through landmarks."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer, lecun_normal

from jaxgen.arrays import Array, Float
from jaxgen.attention.attend import Implementation
from jaxgen.attention.cost import Work, matrix_product
from jaxgen.attention.features import require_count
from jaxgen.attention.nystrom import (
    attended_through_landmarks,
    cost_through_landmarks,
)
from jaxgen.attention.tiles import accumulator
from jaxgen.nn.gated_convolution import convolved_within, sequences
from jaxgen.nn.mixer import Context, require_one_sequence
from jaxgen.nn.projections import from_heads, require_heads, to_heads


class NystromAttention(nn.Module):
    """Nyströmformer: an estimate of softmax attention from landmarks, in linear time.

    With heads of ``h = d / heads`` features, and q~ and k~ means of slots of a row::

        q, k, v = W_q x, W_k x, W_v x
        y = W_o (softmax(q k~^T) softmax(q~ k~^T)^+ softmax(q~ k^T) v + c * v)

    where products are scaled by ``1 / sqrt(h)``; see `attended_through_landmarks`. It
    estimates `SelfAttention` of the same parameters, and is close to it in a row of no
    more tokens than landmarks. Unlike in the published code, no landmark holds padding,
    and no row depends on the others of its batch.

    Attributes:
      heads: n.
      landmarks: slots of a row, whatever its length.
      iterations: of the pseudo-inverse; see `pseudo_inverse`.
      convolution: tokens under the kernel c, (tokens, n), that each head convolves its
        values with, 33 in the published models; None for no such term.
      use_bias: whether the four projections have a bias.
      kernel_init: how the projections start, and c.
      implementation: how attention is computed; see `attend`.

    Raises:
      ValueError: heads that do not divide the features, landmarks or iterations below 1,
        a convolution that has no middle; several sequences in a row, all of which it
        would mix; and as `attend`.

    References:
      Xiong et al., 2021, *Nyströmformer: a Nyström-based algorithm for approximating
      self-attention*, equation 13 and figure 2.

    Example:
      >>> mixer = NystromAttention(4, landmarks=8, convolution=3)
      >>> inputs = jnp.zeros((2, 16, 32)), Context()
      >>> jax.eval_shape(mixer.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 32)
    """

    heads: int
    landmarks: int = 64
    iterations: int = 6
    convolution: int | None = None
    use_bias: bool = False
    kernel_init: Initializer = lecun_normal()
    implementation: Implementation | None = None

    @property
    def exact(self) -> bool:
        """It is an estimate of attention to all tokens."""
        return False

    @property
    def causal(self) -> bool:
        """Each landmark may hold later tokens."""
        return False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        require_one_sequence("NystromAttention", context)
        self._require_sizes(x.shape[-1])
        query, key, value = (
            to_heads(self, x, name) for name in ("query", "key", "value")
        )
        found = attended_through_landmarks(
            query,
            key,
            value,
            self.landmarks,
            self.iterations,
            context.padding,
            self.implementation,
        )
        if self.convolution is not None:
            found += self._convolved(value, context).reshape(found.shape)
        return from_heads(self, found)

    def cost(self, batch: int, length: int, features: int) -> Work:
        """Projections and attention; means and convolution, linear, not counted."""
        self._require_sizes(features)
        size = batch, length, self.heads, features // self.heads
        of = jax.ShapeDtypeStruct(size, jnp.float32)
        how = self.landmarks, self.iterations, self.implementation
        projections = matrix_product(batch * length, features, features) * 4
        return projections + cost_through_landmarks(of, of, *how)

    def _convolved(self, value: Float[Array, "b t n h"], context: Context) -> Array:
        batch, length, heads, size = value.shape
        kernel = self.param("convolution", self.kernel_init, (self.convolution, heads))
        found = convolved_within(
            value.reshape(batch, length, -1).astype(accumulator(value)),
            jnp.repeat(kernel, size, axis=1),
            -(len(kernel) // 2),
            sequences(context, batch, length),
        )
        return found.astype(value.dtype)

    def _require_sizes(self, features: int) -> None:
        require_heads(self, features)
        require_count("NystromAttention", "landmarks", self.landmarks)
        require_count("NystromAttention", "iterations", self.iterations)
        width = self.convolution
        if width is not None and (width < 1 or not width % 2):
            raise ValueError(
                f"NystromAttention(convolution={width}): expected an odd number, to have "
                "a middle, or None"
            )
