"""Tables of what length costs."""

from collections.abc import Sequence

import numpy as np

from experiments.attention_scaling.costs import Costs, Line
from experiments.attention_scaling.findings import (
    Calibrated,
    far_exponent,
    shared,
    speed_up,
)
from experiments.attention_scaling.mechanisms import SPARSE
from experiments.attention_scaling.titles import (
    SCOPES,
    TITLES,
    bytes_text,
    crossing_text,
    length_text,
    scope_title,
)
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.stats.crossover import crossover
from jaxgen.stats.growth import exponent, growth
from jaxgen.stats.growth_laws import longest_within, quadratic_fit

GIB = 2.0**30
BUDGETS = (1, 16, 95)
LAWS = {"quadratic": "c₂n²", "power law": "c nᵖ"}
TOLD_APART = 10.0
"""Difference of AICc from which on one law is borne out, by simulation."""


def calibration_table(found: Sequence[Calibrated], counted: str) -> Fragment:
    """Known operations, and what was measured of them; a word on XLA's own count."""
    return table(
        ("operation", "known exponent", "of time", "of XLA's FLOPs", "came back"),
        [
            (
                one.name,
                f"{one.known:.2f}",
                interval_text(one.time, "z.2f"),
                f"{one.flops:.2f}",
                "right" if one.right else "wrong",
            )
            for one in found
        ],
        "Operations whose growth is known, timed in the same rounds as all else: "
        "elementwise functions, a sort, a sum over all pairs, a product of square "
        "matrices. Time must come back within 0.15, FLOPs within 0.05, or this machine "
        f"was too noisy.{counted}",
    )


def growth_table(costs: Costs) -> Fragment:
    """The fitted law of each line's time, and the exponents of all it costs."""
    rows = [
        (f"{scope_title(scope, gradient)}: {TITLES[name]}", *growth_cells(line))
        for (scope, gradient, name), line in costs.items()
        if scope in SCOPES and line.lengths.size >= 6
    ]
    return table(
        (
            "what",
            "law",
            "c₀, ms",
            "p of time",
            "time",
            "memory",
            "work",
        ),
        rows,
        "Two laws were fitted to the time of each: c₀ + c₁n + c₂n² and c₀ + c nᵖ, none "
        "negative, by relative least squares. Named is the one of smaller AICc where the "
        "difference is above 10, with its c₀; the power p is the second's either way. "
        "Right: plain exponents over the lengths from 4,096 on, or over the last two. "
        "Time with 95 % intervals over rounds; memory (temporaries) and work (FLOPs of "
        "products of matrices) are exact.",
    )


def growth_cells(line: Line) -> tuple[str, ...]:
    """Of a line: lengths, law, offset, powers."""
    found = growth(line.lengths, line.seconds)
    time, memory, work = (
        far_exponent(line, values)[1]
        for values in (line.seconds, line.temporaries[None], line.flops[None])
    )
    chosen = found.power if found.law == "power law" else found.quadratic
    return (
        LAWS[found.law] if abs(found.aicc_difference) > TOLD_APART else "either",
        f"{1e3 * chosen.offset:.2g}",
        interval_text(found.exponent, "z.2f"),
        interval_text(time, "z.2f"),
        f"{memory.estimate:.2f}",
        f"{work.estimate:.2f}",
    )


def crossover_table(costs: Costs, slow: str) -> Fragment:
    """From which length on sparse attention costs less than another."""
    rows = [
        (
            f"{scope_title(scope, gradient)}: {TITLES[fast]}",
            *crossover_cells(costs, scope, gradient, slow, fast),
        )
        for scope, gradient in scopes(costs)
        for fast in SPARSE
        if all((scope, gradient, name) in costs for name in (slow, fast))
    ]
    return table(
        ("what", "time", "memory", "work", "faster, times", "tokens"),
        rows,
        f"Against {TITLES[slow]} attention: the length from which on each costs less, of "
        "those that both were measured at, and how much faster it is at the longest of "
        "them. Time with 95 % intervals over rounds.",
    )


def crossover_cells(
    costs: Costs, scope: str, gradient: bool, slow: str, fast: str
) -> tuple[str, ...]:
    """Of two lines: where they cross, and how far apart they end."""
    one, other = costs[scope, gradient, slow], costs[scope, gradient, fast]
    lengths = shared(one, other)
    one, other = (line.where(np.isin(line.lengths, lengths)) for line in (one, other))

    def text(length: float) -> str:
        return crossing_text(length, lengths[0], lengths[-1])

    low, at, high = map(text, crossover(lengths, one.seconds, other.seconds))
    exact = (
        crossover(lengths, of_one[None], of_other[None]).estimate
        for of_one, of_other in (
            (one.temporaries, other.temporaries),
            (one.flops, other.flops),
        )
    )
    return (
        at if low == at == high else f"{at} [{low}, {high}]",
        *map(text, exact),
        interval_text(speed_up(costs, gradient, scope, slow, fast), "z.1f"),
        f"{lengths[-1]:,}",
    )


def longest_table(costs: Costs) -> Fragment:
    """The longest sequence whose memory stays within a budget."""
    rows = []
    for (scope, gradient, name), line in costs.items():
        if scope in SCOPES and gradient and line.lengths.size >= 3:
            law = quadratic_fit(line.lengths[-3:], line.bytes[-3:])
            found = [longest_within(law, budget * GIB) for budget in BUDGETS]
            rows.append(
                (
                    f"{scope_title(scope, gradient)}: {TITLES[name]}",
                    f"{line.lengths[-1]:,}",
                    bytes_text(line.bytes[-1]),
                    *map(length_text, found),
                )
            )
    return table(
        ("what", "longest measured", "its memory", *(f"{b} GiB" for b in BUDGETS)),
        rows,
        "Tokens of the longest sequence whose arguments, results and temporaries fit, by "
        "the law c₀ + c₁n + c₂n² through the bytes that the compiler planned at the "
        "three longest; what is longer than these is extrapolated.",
    )


def compile_table(costs: Costs) -> Fragment:
    """Seconds of compiling, and whether length matters."""
    rows = []
    for scope, gradient in scopes(costs):
        for name, title in TITLES.items():
            line = costs.get((scope, gradient, name))
            if line is not None and line.lengths.size > 1:
                seconds = line.compile_seconds
                rows.append(
                    (
                        f"{scope_title(scope, gradient)}: {title}",
                        f"{seconds.min():.2f}",
                        f"{np.median(seconds):.2f}",
                        f"{seconds.max():.2f}",
                        f"{exponent(line.lengths, seconds[None]).estimate:z.2f}",
                    )
                )
    return table(
        ("what", "least, s", "median, s", "most, s", "exponent of length"),
        rows,
        "Tracing and compiling, once at each length, in a random order; what a pattern "
        "plans before is included. Spread over lengths.",
    )


def scopes(costs: Costs) -> list[tuple[str, bool]]:
    """The scopes and directions that were measured, in order."""
    return list(
        dict.fromkeys(
            (scope, gradient) for scope, gradient, _ in costs if scope in SCOPES
        )
    )
