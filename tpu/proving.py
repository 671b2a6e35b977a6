"""``python -m tpu prove``: experiments compiled for pods, on a machine without one.

    python -m tpu prove mode_collapse --on v5litepod-16,v6e-256,2xv5p-128

Nothing runs and nothing is rented. The compiler of TPUs, pip install 'jaxgen[prove]',
tells whether each program fits, what it sends over which link, and how its cost compares.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import tyro

ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "TPU_ACCELERATOR_TYPE": "v5litepod-8",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_LOG_DIR": "disabled",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}
"""Under which the compiler is silent, and lets others compile at the same time."""
PROVED, NOT_PROVED = 0, 1


@dataclass(frozen=True)
class Prove:
    """What to compile, and for what."""

    experiment: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="EXPERIMENT")
    ]
    """Such as mode_collapse; all for every one."""
    on: str = "v5litepod-16"
    """Targets, comma between: v5litepod-16, v6e-256, 2xv5p-128, tpu7x-64."""
    programs: tuple[str, ...] = ()
    """Which of its programs; all unless told."""
    parts: tuple[str, ...] = ("init", "update", "evaluate")
    """Of each program."""
    flags: tuple[str, ...] = ()
    """Of the compiler, name=value each; or tuned, for those that are kept for each chip."""
    out: Path = Path("runs/proofs")
    """Where each proof is written, as JSON."""
    again: bool = False
    """Compile also what was proved before, by the same versions and of the same code."""
    kept: bool = False
    """Compile all, compare with tpu/golden, and keep what is not there yet."""
    page: Path | None = None
    """Where to write a report with a picture of each proof."""


def main(arguments: Sequence[str]) -> int:
    """Proves, prints a table, and says by its code whether all held."""
    wanted = tyro.cli(
        Prove, prog="python -m tpu prove", args=arguments, description=__doc__
    )
    os.environ.update(ENVIRONMENT)
    try:
        found = proved(wanted)
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_PROVED
    from tpu.tables import table, troubles

    print(table(found))
    print(troubles(found), end="")
    if wanted.page:
        from tpu.prove_page import report

        wanted.page.parent.mkdir(parents=True, exist_ok=True)
        wanted.page.write_text(report(found), encoding="utf-8")
    held = all(one["fits"] and not one["complaints"] for one in found)
    return PROVED if held else NOT_PROVED


def proved(wanted: Prove) -> list[dict[str, Any]]:
    """Every program on every target; those proved before are read."""
    targets = wanted.on.split(",")
    for target in targets:
        if "h100" in target:
            raise ValueError(
                f"--on {target}: only TPUs are proved yet. GPUs would need JAX's plugin "
                "(pip install --no-deps jax-cuda12-pjrt jax-cuda12-plugin) and a "
                "description of the card; leave it out"
            )
    from tpu.golden import drift, folder
    from tpu.programs import programs_of
    from tpu.prove import versions

    programs = programs_of(wanted.experiment, wanted.programs)
    here, found = versions(), []
    out = folder(here) if wanted.kept else wanted.out
    for name in programs:
        for target in targets:
            file = out / f"{name}-{target}{_marked(wanted)}.json"
            old = json.loads(file.read_text()) if file.exists() else {}
            new, made_of = old, (old.get("versions"), old.get("sources"))
            if wanted.again or wanted.kept or made_of != (here, sources()):
                new = _written(wanted, name, programs[name], target, file)
            if wanted.kept and old:
                new["complaints"] += [f"drift: {line}" for line in drift(new, old)]
            found.append(new)
    return found


def _written(
    wanted: Prove, name: str, propose: Any, target: str, file: Path
) -> dict[str, Any]:
    from tpu.flags import flags_of
    from tpu.prove import proof

    start = time.process_time()
    new = proof(name, propose, target, flags_of(wanted.flags, target), wanted.parts)
    if not wanted.kept:
        new["sources"] = sources()
    seconds = time.process_time() - start
    print(f"{name} on {target}: {seconds:.0f} CPU seconds", file=sys.stderr, flush=True)
    if not (wanted.kept and file.exists()):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(new, indent=1) + "\n")
    return new


@lru_cache
def sources() -> str:
    """A digest of all code that decides what is proved."""
    root, digest = Path(__file__).parents[1], hashlib.blake2b(digest_size=16)
    for folder in ("jaxgen", "experiments", "tpu"):
        for file in sorted((root / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _marked(wanted: Prove) -> str:
    marks = (*wanted.flags, *(() if len(wanted.parts) == 3 else wanted.parts))
    return "".join(f"-{mark}" for mark in marks).replace("/", "_")
