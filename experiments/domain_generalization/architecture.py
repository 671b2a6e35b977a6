"""The part about architecture: equal models but for how their tokens are mixed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.criterion import (
    Criterion,
    criterion_row,
    criterion_text,
    overall,
)
from experiments.domain_generalization.architecture_findings import (
    CLAIM,
    Told,
    architecture_criteria,
    from_attention,
    robustness,
    told_by,
)
from experiments.domain_generalization.architecture_tables import (
    arm_table,
    difference_figure,
    difference_table,
    recall_table,
    robustness_figure,
    robustness_table,
)
from experiments.domain_generalization.corpora import Domains, domains_of
from experiments.domain_generalization.recall import Answers, answers_of
from experiments.domain_generalization.settings import ArmName, DomainGeneralization
from experiments.domain_generalization.text_models import language_model
from experiments.domain_generalization.text_runs import TextRuns, trained_on_sets
from experiments.domain_generalization.training_sets import all_but_one
from experiments.report import Part
from jaxgen.models.language_model import parameter_count
from jaxgen.report.page import Fragment, figure, paragraph, section, verdict

EVALUATIONS = 2
"""After training, and halfway: points of the line that architectures lie on."""

Runs = Mapping[ArmName, TextRuns]


def architecture(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    domains = domains_of(experiment.corpus)
    runs = runs_of(experiment, domains, folder)
    arms: dict[ArmName, Told] = {
        name: told_by(one, len(domains.train)) for name, one in runs.items()
    }
    criteria = architecture_criteria(arms)
    answers = answers_of(experiment, folder / "recall")
    drawings = {
        "architectures": difference_figure(arms),
        "robustness": robustness_figure(arms),
    }
    return Part(
        results(domains, runs, arms, criteria, answers),
        sections(experiment, arms, criteria, answers, drawings),
        drawings,
    )


def runs_of(experiment: DomainGeneralization, domains: Domains, folder: Path) -> Runs:
    """The runs of every architecture, each of which leaves out one domain."""
    settings = experiment.architecture
    sets = all_but_one(len(domains.train))
    return {
        name: trained_on_sets(
            name,
            language_model(name, experiment.net, settings.window),
            experiment.corpus,
            experiment.net,
            domains,
            sets,
            settings.seeds,
            EVALUATIONS,
            folder / name,
        )
        for name in settings.arms
    }


def sections(
    experiment: DomainGeneralization,
    arms: Mapping[ArmName, Told],
    criteria: Sequence[Criterion],
    answers: Answers,
    drawings: Mapping[str, str],
) -> list[Fragment]:
    """The part of the page."""
    return [
        section(
            "Architecture",
            verdict(overall(criteria), f"{CLAIM}."),
            *(paragraph(criterion_text(one)) for one in criteria),
            paragraph(HOW.format(seeds=experiment.architecture.seeds)),
            arm_table(arms, costs(experiment)),
            difference_table(arms),
            figure(
                drawings["architectures"],
                "Each domain that was left out a dot: bits per byte less self-attention's.",
            ),
            robustness_table(arms),
            figure(
                drawings["robustness"],
                "Effective robustness, each domain that was left out a dot.",
            ),
            recall_table(answers),
        )
    ]


HOW = (
    "Each model was trained on all domains but one, and told the one left out; {seeds} "
    "seed(s) each. Models have equal numbers of parameters, to one in a hundred: the "
    "perceptrons behind the mixers are as wide as that asks for. All have one learning "
    "rate, which was not tuned for each."
)


def costs(experiment: DomainGeneralization) -> dict[ArmName, tuple[int, float]]:
    """Parameters of each architecture, and thousands of operations for each byte."""
    length, found = experiment.corpus.length, {}
    for name in experiment.architecture.arms:
        model = language_model(name, experiment.net, experiment.architecture.window)
        flops = model.cost(1, length).flops / length / 1e3
        found[name] = parameter_count(model), flops
    return found


def results(
    domains: Domains,
    runs: Runs,
    arms: Mapping[ArmName, Told],
    criteria: Sequence[Criterion],
    answers: Answers,
) -> dict[str, Any]:
    """Every number, with its keys."""
    return {
        "verdict": overall(criteria),
        "criteria": [criterion_row(one) for one in criteria],
        "differences": {
            name: {
                "interval": one.told.interval._asdict(),
                "detectable": one.told.detectable,
                "p_value": one.p_value,
                "equal": one.equal,
            }
            for name, one in from_attention(arms).items()
        },
        "robustness": {
            name: dict(zip(domains.train, robustness(arms, name).tolist(), strict=True))
            for name in arms
        },
        "died": {
            name: {str(k): v for k, v in one.died.items()} for name, one in runs.items()
        },
        "recall": {
            "right": {name: each.tolist() for name, each in answers.right.items()},
            "chance_in_row": answers.chance_in_row,
            "chance": answers.chance,
        },
        "rows": [row for name, one in runs.items() for row in rows(name, one, domains)],
    }


def rows(name: ArmName, runs: TextRuns, domains: Domains) -> list[dict[str, Any]]:
    """One row for each run and evaluation."""
    return [
        {
            "architecture": name,
            "left_out": next(
                each for i, each in enumerate(domains.train) if i not in chosen
            ),
            "seed": runs.seeds[row],
            "step": int(step),
            "bits": dict(
                zip(domains.tested, runs.test[row, time].tolist(), strict=True)
            ),
        }
        for row, chosen in enumerate(runs.sets)
        for time, step in enumerate(runs.times)
    ]
