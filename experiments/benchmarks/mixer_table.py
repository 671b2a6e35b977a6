"""What the benchmark of mixers found, for a person."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from experiments.benchmarks.results import milliseconds_text, spread_text

Row = Mapping[str, Any]
"""A mixer, as `experiments.benchmarks.mixer_rows` measures it."""

HEAD = """\
One thread each; medians of the rounds, their least and largest in brackets. The limit is
the rate of float32 matrix products in one thread; against it count a mixer's own products,
thrice with the gradient: not the sums, sorts, scans and transforms beside them. Factors
say how often jaxgen's mixer goes into the time of full attention, jaxgen's too, and into
that of the same mixer in PyTorch: CPU time, then the median of wall time."""

LINE = "{:<17} {:>22} {:>8}  {:>23} {:>7}  {:<17} {:>22}  {:>20} {:>7}"
COLUMNS = (
    "",
    "CPU, ms",
    "of limit",
    "full attention / it",
    "wall",
    "in PyTorch",
    "CPU, ms",
    "PyTorch / jaxgen",
    "wall",
)


def table(rows: Sequence[Row]) -> str:
    """The mixers of each length, forward and with the gradient."""

    def task(row: Row) -> tuple[int, bool]:
        return row["length"], row["backward"]

    parts = [HEAD]
    for (length, backward), of in groupby(sorted(rows, key=task), task):
        direction = "with gradient" if backward else "forward"
        lines = [line(row) for row in of]
        parts += ["", f"{length:,} tokens, {direction}", LINE.format(*COLUMNS), *lines]
    return "\n".join(parts)


def line(row: Row) -> str:
    """Of one mixer."""
    share = row["jaxgen"]["share_of_limit"]["median"]
    start = LINE.format(
        row["title"],
        milliseconds_text(row["jaxgen"]["cpu_seconds"]),
        f"{share:.0%}" if row["flops"] else "",
        *factors(row["faster_than_full"]),
        *beside(row),
    )
    return f"{start.rstrip()}  {row['left_out']}".rstrip()


def beside(row: Row) -> tuple[str, ...]:
    """Of the counterpart, where there is one."""
    theirs = row["counterpart"]
    if theirs is None:
        return "", "", "", ""
    took = milliseconds_text(theirs["cpu_seconds"])
    return theirs["name"], took, *factors(row["faster_than_counterpart"])


def factors(of: Mapping[str, Mapping[str, float]]) -> tuple[str, str]:
    """In CPU time with its spread, and in wall time."""
    wall = f"{of['wall_seconds']['median']:.2f}"
    return spread_text(of["cpu_seconds"], ".2f"), wall
