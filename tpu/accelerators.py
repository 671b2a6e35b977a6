"""What a user asks for by one name, and what each of Google's doors calls it."""

import difflib
import re
from collections.abc import Mapping
from math import prod
from typing import NamedTuple


class Generation(NamedTuple):
    """What the slices of one kind of chip have in common.

    Attributes:
      cores: a chip, as names count them; 1 where they count chips.
      runtime: image of a queued resource; none where the TPU API does not know them.
      machine: of Compute Engine, before the number of its chips.
      selector: the node label ``cloud.google.com/gke-tpu-accelerator``.
      image: family of Compute Engine images; none where it sells no such groups.
      flat: whether a slice is a rectangle, and up to eight chips are one machine.
    """

    cores: int
    runtime: str | None
    machine: str
    selector: str
    image: str | None
    flat: bool


_UBUNTU_22 = "ubuntu-accel-2204-amd64-tpu-v5e-v5p-v6e"
_UBUNTU_24 = "ubuntu-accel-2404-amd64-tpu-tpu7x"

GENERATIONS: Mapping[str, Generation] = {
    "v4": Generation(
        2, "tpu-ubuntu2204-base", "ct4p-hightpu-", "tpu-v4-podslice", None, False
    ),
    "v5litepod": Generation(
        1, "v2-alpha-tpuv5-lite", "ct5lp-hightpu-", "tpu-v5-lite-podslice", None, True
    ),
    "v5p": Generation(
        2, "v2-alpha-tpuv5", "ct5p-hightpu-", "tpu-v5p-slice", _UBUNTU_22, False
    ),
    "v6e": Generation(
        1, "v2-alpha-tpuv6e", "ct6e-standard-", "tpu-v6e-slice", _UBUNTU_22, True
    ),
    "tpu7x": Generation(2, None, "tpu7x-standard-", "tpu7x", _UBUNTU_24, False),
}

_RECTANGLES = ["1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16"]
_BOXES = [
    "2x2x1",
    "2x2x2",
    "2x2x4",
    "2x4x4",
    "4x4x4",
    "4x4x8",
    "4x8x8",
    "8x8x8",
    "8x8x16",
    "8x16x16",
]


class Slice(NamedTuple):
    """Chips that are bought together, by the name they are asked for.

    Attributes:
      name: of one slice, such as ``v5litepod-16``.
      count: how many of them, joined by the data centre's network.
      topology: how the chips of one lie.
      chips: in one.
      hosts: machines of one.
      generation: what it shares with others of its kind.
    """

    name: str
    count: int
    topology: str
    chips: int
    hosts: int
    generation: Generation

    @property
    def machine(self) -> str:
        """The machine type of Compute Engine."""
        return f"{self.generation.machine}{self.chips // self.hosts}t"


def tpu_slice(wish: str) -> Slice:
    """The slice of a name, or several: ``v6e-16``, ``2xv5p-128``.

    The number counts chips, but for v4, v5p and tpu7x their cores, two a chip.

    Raises:
      ValueError: nobody sells one of that name.

    Example:
      >>> tpu_slice("2xv5p-16")[:5]
      ('v5p-16', 2, '2x2x2', 8, 2)
      >>> tpu_slice("v6e-8").machine
      'ct6e-standard-8t'
      >>> tpu_slice("v5e-8")
      Traceback (most recent call last):
      ...
      ValueError: accelerator 'v5e-8' is unknown: did you mean v5litepod-8? ...
    """
    parts = re.fullmatch(r"(?:([1-9]\d{0,2})x)?(.+)", wish)
    known = slices()
    if not parts or parts[2] not in known:
        alias = re.sub(r"^(v5e|v5lite)-", "v5litepod-", parts[2] if parts else wish)
        near = difflib.get_close_matches(alias, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(
            f"accelerator {wish!r} is unknown: {hint}expected one of "
            f"{', '.join(known)}, or several, such as 2xv6e-16"
        )
    return known[parts[2]]._replace(count=int(parts[1] or 1))


def slices() -> dict[str, Slice]:
    """All slices that are sold, by name."""
    found = (
        _sold(family, generation, topology)
        for family, generation in GENERATIONS.items()
        for topology in (_RECTANGLES if generation.flat else _BOXES)
    )
    return {one.name: one for one in found}


def _sold(family: str, generation: Generation, topology: str) -> Slice:
    chips = prod(map(int, topology.split("x")))
    hosts = 1 if generation.flat and chips <= 8 else chips // 4
    name = f"{family}-{chips * generation.cores}"
    return Slice(name, 1, topology, chips, hosts, generation)
