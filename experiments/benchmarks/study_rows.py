"""Rows of benchmarks of training: each way beside jaxgen's, with as many seeds."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.benchmarks.processes import Contender
from experiments.benchmarks.results import by_contender, ratio, spread_text
from experiments.benchmarks.timing import Measurement, spread

LIMIT = "matrix products"
"""The contender that sets the machine's limit; its units are FLOPs."""
OURS = "jaxgen"
"""The title of what all others are divided by."""


class Entry(NamedTuple):
    """A contender, and what the table says of it."""

    contender: Contender
    seeds: int
    title: str


class Unit(NamedTuple):
    """What is counted of training.

    Attributes:
      name: of one.
      flops: of the matrix products that one needs.
    """

    name: str
    flops: int


def torch_is_here() -> bool:
    """Whether PyTorch is installed."""
    return importlib.util.find_spec("torch") is not None


def shares_of(seeds: int, cores: int) -> list[int]:
    """Seeds for a process on each core, as even as may be.

    Example:
      >>> shares_of(seeds=10, cores=4)
      [3, 3, 2, 2]
    """
    return [len(range(core, seeds, cores)) for core in range(min(cores, seeds))]


def study_rows(
    entries: Sequence[Entry],
    unit: Unit,
    measurements: Sequence[Measurement],
    compile_seconds: Mapping[str, float],
) -> list[dict[str, Any]]:
    """What was found of each contender, ready for JSON; ratios are within a round."""
    of = by_contender(measurements)
    limit = [one.rate for one in of[LIMIT]]

    def row(entry: Entry) -> dict[str, Any]:
        mine = of[entry.contender.name]
        ours = next(
            of[one.contender.name]
            for one in entries
            if (one.title, one.seeds) == (OURS, entry.seeds)
        )
        cpu = [[m.cpu_seconds / m.units for m in rounds] for rounds in (mine, ours)]
        share = [a.rate * unit.flops / b for a, b in zip(mine, limit, strict=True)]
        return {
            "title": entry.title,
            "seeds": entry.seeds,
            "compile_seconds": compile_seconds[entry.contender.name],
            "units_per_second": spread(one.rate for one in mine)._asdict(),
            "cpu_milliseconds_per_unit": spread(
                1e3 * took for took in cpu[0]
            )._asdict(),
            "share_of_limit": spread(share)._asdict(),
            "jaxgen_is_faster_by": ratio(
                [m.rate for m in ours], [m.rate for m in mine]
            ),
            "in_cpu_time_by": ratio(*cpu),
        }

    return [row(entry) for entry in entries]


def limit_of(measurements: Sequence[Measurement]) -> dict[str, float]:
    """GFLOP/s of the machine's matrix products."""
    mine = by_contender(measurements)[LIMIT]
    return spread(one.rate / 1e9 for one in mine)._asdict()


LINE = "{:<34} {:>26} {:>9} {:>11} {:>8}  {:<22} {}"


def study_table(
    rows: Sequence[Mapping[str, Any]], unit: Unit, limit: Mapping[str, float]
) -> str:
    """The results for a person: medians, and in brackets the least and the largest."""
    head = (f"{unit.name}s/s", "of limit", f"CPU ms/{unit.name}", "compile")
    head += ("jaxgen is faster by", "in CPU time")
    lines = [
        f"{unit.flops / 1e6:.3g} MFLOP in matrix products for each {unit.name} of a "
        f"seed; the machine makes {spread_text(limit, '.0f')} GFLOP/s of them.",
        "Medians of the rounds, their least and largest in brackets.",
    ]
    for seeds in sorted({row["seeds"] for row in rows}):
        lines += ["", LINE.format(f"{seeds} seeds" if seeds > 1 else "1 seed", *head)]
        lines += [_line(row) for row in rows if row["seeds"] == seeds]
    return "\n".join(lines)


def _line(row: Mapping[str, Any]) -> str:
    factors = row["jaxgen_is_faster_by"], row["in_cpu_time_by"]
    texts = [spread_text(one, ".2f") if row["title"] != OURS else "" for one in factors]
    return LINE.format(
        row["title"],
        spread_text(row["units_per_second"], ",.0f"),
        f"{row['share_of_limit']['median']:.0%}",
        f"{row['cpu_milliseconds_per_unit']['median']:.3g}",
        f"{row['compile_seconds']:.1f} s",
        *texts,
    ).rstrip()
