"""Named meshes of devices, and what of a batch lies where."""

import math
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jax.experimental.mesh_utils import create_device_mesh, create_hybrid_device_mesh
from jax.sharding import AxisType, Mesh
from jax.sharding import PartitionSpec as P

from jaxgen.arrays import Data

AXES = ("replica", "data", "fsdp", "tensor", "sequence")
"""The names an axis can have, outermost first."""

BATCH_AXES = ("data", "fsdp")
"""The axes over which the examples of a batch are spread."""


def mesh_of(sizes: Mapping[str, int], devices: Sequence | None = None) -> Mesh:
    """The mesh with the wished axis sizes.

    On TPUs neighbours in the mesh are neighbours in the torus, as far as the sizes allow:
    an axis that is a product of whole sides has all their links. Where the devices are
    of several slices, the outermost axis goes over them, and within each.

    Args:
      sizes: the size of each named axis; one may be -1 and takes what is left.
      devices: the devices to use, by default all; those of a TPU topology will do.

    Returns:
      A mesh with the axes in the order of ``AXES``, all of type ``Auto``.

    Raises:
      ValueError: an unknown axis, two open sizes, sizes that the devices cannot
        fill, or an outermost axis that does not divide over the slices.

    Example:
      >>> import jax
      >>> mesh_of({"data": -1}, jax.devices()[:1]).axis_names
      ('data',)
    """
    devices = list(jax.devices() if devices is None else devices)
    unknown = [name for name in sizes if name not in AXES]
    if unknown:
        raise ValueError(f"mesh axis {unknown[0]!r}: expected one of {', '.join(AXES)}")
    filled = _filled(dict(sizes), len(devices))
    names = tuple(name for name in AXES if name in filled)
    shape = tuple(filled[name] for name in names)
    auto = (AxisType.Auto,) * len(names)
    return Mesh(_laid(shape, names, devices), names, axis_types=auto)


def _laid(shape: tuple[int, ...], names: Sequence[str], devices: list) -> np.ndarray:
    slices = len({getattr(device, "slice_index", 0) for device in devices})
    if slices > 1 and shape[0] % slices:
        raise ValueError(
            f"mesh axis {names[0]!r} of {shape[0]}: it is the outermost and goes over "
            f"{slices} slices; expected a multiple of them"
        )
    if slices == 1:
        return create_device_mesh(shape, devices, allow_split_physical_axes=True)
    within = (shape[0] // slices, *shape[1:])
    over = (slices, *(1,) * len(within[1:]))
    how = {"devices": devices, "allow_split_physical_axes": True}
    return create_hybrid_device_mesh(within, over, **how)


def _filled(sizes: dict[str, int], devices: int) -> dict[str, int]:
    wish = " x ".join(f"{name} {size}" for name, size in sizes.items())
    known = math.prod(size for size in sizes.values() if size != -1)
    open_axes = [name for name, size in sizes.items() if size == -1]
    if len(open_axes) > 1 or known < 1 or any(size < -1 for size in sizes.values()):
        raise ValueError(
            f"mesh {wish}: expected positive sizes, at most one of them -1"
        )
    rest = devices // known if open_axes else 1
    if known * rest != devices:
        raise ValueError(
            f"mesh {wish}: expected sizes whose product is the number of devices, "
            f"{devices}; make one of them -1 to let it take what is left"
        )
    return {name: rest if size == -1 else size for name, size in sizes.items()}


def largest_divisor(rows: int, limit: int) -> int:
    """The largest divisor of ``rows`` that is at most ``limit``.

    So many devices share the rows of a study evenly.

    Raises:
      ValueError: one of them is not positive.

    Example:
      >>> largest_divisor(10, 4)
      2
    """
    if rows < 1 or limit < 1:
        raise ValueError(f"rows={rows}, limit={limit}: expected 1 or more of both")
    return max(size for size in range(1, limit + 1) if rows % size == 0)


def batch_spec(names: Sequence[str], leading: int = 0) -> P:
    """The layout of a batch on a mesh: examples over its batch axes.

    Args:
      names: the axes that the mesh has.
      leading: unsharded axes before that of the examples: 1 for stacked batches.

    Example:
      >>> batch_spec(("replica", "data")) == P("data")
      True
    """
    axes = tuple(name for name in BATCH_AXES if name in names)
    return P(*(None,) * leading, axes) if axes else P()


def spread(batch: Data, leading: int = 0) -> Data:
    """A batch drawn inside a program, laid over the batch axes of its mesh.

    Without it the compiler lets every device compute the whole batch: there is no
    all-reduce, and no gain. Under a program without a mesh it does nothing.

    Args:
      batch: a pytree whose leaves count examples along one axis.
      leading: axes before that one.
    """
    names = jax.sharding.get_abstract_mesh().axis_names
    if not any(axis in names for axis in BATCH_AXES):
        return batch
    return jax.lax.with_sharding_constraint(batch, batch_spec(names, leading))
