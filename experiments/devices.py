"""The devices of a run, chosen before JAX starts, which is when it asks for them."""

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
    return {"JAX_NUM_CPU_DEVICES": str(devices), **without_tpu()}


def one_thread_environment(devices: int) -> dict[str, str]:
    """The variables under which JAX has so many devices of one thread each on a CPU.

    CPU time is then that of the work, and none of waiting threads; and a study fills
    the cores with its replicates.
    """
    return {
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "JAX_NUM_CPU_DEVICES": str(devices),
        **without_tpu(),
    }


def without_tpu() -> dict[str, str]:
    """Where the TPU compiler is installed and no TPU is: quiet, and for compiling alone."""
    accelerator = any(Path("/dev").glob("accel*")) or Path("/dev/vfio").exists()
    if accelerator or importlib.util.find_spec("libtpu") is None:
        return {}
    return {
        "JAX_PLATFORMS": "cpu",
        "TPU_ACCELERATOR_TYPE": "v5litepod-8",
        "TPU_WORKER_HOSTNAMES": "localhost",
        "TPU_LOG_DIR": "disabled",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    }


@contextmanager
def pinned_to_one_core() -> Iterator[None]:
    """Keeps all threads of this process to the last of its cores, where a system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    _keep_to({max(cores)})
    try:
        yield
    finally:
        _keep_to(cores)


def _keep_to(cores: set[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.sched_setaffinity(int(thread.name), cores)


def set_one_thread_on_each_core() -> None:
    """Has JAX start with a device of one thread for each core of this machine."""
    set_where_absent(one_thread_environment(usable_cores()))


def set_where_absent(wanted: Mapping[str, str]) -> None:
    """Sets the environment variables that the user has not."""
    for name, value in wanted.items():
        os.environ.setdefault(name, value)


def usable_cores() -> int:
    """Cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
