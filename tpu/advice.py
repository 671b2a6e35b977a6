"""What to do where a program does not fit, from what the compiler says of it."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
SIZE = r"([\d.]+)([KMGT]?)"
EARLY = re.compile(
    rf"total memory required.*?\({SIZE}\) exceeds available HBM \({SIZE}\)"
)
LATE = re.compile(rf"Used {SIZE} of {SIZE} hbm")
ALLOCATION = re.compile(
    rf"Size: {SIZE}\s*(?:Operator: op_(?:type|name)=\"(?P<source>[^\n]*)\"[^\n]*)?\s*"
    rf"Shape: (?P<shape>\S+)"
)


class Allocation(NamedTuple):
    """One array that a program keeps.

    Attributes:
      bytes: of it, with padding.
      shape: as HLO spells it.
      source: what made it, where it was written.
    """

    bytes: int
    shape: str
    source: str

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the shape."""
        told = re.search(r"\[([\d,]*)\]", self.shape)
        return tuple(int(size) for size in told[1].split(",") if size) if told else ()


def advice(text: str, most: int = 5) -> dict[str, Any]:
    """What was needed, what there is, the largest allocations, and a change for each.

    Args:
      text: of the compiler's error.
      most: allocations to tell.
    """
    needed, available = sizes_of(text)
    largest = sorted(set(allocations(text)), reverse=True)[:most]
    return {
        "needed": needed,
        "available": available,
        "allocations": [one._asdict() | {"change": change(one)} for one in largest],
        "change": change(largest[0]) if largest else FEWER,
    }


def sizes_of(text: str) -> tuple[int, int]:
    """Bytes that were needed, and that there are; zeros where the text does not tell."""
    told = EARLY.search(text) or LATE.search(text)
    if told is None:
        return 0, 0
    number, unit, other, other_unit = told.groups()
    return bytes_of(number, unit), bytes_of(other, other_unit)


def bytes_of(number: str, unit: str) -> int:
    """
    Example:
      >>> bytes_of("1.5", "K")
      1536
    """
    return round(float(number) * UNITS[unit])


def allocations(text: str) -> list[Allocation]:
    """Those that the compiler ranks, in its order."""
    return [
        Allocation(bytes_of(told[1], told[2]), told["shape"], told["source"] or "")
        for told in ALLOCATION.finditer(text)
    ]


FEWER = "fewer examples on each device: a smaller batch, microbatched(n), or more chips"


def _is_state(one: Allocation) -> bool:
    return re.match(r"(state|params|opt|extra)\b", one.source) is not None


def _is_data(one: Allocation) -> bool:
    return one.source.startswith("data")


def _is_logits_of_pairs(one: Allocation) -> bool:
    *_, queries, keys = (0, 0, *one.sizes)
    return queries == keys and keys >= 256 and len(one.sizes) >= 3


def _is_of_vocabulary(one: Allocation) -> bool:
    *_, last = (0, *one.sizes)
    return "vd->btv" in one.source or "logsumexp" in one.source or last >= 16_384


def _is_kept_for_a_gradient(one: Allocation) -> bool:
    return "jvp" in one.source and ("while" in one.source or "layer" in one.source)


CHANGES: tuple[tuple[Callable[[Allocation], bool], str], ...] = (
    (_is_state, "parameters and moments: a larger mesh axis fsdp, or tensor"),
    (_is_data, "data that lie whole on every device: a layout over the batch's axes"),
    (
        _is_logits_of_pairs,
        "the logits of all pairs of tokens: leave implementation out of the attention, "
        "so that a kernel or a tile at a time is chosen; or remat=True",
    ),
    (
        _is_of_vocabulary,
        "the logits of the vocabulary: a smaller chunk of the loss, or the vocabulary "
        "over tensor",
    ),
    (
        _is_kept_for_a_gradient,
        "what each layer keeps for its gradient: remat=True, or a longer mesh axis "
        "sequence",
    ),
)
"""By what an allocation is, the change that shrinks it; the first that holds."""


def change(one: Allocation) -> str:
    """What would shrink an allocation."""
    return next((told for holds, told in CHANGES if holds(one)), FEWER)
