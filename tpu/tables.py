"""Proofs as text: a table for people, and what is wrong with its cure."""

from collections.abc import Mapping, Sequence
from typing import Any

GIB = 2**30
HEAD = (
    "program",
    "target",
    "mesh",
    "fits",
    "GiB needed",
    "of",
    "GFLOP",
    "kilocycles",
    "Pallas",
    "MB by ICI",
    "MB by DCN",
)
Proof = Mapping[str, Any]


def table(proofs: Sequence[Proof]) -> str:
    """A line for each proof; work, cycles and bytes are those of a device and an update."""
    rows = [HEAD, *map(row, proofs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 4 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(one, widths, strict=True))
        ).rstrip()
        for one in rows
    )


def row(proof: Proof) -> tuple[str, ...]:
    """The cells of a proof."""
    update, steps = proof["parts"].get("update", {}), proof["steps"]
    held = "yes" if proof["fits"] else "no"
    seen = not update.get("unread")
    return (
        proof["program"],
        proof["target"],
        " ".join(f"{axis}={size}" for axis, size in proof["mesh"].items() if size > 1),
        held + "!" * bool(proof["complaints"]),
        f"{(proof['needs'] or needed(proof)) / GIB:.2f}",
        f"{proof['limit'] / GIB:.2f}",
        f"{update.get('flops', 0) / steps / 1e9:,.1f}" if seen else "?",
        f"{update.get('cycles', 0) / steps / 1e3:,.0f}" if seen else "?",
        f"{update.get('pallas_calls', 0) // steps}" if seen else "?",
        f"{sent(update, 'ICI') / steps / 1e6:,.1f}" if seen else "?",
        f"{sent(update, 'DCN') / steps / 1e6:,.1f}" if seen else "?",
    )


def needed(proof: Proof) -> int:
    """Bytes that a program asked for, which does not fit."""
    return max((one["needed"] for one in proof["too_much"].values()), default=0)


def sent(part: Mapping[str, Any], link: str) -> int:
    """Bytes that a device sends over one kind of link."""
    return sum(
        one["bytes"] for one in part.get("collectives", ()) if one["link"] == link
    )


def troubles(proofs: Sequence[Proof]) -> str:
    """Every complaint, and for each program that does not fit what would make it fit."""
    lines = []
    for proof in proofs:
        name = f"{proof['program']} on {proof['target']}"
        lines += [f"{name}: {what}" for what in proof["complaints"]]
        for part, told in proof["too_much"].items():
            lines.append(
                f"{name}: {part} needs {told['needed'] / GIB:.2f} GiB of "
                f"{told['available'] / GIB:.2f}: {told['change']}"
            )
            lines += [
                f"    {one['bytes'] / GIB:6.2f} GiB {one['shape']} {one['source']}: "
                f"{one['change']}"
                for one in told["allocations"]
            ]
    return "".join(f"{line}\n" for line in lines)


def markdown(proofs: Sequence[Proof]) -> str:
    """The table for a page that is read as text.

    Example:
      >>> markdown([]).splitlines()[0][:22]
      '| program | target | m'
    """
    lines = [HEAD, ("---",) * 4 + ("--:",) * (len(HEAD) - 4), *map(row, proofs)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
