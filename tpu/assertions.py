"""What must hold of every compiled step, else the proof fails: not printed, asserted."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

import jax

from experiments.accelerator import Proposal
from jaxgen.training.learner import State
from tpu.hlo_collectives import DCN, Collective
from tpu.hlo_products import Product

LARGE = 2**16
"""Numbers of an array whose copy on every device is no accident that one overlooks."""
METRICS = 2**12
"""Bytes that may go between slices beside gradients, a row of metrics each."""
FEW = 1e-3
"""Share of all work that need not be in half precision."""


class Evidence(NamedTuple):
    """What is known of a compiled part.

    Attributes:
      mesh: sizes of its axes.
      shapes: of the state, with shardings.
      donated: bytes of the old state that the new one takes.
      sent: what devices say to one another.
      made: its products of matrices.
      hosts: names of transfers to and from hosts.
      proposal: what was compiled.
      untold: kernels of Pallas whose work nobody tells.
      unread: the compiler's text could not be had, and donation alone is known.
    """

    mesh: Mapping[str, int]
    shapes: State
    donated: int
    sent: Sequence[Collective]
    made: Sequence[Product]
    hosts: Sequence[str]
    proposal: Proposal
    untold: Set[str] = frozenset()
    unread: bool = False


class Shard(NamedTuple):
    """One array of the state, as a device has it."""

    path: str
    size: int
    numbers: int
    itemsize: int
    axes: frozenset[str]


def shards(tree: Any) -> Iterator[Shard]:
    """Of every array of a tree of placed shapes."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        own = math.prod(leaf.sharding.shard_shape(leaf.shape))
        spec = leaf.sharding.spec
        axes = [each if isinstance(each, tuple) else (each,) for each in spec if each]
        named = frozenset(axis for each in axes for axis in each)
        yield Shard(name, leaf.size, own, leaf.dtype.itemsize, named)


def state_is_donated(evidence: Evidence) -> str:
    """The new state is written where the old one was."""
    carried = evidence.shapes.params, evidence.shapes.opt
    needed = sum(one.numbers * one.itemsize for one in shards(carried))
    if evidence.donated >= needed:
        return ""
    return (
        f"of {needed:,} bytes of parameters and moments only {evidence.donated:,} are "
        "used again: the old state is not donated, or has another layout than the new"
    )


def parameters_are_gathered(evidence: Evidence) -> str:
    """Sharded parameters go to all devices of ``fsdp``, at least once, a half at most."""
    needed = _moved_by_fsdp(evidence.mesh, evidence.shapes.params)
    gathered = _bytes(evidence.sent, "fsdp", "all-gather", "collective-permute")
    if gathered >= needed:
        return ""
    return (
        f"parameters lie over fsdp, and of {needed:,} bytes that a device has to send so "
        f"that others have them only {gathered:,} are: products are summed over fsdp "
        "instead; see jaxgen.sharding.vectors, or split over fewer devices"
    )


def gradients_are_scattered(evidence: Evidence) -> str:
    """Slopes of sharded parameters are summed over ``fsdp``."""
    needed = _moved_by_fsdp(evidence.mesh, evidence.shapes.params)
    kinds = "reduce-scatter", "all-reduce", "collective-permute"
    summed = _bytes(evidence.sent, "fsdp", *kinds)
    if summed >= needed:
        return ""
    return (
        f"parameters lie over fsdp, and of {needed:,} bytes of gradient that a device has "
        f"to send only {summed:,} are: every device computes the whole batch; spread it"
    )


def _moved_by_fsdp(mesh: Mapping[str, int], params: Any) -> int:
    """Half of the bytes of a gather in half precision: some are looked up instead."""
    others = mesh.get("fsdp", 1) - 1
    own = sum(one.numbers for one in shards(params) if "fsdp" in one.axes)
    return own * others  # two bytes each, and a half of them


def _bytes(sent: Sequence[Collective], axis: str, *kinds: str) -> int:
    return sum(one.bytes for one in sent if one.kind in kinds and axis in one.axes)


def parameters_are_sharded(evidence: Evidence) -> str:
    """No large array has a copy on every device of a mesh that could share it."""
    if evidence.mesh.get("fsdp", 1) == 1:
        return ""
    copied = [
        one
        for one in shards((evidence.shapes.params, evidence.shapes.opt))
        if one.size >= LARGE and not one.axes & {"fsdp", "tensor"}
    ]
    if not copied:
        return ""
    first = max(copied, key=lambda one: one.size)
    return (
        f"{len(copied)} large array(s) have a copy on every device, such as "
        f"{first.path} of {first.size:,} numbers: the rules leave it whole, or no axis "
        "of it divides over fsdp"
    )


def nothing_is_dealt_anew(evidence: Evidence) -> str:
    """No all-to-all that the program does not say it means."""
    found = [one for one in evidence.sent if one.kind == "all-to-all"]
    if not found or "all-to-all" in evidence.proposal.moved:
        return ""
    largest = max(found, key=lambda one: one.bytes)
    return (
        f"{largest.count} all-to-all of {largest.bytes:,} bytes along "
        f"{', '.join(largest.axes)}, for {largest.source or 'an unnamed array'}: it "
        "changes its layout within the step; lay it out with a constraint, or name "
        "all-to-all in the proposal's moved"
    )


def only_gradients_go_between_slices(evidence: Evidence) -> str:
    """What goes over the slow links is summed, and no more than slopes are."""
    slow = [one for one in evidence.sent if one.link == DCN]
    other = [one for one in slow if one.kind not in ("all-reduce", "reduce-scatter")]
    if sum(one.bytes for one in other) > METRICS:
        first = max(other, key=lambda one: one.bytes)
        return (
            f"{first.count} {first.kind} of {first.bytes:,} bytes between slices: only "
            "sums of gradients should go there; lay out what moves within a slice"
        )
    slopes = sum(one.numbers * 4 for one in shards(evidence.shapes.params))
    most = 2 * slopes * evidence.proposal.steps + 2**20
    size = sum(one.bytes for one in slow)
    if size <= most:
        return ""
    return (
        f"{size:,} bytes go between slices, where gradients are {slopes:,} on a device: "
        "sums are made where they should wait; gather gradients first"
    )


def products_are_in_half_precision(evidence: Evidence) -> str:
    """No product of two float32 matrices in a step that is meant to have none."""
    total = sum(one.flops * one.times for one in evidence.made)
    full = [one for one in evidence.made if one.dtypes == ("f32", "f32") or one.precise]
    share = sum(one.flops * one.times for one in full) / max(total, 1)
    if not evidence.proposal.half or share <= FEW:
        return ""
    first = max(full, key=lambda one: one.flops * one.times)
    return (
        f"{share:.1%} of the work are products of float32 in a step of half precision, "
        f"most in {first.source or 'an unnamed product'}: round one factor first"
    )


def hosts_are_left_alone(evidence: Evidence) -> str:
    """Nothing goes to a host or comes from it within a step."""
    if not evidence.hosts:
        return ""
    return (
        f"{len(evidence.hosts)} transfer(s) to or from the host, such as "
        f"{evidence.hosts[0]}: a callback or a print; take it out of the step"
    )


def work_of_kernels_is_told(evidence: Evidence) -> str:
    """Each Pallas kernel has its work among that of the program."""
    if not evidence.untold:
        return ""
    return (
        f"kernel {min(evidence.untold)} is no product that the compiler shows: tell the "
        "work of a call in Proposal.kernels, else its FLOPs are missing"
    )


ASSERTIONS: tuple[Callable[[Evidence], str], ...] = (
    state_is_donated,
    parameters_are_gathered,
    gradients_are_scattered,
    parameters_are_sharded,
    nothing_is_dealt_anew,
    only_gradients_go_between_slices,
    products_are_in_half_precision,
    hosts_are_left_alone,
    work_of_kernels_is_told,
)
"""Of the update."""

OF_OTHERS: tuple[Callable[[Evidence], str], ...] = (hosts_are_left_alone,)
"""Of the first state, and of evaluation, which may gather what they like."""


def complaints(evidence: Evidence, part: str) -> list[str]:
    """What does not hold of a part, each with what to do about it."""
    wanted = ASSERTIONS if part == "update" else OF_OTHERS
    if evidence.unread:
        wanted = (state_is_donated,) if part == "update" else ()
    found = ((check.__name__, check(evidence)) for check in wanted)
    return [f"{part}: {name}: {what}" for name, what in found if what]
