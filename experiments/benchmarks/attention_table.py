"""What the benchmark of attention found, for a person."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from experiments.benchmarks.results import milliseconds_text, spread_text

Row = Mapping[str, Any]
"""A task and its contenders, as `experiments.benchmarks.attention_rows` measures them."""

HEAD = """\
One thread each; medians of the rounds, their least and largest in brackets. The limit is
the rate of float32 matrix products in one thread; against it count those that the task
needs, over the blocks that hold an allowed pair, and thrice as many with the gradient.
PyTorch Flex is compiled. A layer has four projections, Hugging Face's Longformer six."""

LINE = "{:<14} {:>22} {:>8} {:>9}  {:<22} {}"
COLUMNS = ("CPU, ms", "wall, ms", "of limit", "jaxgen faster, CPU", "wall")


def table(rows: Sequence[Row]) -> str:
    """Each task with its contenders, then what was aimed at."""
    lines = [line for row in rows for line in _lines(row)]
    return "\n".join([HEAD, *lines, "", *aims(rows)]).rstrip()


def _lines(row: Row) -> list[str]:
    limit = spread_text(row["limit_gflops"], ".0f")
    title = f"{row['title']}, {row['length']:,} tokens"
    work = f"{row['flops'] / 1e9:.3g} GFLOP, limit {limit} GFLOP/s"
    left_out = [f"{name} {reason}" for name, reason in row["left_out"].items()]
    sides = [_line(name, side) for name, side in row["contenders"].items()]
    return ["", f"{title}: {work}", LINE.format("", *COLUMNS), *sides, *left_out]


def _line(name: str, side: Mapping[str, Any]) -> str:
    ratio = spread_text(side["jaxgen_is_faster_by"], ".2f")
    wall_ratio = f"{side['in_wall_time_by']['median']:.2f}"
    wall = 1e3 * side["wall_seconds"]["median"]
    return LINE.format(
        name,
        milliseconds_text(side["cpu_seconds"]),
        f"{wall:,.0f}" if wall >= 100 else f"{wall:.3g}",
        f"{side['share_of_limit']['median']:.0%}",
        *(("", "") if name == "jaxgen" else (ratio, wall_ratio)),
    ).rstrip()


Factors = Callable[[Sequence[Row], bool], list[float]]
"""From rows, and whether those with the gradient, to how often jaxgen is faster."""


class Aim(NamedTuple):
    """How much faster jaxgen is meant to be, in CPU time.

    Attributes:
      words: than whom, at what.
      least: the factor.
      factors: that were measured.
    """

    words: str
    least: float
    factors: Factors


AIM = "{:<50} {:>5} {:>9} {:>9}"


def aims(rows: Sequence[Row]) -> list[str]:
    """A line for each aim that the rows speak of, with the least factor found."""
    head = AIM.format(
        "jaxgen is faster, in CPU time, than", "aim", "forward", "gradient"
    )
    lines = [line for aim in AIMS if (line := _aim(aim, rows))]
    return [head, *lines] if lines else []


def _aim(aim: Aim, rows: Sequence[Row]) -> str:
    found = [aim.factors(rows, backward) for backward in (False, True)]
    least = [min(factors) for factors in found if factors]
    if not least:
        return ""
    texts = (f"{min(factors):.2f}" if factors else "" for factors in found)
    verdict = "reached" if min(least) >= aim.least else "missed"
    return f"{AIM.format(aim.words, f'{aim.least:g}', *texts)}  {verdict}"


LONG = 4096
"""Tokens at which windows and layers have an aim."""


def _than_any(*patterns: str) -> Factors:
    """Than each other contender, at every length."""
    return lambda rows, backward: [
        factor
        for row in rows
        if row["pattern"] in patterns
        and (row["layer"], row["backward"]) == (False, backward)
        for factor in _factors(row).values()
    ]


def _than(name: str, pattern: str, layer: bool) -> Factors:
    """Than one of them, at `LONG`."""
    return lambda rows, backward: [
        factors[name]
        for row in _at(rows, pattern, layer, backward)
        if name in (factors := _factors(row))
    ]


def _than_full(rows: Sequence[Row], backward: bool) -> list[float]:
    """Than the fastest of the others at full attention, with a window, at `LONG`."""
    return [
        min(_seconds(full, name) for name in _factors(full)) / _seconds(row, "jaxgen")
        for full in _at(rows, "full", False, backward)
        for row in _at(rows, "window", False, backward)
        if _factors(full)
    ]


def _at(rows: Sequence[Row], pattern: str, layer: bool, backward: bool) -> list[Row]:
    asked = (pattern, layer, backward, LONG)
    keys = ("pattern", "layer", "backward", "length")
    return [row for row in rows if tuple(row[key] for key in keys) == asked]


def _factors(row: Row) -> dict[str, float]:
    return {
        name: side["jaxgen_is_faster_by"]["median"]
        for name, side in row["contenders"].items()
        if name != "jaxgen"
    }


def _seconds(row: Row, name: str) -> float:
    return row["contenders"][name]["cpu_seconds"]["median"]


AIMS = (
    Aim("any other, at full and causal attention", 1, _than_any("full", "causal")),
    Aim("jax.nn, at a window", 12, _than("jax.nn", "window", layer=False)),
    Aim("the fastest full attention, at a window", 7, _than_full),
    Aim(
        "Hugging Face, at a Longformer layer",
        5,
        _than("Hugging Face", "longformer", layer=True),
    ),
    Aim(
        "Hugging Face, at a BigBird layer",
        5,
        _than("Hugging Face", "bigbird", layer=True),
    ),
)
