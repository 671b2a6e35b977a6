"""The part about algorithms: what to make of the losses of several domains."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.criterion import (
    Criterion,
    criterion_row,
    criterion_text,
    overall,
)
from experiments.domain_generalization.algorithm_findings import (
    CLAIM,
    algorithm_criteria,
    chosen_bits,
)
from experiments.domain_generalization.algorithm_runs import (
    AlgorithmRuns,
    trained_by,
)
from experiments.domain_generalization.algorithm_tables import (
    difference_figure,
    difference_table,
    method_table,
)
from experiments.domain_generalization.corpora import Domains, domains_of
from experiments.domain_generalization.selection import SELECTIONS
from experiments.domain_generalization.settings import DomainGeneralization, MethodName
from experiments.report import Part
from jaxgen.report.page import Fragment, figure, paragraph, section, verdict

PROTOCOL = "leave one domain out"
Runs = Mapping[MethodName, AlgorithmRuns]


def algorithms(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    settings, domains = experiment.algorithms, domains_of(experiment.corpus)
    runs: Runs = {
        name: trained_by(name, experiment, domains, folder / name)
        for name in settings.methods
    }
    criteria = algorithm_criteria(runs, settings.selection)
    drawing = difference_figure(runs, settings.selection)
    return Part(
        results(experiment, domains, runs, criteria),
        sections(experiment, runs, criteria, drawing),
        {"algorithms": drawing},
    )


def sections(
    experiment: DomainGeneralization,
    runs: Runs,
    criteria: Sequence[Criterion],
    drawing: str,
) -> list[Fragment]:
    """The part of the page."""
    rule = experiment.algorithms.selection
    return [
        section(
            "Algorithms",
            verdict(overall(criteria), f"{CLAIM}."),
            *(paragraph(criterion_text(one)) for one in criteria),
            paragraph(words_of(experiment)),
            method_table(runs),
            difference_table(runs, rule),
            figure(
                drawing,
                "Each domain that was left out a dot: bits per byte less the mean loss's.",
            ),
        )
    ]


def words_of(experiment: DomainGeneralization) -> str:
    """What was trained on what."""
    corpus, settings = experiment.corpus, experiment.algorithms
    seen = settings.each * settings.updates * corpus.passes * corpus.length
    return (
        f"Protocol: {PROTOCOL}. Each model was trained on {seen:,} bytes of each domain "
        f"but one, {settings.each} window(s) of each in an update, and told the one left "
        f"out; {settings.seeds} seed(s). Selection: {settings.selection}."
    )


def results(
    experiment: DomainGeneralization,
    domains: Domains,
    runs: Runs,
    criteria: Sequence[Criterion],
) -> dict[str, Any]:
    """Every number, with its keys."""
    return {
        "verdict": overall(criteria),
        "criteria": [criterion_row(one) for one in criteria],
        "protocol": PROTOCOL,
        "selection": experiment.algorithms.selection,
        "chosen": {
            name: {
                rule: dict(
                    zip(domains.train, chosen_bits(one, rule).tolist(), strict=True)
                )
                for rule in SELECTIONS
            }
            for name, one in runs.items()
        },
        "died": {
            name: {str(row): step for row, step in one.died.items()}
            for name, one in runs.items()
        },
        "rows": [
            {
                "method": name,
                "left_out": domains.train[left_out],
                "weight": weight,
                "validation": dict(
                    zip(
                        domains.train,
                        one.validation[left_out, place].tolist(),
                        strict=True,
                    )
                ),
                "test": float(one.test[left_out, place]),
            }
            for name, one in runs.items()
            for left_out in range(len(domains.train))
            for place, weight in enumerate(one.weights)
        ],
    }
