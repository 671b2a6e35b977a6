"""Blocks in a stack: one after the other, or scanned; kept or made again."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgen.arrays import Array, Float, PyTree
from jaxgen.nn.mixer import Context

Step = Callable[[Any, Array, PyTree], tuple[Array, PyTree]]
"""``(block, x, what belongs to the block) -> (x, likewise)``."""


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

    def __call__(
        self, x: Float[Array, "b t d"], context: Context
    ) -> Float[Array, "b t d"]:
        def step(block: Any, x: Array, _: None) -> tuple[Array, None]:
            return block(x, context), None

        return self._through(step, x, None)[0]

    def continued(
        self, x: Float[Array, "b t d"], context: Context, memory: PyTree
    ) -> tuple[Float[Array, "b t d"], PyTree]:
        """Through the blocks' ``continued``, each with what it remembers."""

        def step(block: Any, x: Array, memory: PyTree) -> tuple[Array, PyTree]:
            return block.continued(x, context, memory)

        return self._through(step, x, memory)

    def stacked(self, of_blocks: Sequence[PyTree]) -> PyTree:
        """What belongs to each block, as `continued` takes it."""
        if not self.scan:
            return tuple(of_blocks)
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *of_blocks)

    @nn.compact
    def _through(self, step: Step, x: Array, memory: PyTree) -> tuple[Array, PyTree]:
        through = scanned if self.scan else in_turn
        return through(self.blocks, step, x, memory, self.remat)


def in_turn(
    blocks: tuple[nn.Module, ...], step: Step, x: Array, memory: PyTree, remat: bool
) -> tuple[Array, PyTree]:
    """Through the blocks, each compiled."""
    step = nn.remat(step) if remat else step  # pyright: ignore
    kept = []
    for layer, block in enumerate(blocks):
        own = None if memory is None else memory[layer]
        x, own = step(block.copy(name=f"layer_{layer}"), x, own)
        kept.append(own)
    return x, tuple(kept)


def scanned(
    blocks: tuple[nn.Module, ...], step: Step, x: Array, memory: PyTree, remat: bool
) -> tuple[Array, PyTree]:
    """Through the blocks, one compiled for all."""
    require_alike(blocks)
    # a scan keeps what is made again from being made only once
    step = nn.remat(step, prevent_cse=False) if remat else step  # pyright: ignore
    over = nn.scan(
        step,
        variable_axes={"params": 0},
        split_rngs={"params": True, "dropout": True},
        length=len(blocks),
    )
    return over(blocks[0].copy(name="layers"), x, memory)


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
