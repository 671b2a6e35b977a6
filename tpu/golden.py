"""Proofs that were kept, by versions of the compiler: their table, and what drifts.

python -m tpu.golden    # the table of tpu/README.md
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"
MOST = 0.05
"""Share by which a number may change under the same versions."""
Proof = Mapping[str, Any]


def folder(versions: Mapping[str, str]) -> Path:
    """Where proofs of these versions are kept.

    Example:
      >>> folder({"jax": "0.10.2", "libtpu": "0.0.52"}).name
      'jax-0.10.2-libtpu-0.0.52'
    """
    return GOLDEN / f"jax-{versions['jax']}-libtpu-{versions['libtpu']}"


def kept(versions: Mapping[str, str]) -> list[dict[str, Any]]:
    """All proofs of these versions, by program and target."""
    files = sorted(folder(versions).glob("*.json"))
    return [json.loads(file.read_text()) for file in files]


def every() -> list[dict[str, Any]]:
    """All proofs, of whatever versions."""
    return [json.loads(file.read_text()) for file in sorted(GOLDEN.rglob("*.json"))]


def numbers(proof: Proof) -> dict[str, float]:
    """What may not drift: memory, cycles, work and what is sent, by part."""
    found: dict[str, float] = {}
    for part, told in proof["parts"].items():
        for name in ("peak", "cycles", "flops", "pallas_calls"):
            found[f"{part} {name}"] = told[name]
        for one in told["collectives"]:
            key = f"{part} {one['kind']} over {'+'.join(one['axes'])} by {one['link']}"
            found[f"{key}, times"] = one["count"]
            found[f"{key}, bytes"] = one["bytes"]
    return found


def drift(new: Proof, old: Proof) -> list[str]:
    """Every number of a proof that is off by more than a twentieth, and what is gone.

    Raises:
      ValueError: the two are of different versions, whose numbers may differ.
    """
    if new["versions"] != old["versions"]:
        raise ValueError(
            f"proofs by {new['versions']} and {old['versions']}: numbers are compared "
            "for the same versions alone; keep new ones with --kept"
        )
    before, after = numbers(old), numbers(new)
    lines = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name, 0), after.get(name, 0)
        if abs(now - was) > MOST * max(abs(was), 1):
            lines.append(f"{name}: {was:,} was kept, and it is {now:,}")
    return lines


if __name__ == "__main__":
    from tpu.tables import markdown

    print(markdown(every()), end="")
