"""What the benchmark of language models makes of its measurements."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.benchmarks.language_contenders import Entry
from experiments.benchmarks.results import by_contender, spread_text
from experiments.benchmarks.timing import Measurement, spread

Row = Mapping[str, Any]


def rows(
    entries: Sequence[Entry],
    limit: str,
    flops: float,
    measurements: Sequence[Measurement],
    compile_seconds: Mapping[str, float],
) -> list[dict[str, Any]]:
    """A row for each contender of one way, ready for JSON.

    Args:
      entries: the contenders.
      limit: the name of the machine's limit among the measurements, in FLOPs.
      flops: of a token.
      measurements: all rounds.
      compile_seconds: of each.
    """
    of = {
        name: [one.rate for one in rounds]
        for name, rounds in by_contender(measurements).items()
    }
    cpu = {
        name: [1e6 * one.cpu_seconds / one.units for one in rounds]
        for name, rounds in by_contender(measurements).items()
    }
    best = {arms: of[fastest(entries, of, arms)] for arms in arms_of(entries)}

    def row(entry: Entry) -> dict[str, Any]:
        name = entry.contender.name
        rivals = {} if entry.side == "jaxgen" else compared(best, entry.arms)
        return {
            "way": entry.way,
            "name": name,
            "side": entry.side,
            "arms": entry.arms,
            "compile_seconds": compile_seconds[name],
            "tokens_per_second": spread(of[name])._asdict(),
            "cpu_seconds_per_million_tokens": spread(cpu[name])._asdict(),
            "share_of_limit": spread(
                rate * flops / most
                for rate, most in zip(of[name], of[limit], strict=True)
            )._asdict(),
            "jaxgen_is_faster_by": {
                arms: spread(
                    a / b for a, b in zip(ours, of[name], strict=True)
                )._asdict()
                for arms, ours in rivals.items()
            },
        }

    return [row(entry) for entry in entries]


def arms_of(entries: Sequence[Entry]) -> list[int]:
    """How many models jaxgen trains at once: one, and those of a study."""
    return sorted({one.arms for one in entries if one.side == "jaxgen"})


def fastest(entries: Sequence[Entry], of: Mapping[str, Sequence[float]], arms: int):
    """The name of jaxgen's fastest setting for so many models."""
    names = [
        one.contender.name
        for one in entries
        if one.side == "jaxgen" and one.arms == arms
    ]
    return max(names, key=lambda name: statistics.median(of[name]))


def compared(best: Mapping[int, Sequence[float]], arms: int) -> dict[str, Any]:
    """What a rival is compared with: one model with one, a study with whatever."""
    return {
        "one model" if ours == 1 else "study": rates
        for ours, rates in best.items()
        if ours > 1 or arms == 1
    }


HEAD = ("tokens/s", "of limit", "CPU s/M tokens", "compile", "one model", "study")
LINE = "{:<30} {:>28} {:>9} {:>15} {:>9}  {:<20}  {}"


def table(found: Mapping[str, Any]) -> str:
    """The results for a person: medians, and in brackets the least and the largest."""
    lines = [
        "Medians of the rounds, their least and largest in brackets; the last columns",
        "tell how much faster jaxgen's fastest setting is.",
    ]
    for way in dict.fromkeys(row["way"] for row in found["rows"]):
        lines += ["", LINE.format(way, *HEAD).rstrip()]
        lines += [_line(row) for row in found["rows"] if row["way"] == way]
    return "\n".join([*lines, "", memory_text(found)])


def memory_text(found: Mapping[str, Any]) -> str:
    """What the loss takes beside its arguments, in words."""
    plain, chunked = (found["memory"][name] / 1e6 for name in ("plain", "chunked"))
    settings = found["settings"]
    return (
        f"The gradient of a batch with {settings['vocabulary']:,} tokens to tell apart "
        f"takes {plain:,.1f} MB beside parameters and slopes, and {chunked:,.1f} MB with "
        f"the logits of {settings['chunk']} tokens of a row at a time."
    )


def _line(row: Row) -> str:
    ratio = row["jaxgen_is_faster_by"]
    told = [
        spread_text(ratio[arms], ".2f") if arms in ratio else ""
        for arms in ("one model", "study")
    ]
    return LINE.format(
        row["name"],
        spread_text(row["tokens_per_second"], ",.0f"),
        f"{row['share_of_limit']['median']:.0%}",
        f"{row['cpu_seconds_per_million_tokens']['median']:.1f}",
        f"{row['compile_seconds']:.1f} s",
        *told,
    ).rstrip()
