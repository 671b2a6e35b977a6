"""Options of the TPU compiler, kept for each kind of chip; each of them is compiled."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxgen.sharding.topology import parsed

TUNED: Mapping[str, Mapping[str, Any]] = {
    "v4": {},
    "v5litepod": {"xla_jf_spmd_threshold_for_windowed_einsum_mib": "1000000"},
    "v5p": {"xla_tpu_enable_async_collective_fusion": "true"},
    "v6e": {"xla_tpu_scoped_vmem_limit_kib": "98304"},
    "tpu7x": {"xla_tpu_scoped_vmem_limit_kib": "65536"},
}
"""What is worth a try on a chip; on a machine, in LIBTPU_INIT_ARGS as --name=value."""


def flags_of(told: Sequence[str], target: str) -> dict[str, Any]:
    """Options by name; ``tuned`` stands for those of the target's chip.

    Raises:
      ValueError: one is no ``name=value``.

    Example:
      >>> flags_of(("tuned", "a=1"), "v6e-16")
      {'xla_tpu_scoped_vmem_limit_kib': '98304', 'a': '1'}
    """
    found: dict[str, Any] = {}
    for flag in told:
        name, equals, value = flag.partition("=")
        if flag == "tuned":
            found |= TUNED[parsed(target)[1].generation]
        elif not equals:
            raise ValueError(f"--flags {flag}: expected name=value, or tuned")
        else:
            found[name.lstrip("-")] = value
    return found
