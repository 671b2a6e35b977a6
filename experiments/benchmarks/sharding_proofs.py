"""Proofs of the programs for slices, made by ``python -m tpu prove`` and read again."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def proofs(ways: Sequence[str], targets: Sequence[str], out: Path) -> list[dict]:
    """A proof of the update of each way on each target; those of before are kept.

    Raises:
      OSError: some could not be made; why stands on the standard error.
    """
    programs = [f"weak_{way}" for way in ways]
    call = [sys.executable, "-m", "tpu", "prove", "benchmarks", "--parts", "update"]
    call += ["--programs", *programs, "--on", ",".join(targets)]
    call += ["--out", str(out.absolute())]
    made = subprocess.run(call, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if not made.stdout:  # its table, which comes last
        raise OSError(f"no proofs of {', '.join(programs)} on {', '.join(targets)}")
    return [
        read(out / f"{program}-{target}-update.json")
        for program in programs
        for target in targets
    ]


def read(file: Path) -> dict[str, Any]:
    """One proof."""
    return json.loads(file.read_text())
