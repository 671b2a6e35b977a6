"""Blocks in a stack: one after the other, or scanned; kept or made again."""

from typing import Any

import flax.linen as nn

from jaxgen.arrays import Array, Float
from jaxgen.nn.mixer import Context


class Stack(nn.Module):
    """Blocks one after the other, each with parameters of its own.

    Parameters are ``layer_0``, ``layer_1``, ...; scanned, they are ``layers`` with one
    axis more, the first. One block may be named several times: ``(block,) * 12`` is
    twelve layers alike, not one layer twelve times.

    Attributes:
      blocks: ``(x, context) -> x``, the first one first.
      remat: what a block computes is made again for its gradient: memory of one block
        and of what goes between them, for a third more time.
      scan: one block is compiled, for all: they must be alike.

    Raises:
      ValueError: blocks that differ are to be scanned.

    References:
      Remat: Chen et al., 2016, *Training deep nets with sublinear memory cost*.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from jaxgen.nn.attention import SelfAttention
      >>> from jaxgen.nn.transformer_block import TransformerBlock
      >>> stack = Stack((TransformerBlock(SelfAttention(2)),) * 3, scan=True)
      >>> inputs = jnp.zeros((2, 16, 8)), Context()
      >>> jax.eval_shape(stack.init_with_output, jax.random.key(0), *inputs)[0].shape
      (2, 16, 8)
    """

    blocks: tuple[nn.Module, ...]
    remat: bool = False
    scan: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        through = scanned if self.scan else in_turn
        return through(self.blocks, x, context, self.remat)


def in_turn(
    blocks: tuple[nn.Module, ...], x: Array, context: Context, remat: bool
) -> Array:
    """Through the blocks, each compiled."""
    step = nn.remat(_through) if remat else _through
    for layer, block in enumerate(blocks):
        x = step(block.copy(name=f"layer_{layer}"), x, context)
    return x


def scanned(
    blocks: tuple[nn.Module, ...], x: Array, context: Context, remat: bool
) -> Array:
    """Through the blocks, one compiled for all."""
    require_alike(blocks)
    # a scan keeps what is made again from being made only once
    step = nn.remat(_through, prevent_cse=False) if remat else _through

    def carried(block: nn.Module, x: Array, _: None) -> tuple[Array, None]:
        return step(block, x, context), None

    over = nn.scan(
        carried,
        variable_axes={"params": 0},
        split_rngs={"params": True, "dropout": True},
        length=len(blocks),
    )
    return over(blocks[0].copy(name="layers"), x, None)[0]


def _through(block: Any, x: Array, context: Context) -> Array:
    return block(x, context)


def require_alike(blocks: tuple[nn.Module, ...]) -> None:
    """Raises:
    ValueError: there is no block, or one that differs from the first.
    """
    if not blocks:
        raise ValueError("Stack(scan=True): no block to scan")
    first, *others = (block.copy(parent=None) for block in blocks)
    for layer, other in enumerate(others, 1):
        if other != first:
            raise ValueError(
                f"Stack(scan=True): layer {layer} differs from layer 0, and one block "
                "is compiled for all; leave out scan, or make the blocks alike as "
                "(block,) * depth"
            )
