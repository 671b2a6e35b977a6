"""What proofs of one program on ever larger slices tell: how its cost on a chip grows.

A proof has the cycles C that the compiler expects of a chip, and the operations F of the
model that are a chip's share. From the smallest slice of a kind to another they grow by::

    growth = (C / F) / (C_0 / F_0) - 1

The compiler's cycles know nothing of links. Beside them stands what the links need at
least, at the maker's numbers: bytes that a chip sends, by all of its links at once. A step
takes no less than the longest of the three, and as much as their sum where none hides
another: bounds, of which neither is a measurement.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

Proof = Mapping[str, Any]
Row = dict[str, Any]

AIM = 0.10
"""Growth of the cycles of a chip from the smallest slice to the largest, at most."""


def rows(proofs: Sequence[Proof]) -> list[Row]:
    """A row for each proof, in the order of ways, kinds of chip and sizes."""
    each = sorted(map(row, proofs), key=lambda one: (one["kind"], one["chips"]))
    for one in each:
        first = next(
            other
            for other in each
            if (other["way"], other["kind"]) == (one["way"], one["kind"])
        )
        one["growth"] = growth(one, first)
        one["from"] = first["chips"]
    ways = list(dict.fromkeys(proof["program"] for proof in proofs))
    return sorted(each, key=lambda one: ways.index(f"weak_{one['way']}"))


def row(proof: Proof) -> Row:
    """What a proof tells of a chip and a step; None where it could not be read."""
    update, speeds = proof["parts"].get("update", {}), proof["speeds"]
    there = bool(update) and not update["unread"]
    sent = sent_by_axis(update["collectives"]) if there else {}
    links = {
        link: sum(size for name, size in sent.items() if name.endswith(link))
        for link in ("ICI", "DCN")
    }
    seconds: dict[str, Any] = {
        "compute": time(update["cycles"] if there else None, speeds["clock"]),
        "ICI": time(links["ICI"] if there else None, speeds["link"]),
        "DCN": time(links["DCN"] if there else None, speeds["network"]),
    }
    return {
        "way": proof["program"].removeprefix("weak_"),
        "target": proof["target"],
        "kind": proof["target"].rpartition("-")[0].lstrip("0123456789x"),
        "chips": chips_of(proof["mesh"]),
        "mesh": proof["mesh"],
        "fits": proof["fits"],
        "needs": proof["needs"],
        "limit": proof["limit"],
        "model_flops": proof["model_flops"],
        "cycles": update["cycles"] if there else None,
        "made_flops": update["flops"] if there else None,
        "sent": sent,
        "seconds": seconds,
        "bounds": None if None in seconds.values() else bounds(seconds),
        "collectives": update.get("collectives", []),
        "complaints": proof["complaints"],
    }


def time(amount: int | None, speed: float) -> float | None:
    """Seconds of an amount; None where it could not be read, or no speed is known.

    Example:
      >>> time(6, 3.0), time(0, 0.0), time(6, 0.0)
      (2.0, 0.0, None)
    """
    if amount == 0:
        return 0.0
    return amount / speed if amount and speed else None


def chips_of(mesh: Mapping[str, int]) -> int:
    """Of all its axes.

    Example:
      >>> chips_of({"data": 2, "fsdp": 4, "tensor": 2})
      16
    """
    count = 1
    for size in mesh.values():
        count *= size
    return count


def growth(one: Row, first: Row, cost: str = "cycles") -> float | None:
    """Of a cost for each operation of the model; None where one of the two is not read.

    Args:
      one: of a slice.
      first: of the smallest.
      cost: ``cycles``, or ``made_flops``: operations in the products that are made,
        which grow where devices make the same ones.

    Example:
      >>> first = {"cycles": 100, "model_flops": 10}
      >>> growth({"cycles": 330, "model_flops": 30}, first)
      0.1
    """
    if one[cost] is None or first[cost] is None:
        return None
    work = one["model_flops"] / first["model_flops"]
    return round(one[cost] / first[cost] / work - 1, 12)


def sent_by_axis(collectives: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Bytes that a chip sends, by the axes and the link.

    Example:
      >>> one = {"axes": ["data", "fsdp"], "link": "ICI", "bytes": 3}
      >>> sent_by_axis([one, one])
      {'data+fsdp by ICI': 6}
    """
    found: dict[str, int] = defaultdict(int)
    for one in collectives:
        found[f"{'+'.join(one['axes'])} by {one['link']}"] += one["bytes"]
    return dict(found)


def bounds(seconds: Mapping[str, float]) -> dict[str, float]:
    """Of a step: where all else hides behind the longest, and where nothing does.

    Example:
      >>> bounds({"compute": 2.0, "ICI": 3.0, "DCN": 0.0})
      {'least': 3.0, 'none_hidden': 5.0}
    """
    return {"least": max(seconds.values()), "none_hidden": sum(seconds.values())}


def grown(one: Row, first: Row) -> dict[str, int]:
    """What a chip sends more, or less, than on the smallest slice, by kind and axes."""

    def sizes(of: Row) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for each in of["collectives"]:
            found[f"{each['kind']} over {'+'.join(each['axes'])}"] += each["bytes"]
        return found

    now, before = sizes(one), sizes(first)
    changed = {name: now[name] - before[name] for name in {*now, *before}}
    return dict(sorted(changed.items(), key=lambda each: -abs(each[1])))
