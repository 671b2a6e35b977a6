"""The second half of the claim: what is lost where length costs less."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.attention_scaling.answering import answerer, parameters
from experiments.attention_scaling.costs import costs_there
from experiments.attention_scaling.mixer_costs import MixerCost, mixer_costs
from experiments.attention_scaling.quality_drawings import (
    cost_and_quality_figure,
    distance_figure,
)
from experiments.attention_scaling.quality_findings import (
    PRICE,
    Answers,
    learned,
    price_criteria,
)
from experiments.attention_scaling.quality_tables import (
    Baselines,
    accuracy_table,
    baseline_table,
    difference_table,
    recall_table,
    side_by_side_table,
)
from experiments.attention_scaling.quality_training import Pools, trained_on_all
from experiments.attention_scaling.questions import pools_of, tasks_of
from experiments.attention_scaling.settings import AttentionScaling, QualityOfLength
from experiments.criterion import (
    Criterion,
    criteria_table,
    criterion_row,
    overall,
)
from experiments.report import Part
from jaxgen.report.page import Fragment, figure, section, verdict
from jaxgen.stats.verdict import Verdict


def quality_of_length(experiment: AttentionScaling, folder: Path) -> Part:
    """Trains what is missing, and says what was found, beside costs that are there."""
    settings = experiment.quality_of_length
    sizes, tasks = sizes_of(settings), tasks_of(settings)  # may be refused
    found = answers_of(settings, pools_of(tasks), folder)
    costs = mixer_costs(costs_there(experiment, folder.parent / "cost_of_length"))
    criteria = price_criteria(found, settings)
    baselines = {name: task.baselines for name, task in tasks.items()}
    sure = learned(found, baselines)
    drawings = {"needle": distance_figure(found)} if "needle" in settings.tasks else {}
    if costs:
        drawings["cost_and_quality"] = cost_and_quality_figure(found, costs, baselines)
    sections = [
        section(
            "What is lost",
            verdict(found_verdict(criteria, sure), f"{PRICE}{TRUST[sure]}"),
            criteria_table(criteria, f"{PRICE}: its parts."),
            accuracy_table(found, baselines, sizes),
            baseline_table(baselines),
            difference_table(found),
        ),
        *cost_sections(found, costs, drawings),
        *distance_sections(found, settings, drawings),
    ]
    return Part(results(found, criteria, baselines), sections, drawings)


TRUST = {
    True: ".",
    False: ": full attention itself answers no more than a baseline, so that nothing "
    "follows.",
}
"""What is said of a verdict, by whether full attention has learned."""


def found_verdict(criteria: Sequence[Criterion], sure: bool) -> Verdict:
    """On all parts together; undecided where none was measured, or nothing was learned."""
    return overall(criteria) if criteria and sure else "undecided"


def answers_of(settings: QualityOfLength, pools: Pools, folder: Path) -> Answers:
    """The scores at the end of training of every mixer, task by task."""
    kinds = 1 + int(max(pools.train.kinds.max(), pools.test.kinds.max()))
    found = {}
    for name in settings.mixers:
        run = trained_on_all(name, settings, pools, kinds, folder / name)
        rows = len(settings.tasks), settings.seeds
        found[name] = {
            "right": run.last("right").reshape(rows),
            "by_kind": run.last("right_by_kind").reshape(*rows, kinds),
        }
    return Answers(settings.tasks, found)


def sizes_of(settings: QualityOfLength) -> dict[str, int]:
    """Parameters of each mixer's encoder."""
    return {
        name: parameters(answerer(name, settings.net, settings.length), settings.length)
        for name in settings.mixers
    }


def cost_sections(
    found: Answers, costs: Mapping[str, MixerCost], drawings: Mapping[str, str]
) -> list[Fragment]:
    """Cost and quality side by side, where cost was measured."""
    if not costs:
        return []
    caption = (
        "Right answers, the mean over tasks, against the time of the mixer with its "
        "gradient at the longest length measured, as a share of full attention's. "
        "Trivial: the best baselines."
    )
    return [
        section(
            "Cost and quality",
            figure(drawings["cost_and_quality"], caption),
            side_by_side_table(found, costs),
        )
    ]


def distance_sections(
    found: Answers, settings: QualityOfLength, drawings: Mapping[str, str]
) -> list[Fragment]:
    """How far each mixer sees, and how much it holds."""
    shown = []
    if "needle" in drawings:
        caption = (
            "Right answers by the distance of the needle, in groups of distances: each "
            "seed thin, their mean thick, its 95 % interval. Dashed: chance."
        )
        shown.append(section("How far it sees", figure(drawings["needle"], caption)))
    if "recall" in settings.tasks:
        shown.append(section("How much it holds", recall_table(found)))
    return shown


def results(
    found: Answers, criteria: Sequence[Criterion], baselines: Baselines
) -> dict[str, Any]:
    """Every number, with its keys."""
    return {
        "verdict": found_verdict(criteria, learned(found, baselines)),
        "criteria": [criterion_row(part) for part in criteria],
        "baselines": {name: dict(each) for name, each in baselines.items()},
        "rows": [
            {
                "mixer": mixer,
                "task": task,
                "seed": seed,
                "right": float(scores["right"][place, seed]),
                "right_by_kind": scores["by_kind"][place, seed].tolist(),
            }
            for mixer, scores in found.scores.items()
            for place, task in enumerate(found.tasks)
            for seed in range(len(scores["right"][place]))
        ],
    }
