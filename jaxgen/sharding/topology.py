"""The devices of Cloud TPU slices, described by their compiler on a machine without one.

The compiler is libtpu, from ``pip install 'jaxgen[prove]'``. It keeps quiet, and lets
others compile at the same time, where these are set before JAX starts:

    JAX_PLATFORMS=cpu TPU_ACCELERATOR_TYPE=v5litepod-8 TPU_WORKER_HOSTNAMES=localhost
    TPU_LOG_DIR=disabled ALLOW_MULTIPLE_LIBTPU_LOAD=1
"""

import importlib.util
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

FLAT = "1x1 2x2 2x4 4x4 4x8 8x8 8x16 16x16"
SOLID = (
    "2x2x1 2x2x2 2x2x4 2x4x4 4x4x4 4x4x8 4x4x12 4x8x8 4x8x12 8x8x8 8x8x12 8x8x16 "
    "8x12x16 12x12x16 8x16x16 12x16x16 16x16x16"
)


class Generation(NamedTuple):
    """Slices of one kind of chip.

    Attributes:
      compiler: what libtpu calls the kind.
      counted: what the number in a name counts, for each chip: its cores, or itself.
      shapes: of the slices that can be had, in chips; libtpu accepts others, too.
      devices: that JAX has for each chip.
      options: of every topology.
    """

    compiler: str
    counted: int
    shapes: str
    devices: int = 1
    options: Mapping[str, Any] = {}


GENERATIONS: Mapping[str, Generation] = {
    "v4": Generation("v4", 2, SOLID, options={"chip_config_name": "megacore"}),
    "v5litepod": Generation("v5e", 1, FLAT),
    "v5p": Generation("v5p", 2, SOLID),
    "v6e": Generation("v6e", 1, FLAT),
    "tpu7x": Generation("tpu7x", 2, SOLID, devices=2),
}

ON_ONE_HOST = {"1x1": (1, 1, 1), "2x4": (2, 4, 1)}
"""Flat slices of one host, which libtpu would not take for one, or would divide."""


class Slice(NamedTuple):
    """What a user asks Cloud TPU for.

    Attributes:
      generation: its name in `GENERATIONS`.
      shape: of the chips, such as (4, 4).
    """

    generation: str
    shape: tuple[int, ...]

    @property
    def chips(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    @property
    def devices(self) -> int:
        """How many there are for JAX."""
        return self.chips * GENERATIONS[self.generation].devices


def _slices() -> dict[str, Slice]:
    found = {}
    for name, kind in GENERATIONS.items():
        for text in kind.shapes.split():
            one = Slice(name, tuple(map(int, text.split("x"))))
            found[f"{name}-{one.chips * kind.counted}"] = one
    return found


SLICES: Mapping[str, Slice] = _slices()
"""By accelerator type, as Cloud TPU calls it."""


def parsed(target: str) -> tuple[int, Slice]:
    """How many slices a target has, and which.

    Args:
      target: one of ``SLICES``, or several: ``2xv5p-128``.

    Raises:
      ValueError: the type is unknown; the nearest are told.

    Example:
      >>> parsed("2xv5p-128")
      (2, Slice(generation='v5p', shape=(4, 4, 4)))
    """
    count, name = re.fullmatch(r"(?:([1-9]\d*)x)?(.*)", target).groups()  # type: ignore
    if name in SLICES:
        return int(count or 1), SLICES[name]
    generation = name.rpartition("-")[0]
    of_kind = [one for one in SLICES if one.startswith(f"{generation}-")]
    raise ValueError(
        f"TPU slice {name!r} is unknown: expected one of {', '.join(of_kind or SLICES)}"
    )


def topology(target: str) -> list[Any]:
    """The devices of slices: to make a mesh of, and to compile for; never to run on.

    Args:
      target: the accelerator type, one of ``SLICES``, or several: ``2xv5p-128``.

    Raises:
      ValueError: the type is unknown.
      ImportError: libtpu is not installed.

    Example:
      >>> topology("v5litepod-17")
      Traceback (most recent call last):
      ...
      ValueError: TPU slice 'v5litepod-17' is unknown: expected one of v5litepod-1, ...
    """
    count, one = parsed(target)
    if importlib.util.find_spec("libtpu") is None:
        raise ImportError(
            f"describing {target} needs the TPU compiler: pip install 'jaxgen[prove]'"
        )
    from jax.experimental import topologies  # the names above need no JAX

    kind, text = GENERATIONS[one.generation], "x".join(map(str, one.shape))
    options = dict(kind.options)
    if text in ON_ONE_HOST:
        options["chips_per_host_bounds"] = ON_ONE_HOST[text]
    if count > 1:
        options["num_slices"] = count
    shape = f"{kind.compiler}:{text}"
    return list(topologies.get_topology_desc(shape, "tpu", **options).devices)
