"""Attention by JAX's own TPU kernel, which visits live blocks alone."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.pallas.ops.tpu import splash_attention as pallas

from jaxgen.arrays import Array
from jaxgen.attention.blocked import cut, joined
from jaxgen.attention.case import Case
from jaxgen.attention.chunked import Chunked
from jaxgen.attention.cost import (
    FORWARD,
    LOGITS,
    OF_KEYS,
    OF_QUERIES,
    OF_VALUES,
    OF_WEIGHTS,
    Cost,
    Shaped,
    Work,
    products,
    sizes_of,
)
from jaxgen.attention.live import Grid
from jaxgen.attention.pattern_mask import (
    PatternMask,
    different_blocks,
    every_query_attends,
)
from jaxgen.attention.recomputed import recomputed
from jaxgen.attention.scores import SoftCap, changes_nothing
from jaxgen.attention.tiles import Attended, heads_first

LANES = 128
"""Blocks are of so many queries and keys, or a multiple."""

LEAST = -1e38
"""Log-sum-exps below are the kernel's word for no key at all."""

MOST_PAIRS = 2**24
"""Of all blocks that are kept; the compiled program holds four bytes for each pair."""


@dataclass(frozen=True)
class Splash:
    """JAX's splash attention, compiled for a TPU.

    The gradient of the output is the kernel's own. It has none of the log-sum-exp: that
    is a second call of the kernel, whose gradient goes tile by tile as in `Chunked`.
    Under ``jit`` a log-sum-exp that nobody asks for costs neither; it is asked for
    where a query may have no key: by segments, by padding, or by the pattern.

    Lengths are filled up to whole blocks. Products are made of scaled queries, rounded
    to the queries' dtype, and sums are in float32. The kernel is for one device: on a
    mesh, call it within ``jax.shard_map(..., check_vma=False)``. How its speed depends
    on the block was not measured.

    Attributes:
      block: queries and keys in a block, a multiple of 128; less for shorter sequences.
      interpret: on any machine, slowly.

    References:
      ``jax.experimental.pallas.ops.tpu.splash_attention``.

    Example:
        >>> from jaxgen.attention.attend import attend
        >>> from jaxgen.attention.expressions import causal
        >>> x = jnp.ones((1, 3, 1, 2))
        >>> how = Splash(interpret=True)
        >>> attend(x, x, x, pattern=causal(), implementation=how).output[0, :, 0, 0]
        Array([1., 1., 1.], dtype=float32)
    """

    block: int = 512
    interpret: bool = False

    def __post_init__(self):
        if self.block < LANES or self.block % LANES:
            raise ValueError(f"a block of {self.block}: expected a multiple of {LANES}")

    def refusal(self, case: Case) -> str:
        """What of a case it does not support; empty where it supports all."""
        if case.offset is None:
            return "an offset that a trace decides"
        if not (type(case.score) is SoftCap or changes_nothing(case.score)):
            return "scores other than SoftCap"
        if case.query.dtype not in (jnp.float32, jnp.bfloat16):
            return f"{case.query.dtype} queries"
        if not unsharded():
            return "arrays on a mesh, outside of jax.shard_map"
        if not case.live(self.grid(case)).any():
            return "a pattern in which no query attends to any key"
        grid, blocks = self.grid(case), different_blocks(self._mask(case))
        if blocks * grid.query_size * grid.key_size > MOST_PAIRS:
            return f"a pattern whose blocks are allowed in {blocks} different parts"
        return ""

    def __call__(self, query: Array, key: Array, value: Array, case: Case) -> Attended:
        """Attention of (b, t, n, h) queries to (b, s, k, h) keys."""
        output = self._run(query, key, value, case, save_residuals=False)
        beside = recomputed(
            self._attended, Chunked(256).backward, query, key, value, case
        )
        if self._all_attend(case):
            return beside._replace(output=output)
        some = jnp.isfinite(beside.log_sum_exp)[..., None]
        return beside._replace(output=jnp.where(some, output, 0))

    def cost(self, query: Shaped, key: Shaped, value: Shaped, case: Case) -> Cost:
        """Every pair of a live block; both kernels of the gradient make logits again."""
        forward, *backward = self.kernels(query, key, value, case).values()
        # the kernel works in the memory of its core
        return Cost(forward, sum(backward, Work()), temporaries=0)

    def kernels(
        self, query: Shaped, key: Shaped, value: Shaped, case: Case
    ) -> dict[str, Work]:
        """The work of a call of each kernel, by how its name begins; forward first."""
        grid, sizes = self.grid(case), sizes_of(query, key, value)
        blocks = int(case.live(grid).sum())
        made = {
            "splash_mha_fwd": FORWARD,
            "splash_mha_dq": (LOGITS, OF_WEIGHTS, OF_QUERIES),
            "splash_mha_dkv": (LOGITS, OF_WEIGHTS, OF_KEYS, OF_VALUES),
        }
        return {
            name: products(sizes, grid.query_size, grid.key_size, *each) * blocks
            for name, each in made.items()
        }

    def grid(self, case: Case) -> Grid:
        """The blocks of a case."""
        queries, keys = case.query.shape[1], case.key.shape[1]

        def size(length: int) -> int:
            return min(self.block, -(-length // LANES) * LANES)

        return Grid(queries, keys, size(queries), size(keys), case.offset or 0)

    def _mask(self, case: Case) -> PatternMask:
        return PatternMask(case.rules.pattern, self.grid(case))

    def _all_attend(self, case: Case) -> bool:
        alone = case.of_query.segment is None and case.of_key.padding is None
        return alone and every_query_attends(self._mask(case))

    def _attended(self, query, key, value, case) -> Attended:
        output, (found,) = self._run(query, key, value, case, save_residuals=True)
        some = found > LEAST
        return Attended(
            jnp.where(some[..., None], output, 0), jnp.where(some, found, -jnp.inf)
        )

    def _run(self, query, key, value, case, save_residuals: bool) -> Any:
        grid, mask = self.grid(case), self._mask(case)
        kernel = pallas.make_splash_mha_single_device(
            pallas.MultiHeadMask([mask] * query.shape[2]),
            block_sizes=block_sizes(grid),
            save_residuals=save_residuals,
            attn_logits_soft_cap=getattr(case.score, "cap", None),
            interpret=self.interpret,
        )
        found = jax.vmap(kernel)(
            heads_first(whole(query * case.rules.scale, grid.query_size)),
            heads_first(whole(key, grid.key_size)),
            heads_first(whole(value, grid.key_size)),
            segment_ids(case, grid),
        )
        return jax.tree.map(lambda x: x[:, : grid.queries], heads_first(found))


def unsharded() -> bool:
    """Whether the compiler may shard nothing: it cannot partition a kernel."""
    mesh = jax.sharding.get_abstract_mesh()
    manual = jax.sharding.AxisType.Manual
    axes = zip(mesh.axis_sizes, mesh.axis_types, strict=True)
    return all(size == 1 or kind == manual for size, kind in axes)


def block_sizes(grid: Grid) -> pallas.BlockSizes:
    """The same blocks forward and backward."""
    query, key = grid.query_size, grid.key_size
    return pallas.BlockSizes(
        block_q=query,
        block_kv=key,
        block_q_dkv=query,
        block_kv_dkv=key,
        block_q_dq=query,
        block_kv_dq=key,
    )


def segment_ids(case: Case, grid: Grid) -> pallas.SegmentIds | None:
    """Segments of each example; keys that are none have one that no query has."""
    query, key = case.of_query.segment, case.of_key.segment
    padding = case.of_key.padding
    if query is None and padding is None:
        return None
    batch = case.query.shape[0]
    query = jnp.zeros((1, grid.queries), jnp.int32) if query is None else query
    key = jnp.zeros((1, grid.keys), jnp.int32) if key is None else key
    if padding is not None:
        key = jnp.where(padding, query.min() - 1, key)
    query = jnp.broadcast_to(query, (batch, grid.queries)).astype(jnp.int32)
    key = jnp.broadcast_to(key, (batch, grid.keys)).astype(jnp.int32)
    return pallas.SegmentIds(whole(query, grid.query_size), whole(key, grid.key_size))


def whole(array: Array, size: int) -> Array:
    """Filled up with zeros to whole blocks: (b, n, ...) to (b, blocks * size, ...)."""
    return joined(cut(array, size))
