"""The first part of the claim: work, memory and time by length."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.attention_scaling.costs import Costs, Line, measured, wanted
from experiments.attention_scaling.drawings import (
    compile_figure,
    local_figure,
    memory_figure,
    time_figure,
    work_figure,
)
from experiments.attention_scaling.findings import (
    FULL,
    Calibrated,
    calibrated,
    quadratic_criteria,
    sparse_criteria,
)
from experiments.attention_scaling.mixer_costs import mixer_costs, mixer_table
from experiments.attention_scaling.programs import Call
from experiments.attention_scaling.published import published_table
from experiments.attention_scaling.settings import AttentionScaling
from experiments.attention_scaling.tables import (
    calibration_table,
    compile_table,
    crossover_table,
    growth_table,
    longest_table,
)
from experiments.criterion import (
    Criterion,
    criteria_table,
    criterion_row,
    overall,
)
from experiments.report import Part
from jaxgen.report.page import Fragment, figure, paragraph, section, verdict
from jaxgen.stats.verdict import Verdict, all_of

QUADRATIC = "Self-attention costs the square of the length"
SPARSE = "Sparse attention brings it down"


def cost_of_length(experiment: AttentionScaling, folder: Path) -> Part:
    """Measures what is missing, and says what was found."""
    costs = measured(experiment, folder)
    scope = experiment.cost_of_length.scopes[-1]
    halves = {
        QUADRATIC: quadratic_criteria(costs, scope, True),
        SPARSE: sparse_criteria(costs, scope, True),
    }
    checks = calibrated(costs)
    drawings = {
        "time": time_figure(costs),
        "exponents": local_figure(costs, experiment.net),
        "memory": memory_figure(costs),
        "work": work_figure(costs),
        "compiling": compile_figure(costs),
    }
    left_out = wanted(experiment)[1]
    sections = [
        verdict_section(costs, halves, checks),
        section(
            "Time by length",
            *shown(drawings, "time", "exponents"),
            *left_out_text(left_out, experiment.cost_of_length.gigaflops),
        ),
        section("How it grows", growth_table(costs), published_table()),
        section(
            "Where lines cross",
            *(
                crossover_table(costs, name)
                for name in FULL
                if is_measured(costs, name)
            ),
        ),
        section(
            "Memory and work by length",
            *shown(drawings, "memory", "work"),
            longest_table(costs),
        ),
        section("Every way to mix", mixer_table(mixer_costs(costs))),
        section("Compiling", *shown(drawings, "compiling"), compile_table(costs)),
    ]
    found = results(costs, halves, checks)
    found["left_out"] = [call._asdict() for call in left_out]
    return Part(found, sections, drawings)


def is_measured(costs: Costs, mechanism: str) -> bool:
    """Whether anything was measured with a mechanism."""
    return any(name == mechanism for _, _, name in costs)


def found_verdict(
    halves: dict[str, list[Criterion]], checks: Sequence[Calibrated]
) -> Verdict:
    """On both halves together; undecided where the machine was too noisy."""
    if not all(check.right for check in checks):
        return "undecided"
    return all_of(*map(half_verdict, halves.values()))


def half_verdict(half: Sequence[Criterion]) -> Verdict:
    """On one half; undecided where nothing was measured of it."""
    return overall(half) if half else "undecided"


def verdict_section(
    costs: Costs, halves: dict[str, list[Criterion]], checks: Sequence[Calibrated]
) -> Fragment:
    """The claim, its halves, and whether the machine can be believed."""
    trust = (
        "known operations came back right"
        if all(check.right for check in checks)
        else "machine too noisy: known operations came back wrong"
    )
    return section(
        "Verdict",
        verdict(found_verdict(halves, checks), f"The claim as a whole; {trust}."),
        *(verdict(half_verdict(half), f"{name}.") for name, half in halves.items()),
        *(criteria_table(half, f"{name}: its parts.") for name, half in halves.items()),
        calibration_table(checks, count_sentence(costs)),
    )


def count_sentence(costs: Costs) -> str:
    """How far XLA's count is from the formula, where there is no loop to be missed."""
    line = costs.get(("operator", False, "dense"))
    if line is None:
        return ""
    ratio = line.xla_flops[-1] / line.flops[-1]
    return (
        f" Of dense attention forward, which has no loop, XLA counts {ratio:.3f} times "
        f"the products of the formula at {line.lengths[-1]:,} tokens, softmax included."
    )


def left_out_text(calls: Sequence[Call], gigaflops: float) -> list[Fragment]:
    """What was not measured, and why."""
    if not calls:
        return []
    return [
        paragraph(
            f"Lines end early where a call would take more than {gigaflops:g} GFLOP: "
            f"{len(calls)} calls were left out for that, and are named in results.json."
        )
    ]


def shown(drawings: dict[str, str], *names: str) -> list[Fragment]:
    """Drawings with their captions."""
    return [figure(drawings[name], CAPTIONS[name]) for name in names]


CAPTIONS = {
    "time": "Time of a call by length, both axes logarithmic: geometric means over rounds "
    "and their 95 % intervals. Dashed: a line and a square.",
    "exponents": "Local exponents of time, between neighbouring lengths, with 95 % "
    "intervals over rounds. Dashed, in the layer: the exact exponent of its work with "
    "full attention, 1 + n / (n + 6d), which reaches 1.9 only at n = 54 d.",
    "memory": "Temporaries by length, as the compiler planned them; exact.",
    "work": "Work by length: multiplications and additions of products of matrices, exact.",
    "compiling": "Seconds of tracing and compiling by length, once each.",
}


def results(
    costs: Costs, halves: dict[str, list[Criterion]], checks: Sequence[Calibrated]
) -> dict[str, Any]:
    """Every number, with its keys."""
    return {
        "verdict": found_verdict(halves, checks),
        "halves": {
            sentence: {
                "verdict": half_verdict(half),
                "criteria": [criterion_row(part) for part in half],
            }
            for sentence, half in halves.items()
        },
        "calibration": [
            {**one._asdict(), "time": one.time._asdict(), "right": one.right}
            for one in checks
        ],
        "rows": [row for key, line in costs.items() for row in rows(key, line)],
    }


def rows(key: tuple[str, bool, str], line: Line) -> list[dict[str, Any]]:
    """One row for each length."""
    names = dict(zip(("scope", "gradient", "mechanism"), key, strict=True))
    return [
        {
            **names,
            **{name: each.T[index] for name, each in line._asdict().items()},
        }
        for index in range(line.lengths.size)
    ]
