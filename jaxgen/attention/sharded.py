"""Attention by a kernel that knows one device, on a mesh that spreads what it sees."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import jax
from jax.sharding import AbstractMesh, AxisType
from jax.sharding import PartitionSpec as P

from jaxgen.arrays import Array
from jaxgen.attention.case import Case
from jaxgen.attention.cost import Cost, Shaped
from jaxgen.attention.splash import Splash
from jaxgen.attention.tiles import Attended, Side


@dataclass(frozen=True)
class Sharded:
    """Each device computes the attention of its own examples and heads, and sends nothing.

    The mesh is that of `jax.set_mesh`. An axis that neither examples nor heads go over
    must be of one device: over a sequence `jaxgen.attention.ring.Ring` goes.

    Attributes:
      inside: how a device computes its share.
      examples: axes of the mesh over which examples lie, those that it has.
      heads: the axis over which heads lie, where the mesh has it.

    Example:
        >>> Sharded().heads
        'tensor'
    """

    inside: Splash = field(default_factory=Splash)
    examples: tuple[str, ...] = ("data", "fsdp")
    heads: str = "tensor"

    def refusal(self, case: Case) -> str:
        """What does not divide over the mesh, or what the kernel does not support."""
        mesh = jax.sharding.get_abstract_mesh()
        shared = {*self.examples, self.heads}
        for name, size in mesh.shape.items():
            if name not in shared and size > 1:
                return f"a mesh whose axis {name!r} has {size} devices"
        if AxisType.Manual in mesh.axis_types:
            return "a call within jax.shard_map"
        examples, heads = self._parts(mesh)
        for what, count, parts in (
            ("examples", case.query.shape[0], examples),
            ("heads of queries", case.query.shape[2], heads),
            ("heads of keys", case.key.shape[2], heads),
        ):
            if count % parts:
                return f"{count} {what}, not divisible over {parts} devices"
        with jax.sharding.use_abstract_mesh(_manual(mesh)):
            return self.inside.refusal(self._share(case, examples, heads))

    def __call__(self, query: Array, key: Array, value: Array, case: Case) -> Attended:
        """Attention of (b, t, n, h) queries to (b, s, k, h) keys."""
        mesh = jax.sharding.get_abstract_mesh()
        there = tuple(name for name in self.examples if name in mesh.shape)
        split = P(there or None, None, self.heads if self.heads in mesh.shape else None)
        examples, heads = self._parts(mesh)

        def share(query, key, value, case):
            return self.inside(query, key, value, self._share(case, examples, heads))

        apart: Callable = jax.shard_map(
            share,
            in_specs=(split, split, split, _split(case, split)),
            out_specs=Attended(split, split),  # type: ignore[arg-type]
            check_vma=False,
        )
        return jax.jit(apart)(query, key, value, case)

    def cost(self, query: Shaped, key: Shaped, value: Shaped, case: Case) -> Cost:
        """That of all devices together."""
        return self.inside.cost(query, key, value, case)

    def _parts(self, mesh: AbstractMesh) -> tuple[int, int]:
        examples = math.prod(mesh.shape.get(name, 1) for name in self.examples)
        return examples, mesh.shape.get(self.heads, 1)

    def _share(self, case: Case, examples: int, heads: int) -> Case:
        """The case as a device sees it; its arrays are already the device's."""

        def own(vectors: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
            batch, length, count, features = vectors.shape
            shape = batch // examples, length, count // heads, features
            return jax.ShapeDtypeStruct(shape, vectors.dtype)

        return replace(case, query=own(case.query), key=own(case.key))


def _manual(mesh: AbstractMesh) -> AbstractMesh:
    return mesh.update(axis_types=(AxisType.Manual,) * len(mesh.axis_names))


def _split(case: Case, split: P) -> Any:
    """How what belongs to the batch lies: by examples, where it has a row for each."""
    batch = case.query.shape[0]

    def of(side: Side) -> Side:
        return jax.tree.map(lambda x: P(split[0]) if len(x) == batch > 1 else P(), side)

    return replace(case, of_query=of(case.of_query), of_key=of(case.of_key), score=P())
