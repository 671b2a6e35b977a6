"""What the devices of a program say to one another: along which axis, over which link."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tpu.hlo import Computation, Instruction, Module, source

KINDS = {
    "all-gather": "all-gather",
    "all-gather-start": "all-gather",
    "all-reduce": "all-reduce",
    "all-reduce-start": "all-reduce",
    "reduce-scatter": "reduce-scatter",
    "reduce-scatter-start": "reduce-scatter",
    "all-to-all": "all-to-all",
    "ragged-all-to-all": "all-to-all",
    "collective-permute": "collective-permute",
    "collective-permute-start": "collective-permute",
}
GROUPS = re.compile(
    r"replica_groups=("
    r"mesh\[[^\]]*\](?:, device_ids=\([^ ]*\))? \{[^}]*\}|"
    r"\{(?:\{[\d,]*\},?)*\}|\[[^ ]*\](?:T\([\d,]*\))?)"
)
PAIRS = re.compile(r"source_target_pairs=\{((?:\{\d+,\d+\},?)*)\}")
CHANNEL = re.compile(r"\bchannel_id=(\d+)")
TRANSFER = re.compile(r'_xla_megascale_transfer_type="(\w+)"')
ICI, DCN = "ICI", "DCN"

Groups = set[frozenset[int]]


class Collective(NamedTuple):
    """Collectives of one kind, along the same axes.

    Attributes:
      kind: such as ``all-gather``.
      axes: of the mesh, along which devices differ that take part together.
      link: ``ICI`` within a slice, ``DCN`` between slices.
      count: how often in a run of the program.
      bytes: that each device sends in all of them.
      source: what the largest is for, where it was written.
    """

    kind: str
    axes: tuple[str, ...]
    link: str
    count: int
    bytes: int
    source: str = ""


def collectives(
    program: Module, counts: Mapping[str, int], mesh: Mapping[str, int], slices: int = 1
) -> list[Collective]:
    """All that a program sends, by kind, axes and link, in this order.

    One that the compiler spreads over several steps is one. Between slices the runtime
    does what the program only hands over: that goes along the mesh's first axis.

    Args:
      program: as of `tpu.hlo.module`.
      counts: as of `tpu.hlo.executions`.
      mesh: the sizes of its axes.
      slices: over which the first axis goes.
    """
    first = next(iter(mesh), "")
    within = {
        axis: size // slices if axis == first else size for axis, size in mesh.items()
    }
    found: dict[tuple[str, tuple[str, ...], str], list[_Sent]] = defaultdict(list)
    for groups, one in _within(program, counts, within):
        found[one.kind, axes_of(groups, within), ICI].append(one)
    for one in _between(program, counts):
        found[one.kind, (first,), DCN].append(one)
    return [
        Collective(
            *key,
            sum(one.times for one in each),
            sum(one.times * one.bytes for one in each),
            max(each, key=lambda one: one.bytes).source,
        )
        for key, each in sorted(found.items())
    ]


class _Sent(NamedTuple):
    kind: str
    times: int
    bytes: int
    source: str


def _within(
    program: Module, counts: Mapping[str, int], mesh: Mapping[str, int]
) -> Iterator[tuple[Groups, _Sent]]:
    seen: dict[str, list[tuple[Groups, _Sent]]] = defaultdict(list)
    devices = int(np.prod(list(mesh.values())))
    for name, computation in program.computations.items():
        for one in computation.values():
            if one.opcode in KINDS and counts[name]:
                channel = CHANNEL.search(one.text)
                scattered = "reduce-scatter" if "all-reduce-scatter" in name else ""
                kind = scattered or KINDS[one.opcode]
                alone = f"{name}/{one.name}"  # those all have one channel
                key = channel[1] if channel and not scattered else alone
                groups = groups_of(one, devices)
                size = bytes_sent(kind, one, computation, groups)
                sent = _Sent(kind, counts[name], size, source(one))
                seen[f"{kind} {key}"].append((groups, sent))
    for same in seen.values():  # its start, its middle and its end, or parts of devices
        groups = set().union(*(each[0] for each in same))
        yield groups, max((each[1] for each in same), key=lambda one: one.times)


def _between(program: Module, counts: Mapping[str, int]) -> Iterator[_Sent]:
    for name, computation in program.computations.items():
        for one in computation.values():
            told = TRANSFER.search(one.text)
            if one.opcode == "send" and told:
                kind = told[1].lower().replace("_", "-")
                yield _Sent(kind, counts[name], one.shapes[0].bytes, source(one))


def bytes_sent(
    kind: str, one: Instruction, computation: Computation, groups: Groups
) -> int:
    """What each device sends in one collective, on a ring; of the largest group."""
    given = sum(computation[name].bytes for name in one.operands if name in computation)
    size = max((len(group) for group in groups), default=1)
    shares = {
        "all-gather": size - 1.0,
        "all-reduce": 2 * (size - 1) / size,
        "reduce-scatter": (size - 1) / size,
        "all-to-all": (size - 1) / size,
    }
    return round(given * shares.get(kind, 1.0))


def axes_of(groups: Groups, mesh: Mapping[str, int]) -> tuple[str, ...]:
    """The axes along which the members of a group differ.

    Example:
      >>> axes_of({frozenset((0, 1)), frozenset((2, 3))}, {"data": 2, "fsdp": 2})
      ('fsdp',)
    """
    sizes = tuple(mesh.values())
    members = [np.array(sorted(group)) for group in groups]
    differ = np.zeros(len(sizes), bool)
    for group in members:
        places = np.array(np.unravel_index(group, sizes))
        differ |= (places != places[:, :1]).any(1)
    return tuple(axis for axis, told in zip(mesh, differ, strict=True) if told)


def groups_of(one: Instruction, devices: int) -> Groups:
    """Who takes part with whom, in each of XLA's spellings; all where it is not told.

    Raises:
      ValueError: another spelling, which would be taken for all.
    """
    if pairs := PAIRS.search(one.text):
        return _groups_in_braces(pairs[1])
    told = GROUPS.search(one.text)
    if told is None and "replica_groups=" in one.text:
        raise ValueError(
            f"{one.name}: expected groups of devices as XLA spells them, not "
            f"{one.text.partition('replica_groups=')[2][:80]!r}"
        )
    if told is None or told[1] == "{}":
        return {frozenset(range(devices))}
    text = told[1]
    if text.startswith("mesh"):
        sizes = {axis: int(size) for axis, size in re.findall(r"'(\w+)'=(\d+)", text)}
        along = re.findall(r"'(\w+)'", text.rpartition("{")[2])
        turned = text.partition("device_ids=(")[2].rpartition(") ")[0]
        ids = _counted(turned) if turned else np.arange(math.prod(sizes.values()))
        axes = [list(sizes).index(axis) for axis in along]
        return _along(ids.reshape(list(sizes.values())), axes)
    if text.startswith("["):
        rows, made = text.split("<=")
        ids = _counted(made).reshape(_integers(rows))
        return {frozenset(group) for group in ids.tolist()}
    return _groups_in_braces(text)


def _counted(text: str) -> np.ndarray:
    """Devices as ``[2,8]T(1,0)`` tells them: counted, and then with axes turned."""
    if not text.startswith("["):
        return np.array(_integers(text))
    made, *order = (_integers(part) for part in text.split("T"))
    return np.arange(math.prod(made)).reshape(made).transpose(*order)


def _along(ids: np.ndarray, axes: Sequence[int]) -> Groups:
    sizes = ids.shape
    ids = np.moveaxis(ids, axes, range(len(axes)))
    count = int(np.prod([sizes[axis] for axis in axes]))
    return {frozenset(group) for group in ids.reshape(count, -1).T.tolist()}


def _groups_in_braces(text: str) -> Groups:
    return {frozenset(_integers(group)) for group in re.findall(r"\{([\d,]+)\}", text)}


def _integers(text: str) -> list[int]:
    return [int(word) for word in re.findall(r"\d+", text)]
