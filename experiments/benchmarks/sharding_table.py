"""What the benchmark of sharding found, for a person."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from experiments.benchmarks.results import milliseconds_text
from experiments.benchmarks.weak_scaling import AIM, Row, grown, growth

GIB = 2**30
DEVICES = """\
Simulated devices of one thread each, the same work on all: CPU time of a step, medians of
the rounds, their least and largest in brackets. Times one device: geometric mean of the
rounds' ratios, and its interval of 95 %."""
DEVICE = "{:<10} {:>8} {:>24}  {:<24} {:>9}"
DEVICE_HEAD = ("", "devices", "CPU, ms", "times one device", "compile")
SLICES = """\
Slices of TPUs, by their compiler: nothing ran. Kilocycles are those it expects of a chip
in a step, links left out; growth is that of cycles for each operation of the model, from
the smallest slice. Milliseconds are bounds by makers' numbers, no measurement: compute is
cycles by the clock, ICI and DCN what a chip sends by all of its links at once; a step takes
the longest of them at least, and their sum where none hides another."""
SLICE = (
    "{:<10} {:<14} {:>5} {:>10} {:>10} {:>8}  {:>7} {:>7} {:>6} {:>8} {:>8}  {:>12}  {}"
)
SLICE_HEAD = (
    "",
    "slice",
    "chips",
    "GFLOP",
    "kilocycles",
    "growth",
    "compute",
    "ICI, ms",
    "DCN",
    "least",
    "sum",
    "GiB needed",
    "MB that a chip sends",
)


def table(devices: Sequence[Mapping[str, Any]], slices: Sequence[Row]) -> str:
    """Both parts, those that there are."""
    parts = []
    if devices:
        parts += [DEVICES, "", device_line_of(DEVICE_HEAD)]
        parts += map(device_line, devices)
    if slices:
        parts += ["", SLICES, "", SLICE.format(*SLICE_HEAD)]
        parts += map(slice_line, slices)
        parts += ["", *verdicts(slices)]
    return "\n".join(parts).strip()


def device_line_of(cells: Sequence[str]) -> str:
    """One line, its end cut."""
    return DEVICE.format(*cells).rstrip()


def device_line(row: Mapping[str, Any]) -> str:
    """Of one number of devices."""
    ratio = row["times_one_device"]
    told = "{estimate:.2f} ({low:.2f} to {high:.2f})".format(**ratio)
    return device_line_of(
        (
            row["way"],
            str(row["devices"]),
            milliseconds_text(row["cpu_seconds"]),
            told if row["devices"] > 1 else "",
            f"{row['compile_seconds']:.1f} s",
        )
    )


def slice_line(row: Row) -> str:
    """Of one slice; a question mark where the compiler's text could not be read."""
    limits = row["bounds"] or {"least": None, "none_hidden": None}
    cells = [
        "?" if row["cycles"] is None else f"{row['cycles'] / 1e3:,.0f}",
        "?" if row["growth"] is None else f"{row['growth']:+.1%}",
        *(
            "?" if one is None else f"{1e3 * one:.2f}"
            for one in (*row["seconds"].values(), *limits.values())
        ),
    ]
    sent = ", ".join(
        f"{size / 1e6:,.1f} {name}" for name, size in largest(row["sent"]).items()
    )
    memory = f"{row['needs'] / GIB:.2f} of {row['limit'] / GIB:.2f}"
    return SLICE.format(
        row["way"],
        row["target"],
        row["chips"],
        f"{row['model_flops'] / 1e9:,.0f}",
        *cells,
        memory if row["fits"] else f"{memory}!",
        sent,
    ).rstrip()


def largest(sent: Mapping[str, int], least: int = 50_000) -> dict[str, int]:
    """What a reader of megabytes would see, the most first."""
    told = {name: size for name, size in sent.items() if size >= least}
    return dict(sorted(told.items(), key=lambda one: -one[1]))


def verdicts(slices: Sequence[Row]) -> list[str]:
    """Of each way whether it grows by no more than it should, and if not, with what."""
    lines = []
    for (way, kind), of in groupby(slices, lambda one: (one["way"], one["kind"])):
        first, *others = of
        if others:
            name = f"{way}, {kind}, {first['chips']} to {others[-1]['chips']} chips"
            lines.append(f"{name}: {verdict(first, others[-1])}")
    return lines


def verdict(first: Row, last: Row) -> str:
    """One way, from its smallest slice to its largest."""
    if last["growth"] is None:
        return "this jaxlib cannot spell the program; memory alone is told"
    word = "hit" if last["growth"] <= AIM else "missed"
    before, now = (sum(one["sent"].values()) for one in (first, last))
    name, more = next(iter(grown(last, first).items()), ("nothing", 0))
    return (
        f"cycles grow by {last['growth']:+.1%}, at most {AIM:.0%} was the aim: {word}; "
        f"products of matrices by {growth(last, first, 'made_flops'):+.1%}; "
        f"a chip sends {before / 1e6:,.0f} and {now / 1e6:,.0f} MB, and most of "
        f"the change is {name}, {more / 1e6:+,.0f} MB"
    )
