"""What a chip of each kind has, and what the clouds around it are asked for by.

The shapes of slices, and what the compiler calls them, are in
`jaxgen.sharding.topology`; here is what is known beside. Memory is what the compiler
gives out; peaks are the makers' and nobody's promise: use them for ratios.
"""

from collections.abc import Mapping
from typing import NamedTuple

from jaxgen.sharding.topology import Slice, parsed

GIB = 2**30
RESERVED = int(0.26 * GIB)
"""Bytes of each device that the system keeps, beside what a program says it needs."""


class Chip(NamedTuple):
    """One kind of chip; numbers are of a device, of which tpu7x has two a chip.

    Attributes:
      memory: bytes that the compiler gives out.
      flops: of bfloat16, a second.
      bandwidth: bytes of memory, a second.
      link: bytes a second over all of a device's links to its slice.
      runtime: version of the machine's image, for queued resources; empty where they
        cannot be had so.
      label: of Kubernetes nodes, ``cloud.google.com/gke-tpu-accelerator``.
      machine: type of a virtual machine, its number of chips left open.
      network: bytes a second between slices, a device's share; 0 where it is not known.
      clock: cycles a second: the peak, by what the matrix units of a chip make in a cycle;
        0 where it is not known.

    References:
      https://docs.cloud.google.com/tpu/docs/v5e and v5p: links are half of what they send
      both ways; networks 6.4 Tb/s for 256 chips and 50 Gb/s a chip; units of 128 x 128
      numbers 4 and 8 a chip.
    """

    memory: int
    flops: float
    bandwidth: float
    link: float
    runtime: str
    label: str
    machine: str
    network: float = 0.0
    clock: float = 0.0


CHIPS: Mapping[str, Chip] = {
    "v4": Chip(
        int(30.75 * GIB),
        275e12,
        1228e9,
        300e9,
        "tpu-ubuntu2204-base",
        "tpu-v4-podslice",
        "ct4p-hightpu-{}t",
    ),
    "v5litepod": Chip(
        int(15.75 * GIB),
        197e12,
        819e9,
        200e9,
        "v2-alpha-tpuv5-lite",
        "tpu-v5-lite-podslice",
        "ct5lp-hightpu-{}t",
        3.125e9,
        1.5e9,
    ),
    "v5p": Chip(
        int(95.73 * GIB),
        459e12,
        2765e9,
        600e9,
        "v2-alpha-tpuv5",
        "tpu-v5p-slice",
        "ct5p-hightpu-{}t",
        6.25e9,
        1.75e9,
    ),
    "v6e": Chip(
        int(31.24 * GIB),
        918e12,
        1638e9,
        448e9,
        "v2-alpha-tpuv6e",
        "tpu-v6e-slice",
        "ct6e-standard-{}t",
    ),
    "tpu7x": Chip(
        int(94.74 * GIB),
        1153e12,
        3690e9,
        600e9,
        "",
        "tpu7x",
        "tpu7x-standard-{}t",
    ),
}
"""By generation, as in `jaxgen.sharding.topology.GENERATIONS`."""


class Machines(NamedTuple):
    """What a target asks a cloud for.

    Attributes:
      slices: how many.
      slice: each of them.
      chips_per_host: of a virtual machine.
      hosts: virtual machines of a slice.
      machine: their type.
      topology: of a slice, as node pools and workload policies want it.
      chip: its kind.
    """

    slices: int
    slice: Slice
    chips_per_host: int
    hosts: int
    machine: str
    topology: str
    chip: Chip


def machines(target: str) -> Machines:
    """What a target such as ``2xv5p-128`` asks for.

    Raises:
      ValueError: the accelerator type is unknown.

    Example:
      >>> asked = machines("2xv5p-128")
      >>> asked.slices, asked.hosts, asked.machine, asked.topology
      (2, 16, 'ct5p-hightpu-4t', '4x4x4')
    """
    count, one = parsed(target)
    chip = CHIPS[one.generation]
    flat = len(one.shape) == 2
    each = one.chips if flat and one.chips <= 8 else 4
    topology = "x".join(map(str, one.shape))
    hosts = one.chips // each
    return Machines(count, one, each, hosts, chip.machine.format(each), topology, chip)


def devices(target: str) -> int:
    """For JAX, in all slices of a target.

    Example:
      >>> devices("2xv5p-128"), devices("tpu7x-64")
      (128, 64)
    """
    count, one = parsed(target)
    return count * one.devices
