"""Which array lies how on a mesh: an ordered list of rules, outside every model."""

import math
import re
from collections.abc import Callable, Sequence

import jax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgen.arrays import PyTree

Layout = Callable[[tuple[int, ...], Mesh], P]
Rule = tuple[str, P | Layout]
"""A pattern of paths, and the layout of the arrays at the paths it matches."""


WHOLE = P()
"""A whole copy on every device."""


def fsdp(shape: tuple[int, ...], mesh: Mesh, smallest: int = 1024) -> P:
    """The longest axis that divides, split over the mesh axis ``fsdp``.

    Arrays of fewer than ``smallest`` elements stay whole: moving them costs more than
    it saves.

    References:
      Rajbhandari et al., 2020, *ZeRO: memory optimizations toward training trillion
      parameter models*, stage 3.

    Example:
      >>> import jax
      >>> from jaxgen.sharding.mesh import mesh_of
      >>> fsdp((64, 128), mesh_of({"fsdp": 1}, jax.devices()[:1]))
      P(None, 'fsdp')
    """
    parts = mesh.shape.get("fsdp", 1)
    axes = [axis for axis, size in enumerate(shape) if size % parts == 0]
    if "fsdp" not in mesh.shape or not axes or math.prod(shape) < smallest:
        return P()
    longest = max(axes, key=lambda axis: shape[axis])
    return P(*(None,) * longest, "fsdp")


FSDP: tuple[Rule, ...] = ((".*", fsdp),)
"""The rule of last resort: fully sharded, by shape."""


def study(rules: Sequence[Rule] = FSDP) -> tuple[Rule, ...]:
    """The rules of a replicated learner: rows over ``replica``, then by the rules.

    The step, one for all rows, stays whole.
    """
    inner = [(pattern, _over_replicas(layout)) for pattern, layout in rules]
    return (("step", P()), *inner)


def _over_replicas(layout: P | Layout) -> Layout:
    def rows(shape, mesh):
        inner = layout if isinstance(layout, P) else layout(shape[1:], mesh)
        return P("replica" if "replica" in mesh.shape else None, *inner)

    return rows


def shardings(shapes: PyTree, mesh: Mesh, rules: Sequence[Rule] = FSDP) -> PyTree:
    """The sharding of every array, by the first rule whose pattern its path matches.

    A path reads ``params/generator/Dense_0/kernel``; a pattern is a regular
    expression that matches from its start.

    Args:
      shapes: a pytree of things with a ``shape``.
      mesh: where they are to lie.
      rules: patterns with layouts; a layout is a ``PartitionSpec`` or a function of
        shape and mesh.

    Returns:
      The same tree of ``NamedSharding``.

    Raises:
      ValueError: no rule matches a path, or a layout does not fit its array.
    """

    def one(path, leaf):
        name = jax.tree_util.keystr(path, simple=True, separator="/") or "data"
        return NamedSharding(mesh, _checked(name, leaf.shape, mesh, rules))

    return jax.tree_util.tree_map_with_path(one, shapes)


def _checked(name, shape, mesh, rules) -> P:
    for pattern, layout in rules:
        if re.match(pattern, name):
            spec = layout if isinstance(layout, P) else layout(shape, mesh)
            break
    else:
        raise ValueError(f"no rule for {name!r}: end the rules with ('.*', fsdp)")
    for size, axes in zip(shape, spec, strict=False):
        parts = _parts(name, axes, mesh)
        if size % parts:
            raise ValueError(
                f"{name}: {size} does not divide over the {parts} devices of {axes!r}; "
                "change the size, the mesh or the rule"
            )
    if len(spec) > len(shape):
        raise ValueError(f"{name}: layout {spec} has more axes than shape {shape}")
    return spec


def _parts(path: str, axes, mesh: Mesh) -> int:
    names = axes if isinstance(axes, tuple) else () if axes is None else (axes,)
    for name in names:
        if name not in mesh.shape:
            raise ValueError(
                f"{path}: its rule names the mesh axis {name!r}, and the mesh has "
                f"{', '.join(mesh.shape)}; change the rule or the mesh"
            )
    return math.prod(mesh.shape[name] for name in names)
