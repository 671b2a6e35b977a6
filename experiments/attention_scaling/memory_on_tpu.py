"""The second part of the claim: memory of one chip by length, without a TPU."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.attention_scaling.drawings import Panels, exact_curve
from experiments.attention_scaling.settings import AttentionScaling
from experiments.attention_scaling.titles import TITLES, bytes_text, length_text
from experiments.attention_scaling.tpu_memory import planned
from experiments.report import Part
from jaxgen.report.page import Fragment, figure, section, table
from jaxgen.report.scaling import growths
from jaxgen.stats.growth import exponent
from jaxgen.stats.growth_laws import longest_within, quadratic_fit

MIB, GIB = 2.0**20, 2.0**30
RESERVED = 0.26
"""GiB of a chip that the system keeps."""
USABLE = {"v5litepod-4": 15.75, "v6e-4": 31.24, "v5p-8": 95.73}
"""GiB of a chip that its compiler gives out, as it says when a program needs more."""

Lines = Mapping[tuple[str, str, str], tuple[np.ndarray, np.ndarray]]
"""Lengths and peaks in bytes of each (slice, scope, mechanism)."""


def memory_on_tpu(experiment: AttentionScaling, folder: Path) -> Part:
    """Compiles what is missing, and says what was found."""
    rows = planned(experiment, folder)
    lines = by_line(rows)
    drawing = growths(panels(lines), ylabel="peak memory of a chip, MiB")
    caption = (
        "Peak memory of one chip by length, with gradient, in bfloat16, as the TPU "
        "compiler plans it; exact for its version. Lengths that do not fit are left out."
    )
    shown = section(
        "Memory on TPUs", figure(drawing, caption), memory_table(lines, rows)
    )
    return Part({"rows": rows}, [shown], {"memory_on_tpu": drawing})


def by_line(rows: Sequence[Mapping[str, Any]]) -> Lines:
    """Lines of the rows that fit."""
    points: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for row in rows:
        if row["peak"] is not None:
            key = (row["slice"], row["scope"], row["mechanism"])
            points.setdefault(key, []).append((row["length"], row["peak"]))
    pairs = {key: np.array(each) for key, each in points.items()}
    return {key: (each[:, 0], each[:, 1]) for key, each in pairs.items()}


def panels(lines: Lines) -> Panels:
    """A panel for each scope and slice."""
    found: Panels = {}
    for (slice, scope, name), (lengths, peaks) in lines.items():
        panel = found.setdefault(f"{scope}, {slice}", {})
        panel[TITLES[name]] = exact_curve(lengths, peaks / MIB)
    return found


def memory_table(lines: Lines, rows: Sequence[Mapping[str, Any]]) -> Fragment:
    """Peaks at the longest length that fits, their growth, and what would still fit."""
    return table(
        (
            "what",
            "longest that fits",
            "its peak",
            "exponent, last two",
            "would fit",
        ),
        [
            (
                f"{scope}, {slice}: {TITLES[name]}",
                f"{lengths[-1]:,}" + ("" if whole(rows, slice, scope, name) else " *"),
                bytes_text(peaks[-1]),
                last_exponent(lengths, peaks),
                would_fit(lengths, peaks, slice),
            )
            for (slice, scope, name), (lengths, peaks) in lines.items()
        ],
        "Right: tokens of the longest sequence that a chip would hold, by the law c₀ + c₁n "
        f"+ c₂n² through the last three peaks; {RESERVED} GiB are the system's. * The "
        "compiler refused a longer one that was asked for.",
    )


def whole(rows: Sequence[Mapping[str, Any]], *key: str) -> bool:
    """Whether every length of a line fits."""
    names = ("slice", "scope", "mechanism")
    mine = [row for row in rows if tuple(row[name] for name in names) == key]
    return all(row["peak"] is not None for row in mine)


def last_exponent(lengths: np.ndarray, peaks: np.ndarray) -> str:
    """Of the last two lengths."""
    if lengths.size < 2:
        return ""
    return f"{exponent(lengths[-2:], peaks[None, -2:]).estimate:.2f}"


def would_fit(lengths: np.ndarray, peaks: np.ndarray, slice: str) -> str:
    """Tokens, extrapolated."""
    if lengths.size < 3:
        return ""
    budget = (USABLE[slice] - RESERVED) * GIB
    law = quadratic_fit(lengths[-3:], peaks[-3:])
    return length_text(longest_within(law, budget))
