"""Rules that split a transformer's matrices over the axes ``tensor`` and ``fsdp``."""

import math

from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from jaxgen.sharding.rules import FSDP, Layout, Rule


def last_axes(*names: str | None) -> Layout:
    """The last axes of an array over these of the mesh, as far as they divide.

    Axes before them, as of layers that are scanned, stay whole; so does an axis that the
    mesh's does not divide, and every one that the mesh has not.

    Example:
      >>> import jax
      >>> from jaxgen.sharding.mesh import mesh_of
      >>> mesh = mesh_of({"tensor": 1}, jax.devices()[:1])
      >>> last_axes("fsdp", "tensor")((12, 64, 256), mesh)
      P(None, None, 'tensor')
    """

    def layout(shape: tuple[int, ...], mesh: Mesh) -> P:
        def fitting(size: int, name: str | None) -> str | None:
            return name if name in mesh.shape and size % mesh.shape[name] == 0 else None

        before = len(shape) - len(names)
        own = map(fitting, shape[before:], names)
        return P(*(None,) * before, *own) if math.prod(shape) else P()

    return layout


TENSOR: tuple[Rule, ...] = (
    (r".*/(query|key|value|gate)/kernel", last_axes("fsdp", "tensor")),
    *FSDP,
)
