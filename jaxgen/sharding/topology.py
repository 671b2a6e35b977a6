"""The devices of a Cloud TPU slice, described by its compiler on a machine without one.

The compiler is libtpu, from ``pip install 'jaxgen[prove]'``. It keeps quiet, and lets
others compile at the same time, where these are set before JAX starts:

    JAX_PLATFORMS=cpu TPU_ACCELERATOR_TYPE=v5litepod-8 TPU_WORKER_HOSTNAMES=localhost
    TPU_LOG_DIR=disabled ALLOW_MULTIPLE_LIBTPU_LOAD=1
"""

import importlib.util
from collections.abc import Mapping
from typing import Any

from jax.experimental import topologies

ONE_HOST_OF_EIGHT = {"chips_per_host_bounds": (2, 4, 1)}
ONE_DEVICE_A_CHIP = {"chip_config_name": "megacore"}

SLICES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "v4-8": ("v4:2x2x1", ONE_DEVICE_A_CHIP),
    "v4-16": ("v4:2x2x2", ONE_DEVICE_A_CHIP),
    "v5litepod-4": ("v5e:2x2", {}),
    "v5litepod-8": ("v5e:2x4", ONE_HOST_OF_EIGHT),
    "v5litepod-16": ("v5e:4x4", {}),
    "v5litepod-256": ("v5e:16x16", {}),
    "v5p-8": ("v5p:2x2x1", {}),
    "v5p-16": ("v5p:2x2x2", {}),
    "v6e-4": ("v6e:2x2", {}),
    "v6e-8": ("v6e:2x4", ONE_HOST_OF_EIGHT),
    "v6e-16": ("v6e:4x4", {}),
    "v6e-256": ("v6e:16x16", {}),
}
"""What a user asks Cloud TPU for, and how libtpu calls it. libtpu accepts shapes that
nobody sells, so only these are known here. The number in a name counts chips, but for
v4 and v5p their cores, two a chip."""


def topology(name: str) -> list[Any]:
    """The devices of a slice: to make a mesh of, and to compile for; never to run on.

    Args:
      name: the accelerator type, one of ``SLICES``.

    Raises:
      ValueError: the name is unknown.
      ImportError: libtpu is not installed.

    Example:
      >>> topology("v5litepod")
      Traceback (most recent call last):
      ...
      ValueError: TPU slice 'v5litepod' is unknown: expected one of v4-8, v4-16, ...
    """
    if name not in SLICES:
        known = ", ".join(SLICES)
        raise ValueError(f"TPU slice {name!r} is unknown: expected one of {known}")
    if importlib.util.find_spec("libtpu") is None:
        raise ImportError(
            f"describing {name} needs the TPU compiler: pip install 'jaxgen[prove]'"
        )
    shape, options = SLICES[name]
    return list(topologies.get_topology_desc(shape, "tpu", **options).devices)
