"""What an experiment would run on an accelerator: a program as shapes, for any size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jax.sharding import PartitionSpec as P

from jaxgen.arrays import Data
from jaxgen.sharding.rules import FSDP, WHOLE, Rule
from jaxgen.training.learner import Learner, State


@dataclass(frozen=True)
class Proposal:
    """A program and its mesh, before any device is there.

    Attributes:
      learner: of the data.
      data: its shapes and dtypes.
      axes: of the mesh, whose product is the number of devices; the first one, by the
        order of `jaxgen.sharding.mesh.AXES`, goes over slices.
      rules: how the state lies.
      layout: how the data do.
      evaluate: beside the update.
      half: whether products of matrices are meant to be in half precision.
      steps: updates that a call makes.
      flops: of the model in one update, where it tells: what its gradient makes again,
        to save memory, is no work of a model.
      kernels: of one call of each Pallas kernel, the FLOPs on a device, by the
        beginning of its name; the compiler sees nothing of them.
      moved: collectives that are meant to be there, though they often are a mistake.
    """

    learner: Learner
    data: Data
    axes: Mapping[str, int]
    rules: Sequence[Rule] = FSDP
    layout: P = WHOLE
    evaluate: Callable[[State, Data], Any] | None = None
    half: bool = False
    steps: int = 1
    flops: int = 0
    kernels: Mapping[str, int] = field(default_factory=dict)
    moved: tuple[str, ...] = field(default=())


Propose = Callable[[int, int], Proposal]
"""Of a number of devices, and of slices that they lie in."""


def shares(name: str, devices: int, within: int) -> int:
    """How many groups of so many devices there are.

    Raises:
      ValueError: the devices do not divide so.

    Example:
      >>> shares("language_1b", 256, 8)
      32
    """
    if devices % within:
        raise ValueError(
            f"{name} on {devices} devices: expected a multiple of {within}, over which "
            "one copy of its matrices lies"
        )
    return devices // within
