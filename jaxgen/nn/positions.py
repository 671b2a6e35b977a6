"""Learned vectors of positions."""

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import Initializer, normal

from jaxgen.arrays import Array, Float


class LearnedPositions(nn.Module):
    """A learned vector for each position; called as `sinusoidal` is.

    Attributes:
      maximum: how many positions, and the longest row.
      table_init: how the vectors start.

    Raises:
      ValueError: a row is longer than that.

    References:
      Devlin et al., 2019, *BERT: pre-training of deep bidirectional transformers*,
      section 3.

    Example:
      >>> import jax
      >>> table, index = LearnedPositions(16), jnp.arange(4)[None]
      >>> table.init_with_output(jax.random.key(0), index, 8)[0].shape
      (1, 4, 8)
    """

    maximum: int
    table_init: Initializer = normal(1.0)

    @nn.compact
    def __call__(self, positions: Array, features: int) -> Float[Array, "b t d"]:
        length = positions.shape[1]
        if length > self.maximum:
            raise ValueError(
                f"LearnedPositions(maximum={self.maximum}): a row of {length} tokens, "
                "a CLS token among them; make maximum larger or rows shorter"
            )
        table = self.param("table", self.table_init, (self.maximum, features))
        return jnp.take(table, positions, axis=0)
