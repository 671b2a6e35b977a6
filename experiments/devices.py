"""The devices of a run, chosen before JAX starts, which is when it asks for them."""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path


def device_environment(rows: int, cores: int) -> dict[str, str]:
    """The variables under which JAX should start, for a study of so many rows.

    On a CPU one device runs one replicate after the other, so there is to be a device
    for each core, or as many as divide the rows. Where the TPU compiler is installed
    and no TPU is, JAX is told not to look for one, which it would do noisily.

    Example:
      >>> device_environment(rows=10, cores=4)["JAX_NUM_CPU_DEVICES"]
      '2'
    """
    devices = max(size for size in range(1, cores + 1) if rows % size == 0)
    wanted = {"JAX_NUM_CPU_DEVICES": str(devices)}
    accelerator = any(Path("/dev").glob("accel*")) or Path("/dev/vfio").exists()
    if importlib.util.find_spec("libtpu") and not accelerator:
        wanted["JAX_PLATFORMS"] = "cpu"
    return wanted


def set_where_absent(wanted: Mapping[str, str]) -> None:
    """Sets the environment variables that the user has not."""
    for name, value in wanted.items():
        os.environ.setdefault(name, value)


def usable_cores() -> int:
    """Cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
