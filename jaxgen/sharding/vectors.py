"""Where the vectors of a model lie, told from outside of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import flax.linen as nn
import jax
from jax.sharding import PartitionSpec as P

from jaxgen.arrays import Array
from jaxgen.nn.transformer_block import TransformerBlock
from jaxgen.sharding.mesh import BATCH_AXES, spread


def spread_vectors() -> AbstractContextManager:
    """While it holds, what embeddings and blocks return is laid as batches are.

    Vectors of the tokens of a row go over the axis ``sequence``, where the mesh has it and
    it divides them.

    Without it the compiler may carry on the layout of a matrix: where the embeddings'
    features lie over ``fsdp``, so do those of all vectors, and every product is summed
    over ``fsdp``, where the matrices alone should have been gathered. No model knows of
    it; under a program without a mesh it does nothing.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> with spread_vectors():
      ...     nn.Embed(3, 2).init(jax.random.key(0), jnp.zeros(1, int))["params"].keys()
      dict_keys(['embedding'])
    """
    return nn.intercept_methods(laid)


def laid(
    method: Callable, args: tuple, kwargs: dict, context: nn.module.InterceptorContext
):
    """What a method returns; that of a call of an embedding or of a block is spread."""
    found = method(*args, **kwargs)
    kinds = nn.Embed, TransformerBlock
    vectors = isinstance(context.module, kinds) and context.method_name == "__call__"
    return spread_tokens(found) if vectors else found


def spread_tokens(vectors: Array) -> Array:
    """Vectors of tokens, laid over the axes of batches and over ``sequence``."""
    mesh = jax.sharding.get_abstract_mesh()
    size = mesh.shape.get("sequence", 1)
    if size == 1 or vectors.ndim < 3 or vectors.shape[1] % size:
        return spread(vectors)
    examples = tuple(name for name in BATCH_AXES if name in mesh.axis_names)
    return jax.lax.with_sharding_constraint(vectors, P(examples or None, "sequence"))
