"""Contenders that train seeds, compared by steps of all seeds a second."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.benchmarks.processes import Contender
from experiments.benchmarks.results import by_contender, spread_text
from experiments.benchmarks.timing import Measurement, spread
from experiments.devices import usable_cores
from experiments.versions import versions

LIMIT = "matrix products"
"""The contender that only multiplies matrices; jaxgen's are "jaxgen, 10 seeds"."""


class Entry(NamedTuple):
    """A contender, and what the table says of it."""

    contender: Contender
    seeds: int
    title: str


def torch_is_here() -> bool:
    """Whether PyTorch is installed."""
    return importlib.util.find_spec("torch") is not None


def compared(
    entries: Sequence[Entry],
    measurements: Sequence[Measurement],
    compile_seconds: Mapping[str, float],
    flops: float,
) -> dict[str, Any]:
    """All that was measured, and what it says, ready for JSON.

    Args:
      entries: every contender but the limit.
      measurements: of all.
      compile_seconds: of each contender.
      flops: of the matrix products in one step of one seed.
    """
    of = by_contender(measurements)
    limit = [one.rate for one in of[LIMIT]]

    def row(entry: Entry) -> dict[str, Any]:
        mine = of[entry.contender.name]
        ours = of[f"jaxgen, {entry.seeds} seeds"]
        ratio = [a.rate / b.rate for a, b in zip(ours, mine, strict=True)]
        share = [a.rate * flops / b for a, b in zip(mine, limit, strict=True)]
        return {
            "title": entry.title,
            "seeds": entry.seeds,
            "compile_seconds": compile_seconds[entry.contender.name],
            "seed_steps_per_second": spread(one.rate for one in mine)._asdict(),
            "cpu_milliseconds_per_seed_step": spread(
                1e3 * one.cpu_seconds / one.units for one in mine
            )._asdict(),
            "share_of_limit": spread(share)._asdict(),
            "jaxgen_is_faster_by": spread(ratio)._asdict() | {"rounds": ratio},
        }

    return {
        "versions": versions() | {"cores": usable_cores()},
        "matmul_flops_per_seed_step": flops,
        "limit_gflops": spread(rate / 1e9 for rate in limit)._asdict(),
        "contenders": [row(entry) for entry in entries],
        "measurements": [one._asdict() for one in measurements],
    }


def table(found: Mapping[str, Any]) -> str:
    """The results for a person: medians, and in brackets the least and the largest."""
    limit = spread_text(found["limit_gflops"], ".0f")
    lines = [
        f"{found['matmul_flops_per_seed_step'] / 1e6:.0f} MFLOP a seed-step in matrix "
        f"products; the machine makes {limit} GFLOP/s of them.",
        "Medians of the rounds, their least and largest in brackets.",
    ]
    for seeds in sorted({row["seeds"] for row in found["contenders"]}):
        lines += ["", LINE.format(f"{seeds} seeds" if seeds > 1 else "1 seed", *HEAD)]
        lines += [_line(row) for row in found["contenders"] if row["seeds"] == seeds]
    return "\n".join(lines)


HEAD = ("seed-steps/s", "of limit", "CPU ms/step", "compile", "jaxgen is faster by")
LINE = "{:<32} {:>22} {:>9} {:>11} {:>8}  {}"


def _line(row: Mapping[str, Any]) -> str:
    ratio = row["jaxgen_is_faster_by"]
    return LINE.format(
        row["title"],
        spread_text(row["seed_steps_per_second"], ",.0f"),
        f"{row['share_of_limit']['median']:.0%}",
        f"{row['cpu_milliseconds_per_seed_step']['median']:.2f}",
        f"{row['compile_seconds']:.1f} s",
        "" if row["title"] == "jaxgen" else spread_text(ratio, ".2f"),
    ).rstrip()
