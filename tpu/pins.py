"""The version of JAX that machines install, beside those that proofs were kept of."""

import re
from pathlib import Path

LOCK = Path(__file__).parents[1] / "locks" / "py3.12.txt"
"""Of the Python that machines get, where they can."""

PROOFS = Path(__file__).parent / "golden"


def pinned(package: str, lock: str) -> str:
    """The version of a package that a lock pins.

    Raises:
      ValueError: it pins none.

    Example:
      >>> pinned("jax", "jaxlib==0.11.9\\njax==0.12.0 \\n")
      '0.12.0'
    """
    found = re.search(rf"^{re.escape(package)}==([^\s;]+)", lock, re.MULTILINE)
    if not found:
        raise ValueError(f"no version of {package} is pinned: make locks")
    return found[1]


def proved(folder: Path = PROOFS) -> list[str]:
    """The versions of JAX of the proofs that are kept."""
    names = (re.match(r"jax-([^-]+)-libtpu-", path.name) for path in folder.iterdir())
    return sorted({name[1] for name in names if name})


def versions_note(lock: Path = LOCK, proofs: Path = PROOFS) -> str:
    """What machines will run, and whether it is what was proved."""
    ours, theirs = pinned("jax", lock.read_text()), proved(proofs)
    told = f"machines install jax {ours} ({lock.name})"
    if ours in theirs:
        return f"{told}, of which proofs are kept"
    return (
        f"{told}; the proofs that are kept are of {', '.join(theirs) or 'none'}: memory "
        "and collectives may differ, `python -m tpu prove` under that version tells"
    )
