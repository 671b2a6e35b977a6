"""Rules that split a transformer over the mesh axes ``tensor`` and ``fsdp``."""

import math

from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from jaxgen.sharding.rules import FSDP, Layout, Rule


def last_axes(*names: str | tuple[str, ...] | None) -> Layout:
    """The last axes of an array over these of the mesh.

    Axes before them, as that of layers which are scanned, stay whole; so does an axis
    that the mesh's do not divide. Names that the mesh has not are left out.

    Example:
      >>> import jax
      >>> from jaxgen.sharding.mesh import mesh_of
      >>> mesh = mesh_of({"tensor": 1}, jax.devices()[:1])
      >>> last_axes("fsdp", "tensor")((12, 64, 256), mesh)
      P(None, None, 'tensor')
    """

    def layout(shape: tuple[int, ...], mesh: Mesh) -> P:
        def fitting(size: int, names: str | tuple[str, ...] | None):
            each = names if isinstance(names, tuple) else (names,)
            there = tuple(name for name in each if name in mesh.shape)
            divides = size % math.prod(mesh.shape[name] for name in there) == 0
            return (there if there[1:] else there[0]) if there and divides else None

        before = len(shape) - len(names)
        own = map(fitting, shape[before:], names)
        return P(*(None,) * before, *own)

    return layout


INTO_HEADS = r".*/mixer/(query|key|value|gate)/kernel"
OUT_OF_HEADS = r".*/mixer/out/kernel"
INTO_HIDDEN = r".*/mlp/(Dense_0|gate|value)/kernel"
OUT_OF_HIDDEN = r".*/mlp/(Dense_1|out)/kernel"
OF_VOCABULARY = r".*/(embedding|output)"

TENSOR: tuple[Rule, ...] = (
    (INTO_HEADS, last_axes("fsdp", "tensor", None)),
    (OUT_OF_HEADS, last_axes("tensor", "fsdp")),
    (INTO_HIDDEN, last_axes("fsdp", "tensor")),
    (OUT_OF_HIDDEN, last_axes("tensor", "fsdp")),
    (OF_VOCABULARY, last_axes(("tensor", "fsdp"), None)),
    *FSDP,
)
"""Heads, hidden units and the vocabulary over ``tensor``, and the rest as by `FSDP`.

Matrices that lead into heads or hidden units are split by their columns, those that lead
out by their rows: one sum over ``tensor`` for each mixer and each perceptron. Features of
the vocabulary stay together: split over ``fsdp``, they would be dealt anew at each look-up,
from slice to slice where there are several.

References:
  Shoeybi et al., 2019, *Megatron-LM: training multi-billion parameter language models
  using model parallelism*, section 3.
"""
