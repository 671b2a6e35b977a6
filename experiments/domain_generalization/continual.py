"""The part about continual learning: one domain of text after the other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.criterion import (
    Criterion,
    criterion_row,
    criterion_text,
    overall,
)
from experiments.domain_generalization.continual_findings import (
    CLAIM,
    STRATEGIES,
    Learned,
    continual_criteria,
    from_naive,
    learned_by,
    measures,
)
from experiments.domain_generalization.continual_runs import (
    StrategyRuns,
    number_of_domains,
    trained_with,
)
from experiments.domain_generalization.continual_settings import StrategyName
from experiments.domain_generalization.continual_tables import (
    calibration_table,
    curve_figure,
    difference_figure,
    difference_table,
    results_figure,
    strategy_table,
)
from experiments.domain_generalization.corpora import Domains, domains_of
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.report import Part
from jaxgen.data.stages import latin_square
from jaxgen.report.page import Fragment, figure, paragraph, section, verdict

Runs = Mapping[StrategyName, StrategyRuns]
Arms = Mapping[StrategyName, Learned]


def continual(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    domains = domains_of(experiment.corpus)
    runs: Runs = {
        name: trained_with(name, experiment, domains, folder / name)
        for name in experiment.continual.strategies
    }
    arms: Arms = {name: learned_by(one) for name, one in runs.items()}
    criteria = continual_criteria(arms)
    drawings = {
        "strategies": difference_figure(arms),
        "forgetting": results_figure(arms["naive"]),
        "keeping": results_figure(arms["replay"]),
        "stability": curve_figure(arms, runs["naive"].steps),
    }
    return Part(
        results(experiment, domains, runs, arms, criteria),
        sections(experiment, domains, arms, criteria, drawings),
        drawings,
    )


def sections(
    experiment: DomainGeneralization,
    domains: Domains,
    arms: Arms,
    criteria: Sequence[Criterion],
    drawings: Mapping[str, str],
) -> list[Fragment]:
    """The part of the page."""
    return [
        section(
            "Continual learning",
            verdict(overall(criteria), f"{CLAIM}."),
            *(paragraph(criterion_text(one)) for one in criteria),
            paragraph(words_of(experiment, domains)),
            strategy_table(arms),
            difference_table(arms),
            calibration_table(arms),
            figure(
                drawings["strategies"],
                "Each order a dot: bits per byte at the end less those of doing nothing.",
            ),
            figure(
                drawings["forgetting"],
                "Nothing done: bits per byte after each stage, means over orders; what is "
                "below the diagonal was learned before.",
            ),
            figure(drawings["keeping"], "The same with replay."),
            figure(
                drawings["stability"],
                "The domain of the first stage from its end on: each order thin, their "
                "mean thick. Peaks that come back are stability gaps.",
            ),
        )
    ]


def words_of(experiment: DomainGeneralization, domains: Domains) -> str:
    """What was learned in which order."""
    settings, corpus = experiment.continual, experiment.corpus
    count = number_of_domains(settings, domains)
    seen = settings.updates * corpus.batch * corpus.length
    return (
        f"Stages: {', '.join(domains.train[:count])}, in {count} orders in which each is "
        f"once at each place; {seen:,} bytes each, without replay none twice, "
        f"{settings.seeds} seed(s). The learning rate rises and falls in each stage. "
        "Every strategy has as "
        f"many bytes: of {corpus.batch} windows of an update {settings.replayed} are "
        f"replayed, from {settings.capacity} that are kept, in the place of new ones. "
        f"LoRA per domain learns a model in the first stage, and of each later domain an "
        f"adapter of rank {settings.rank} to it; at a test the domain is known. Weights, "
        "of LoRA its alpha, were chosen, for each order, by validation on the other "
        "orders. The unit of intervals is the order."
    )


def results(
    experiment: DomainGeneralization,
    domains: Domains,
    runs: Runs,
    arms: Arms,
    criteria: Sequence[Criterion],
) -> dict[str, Any]:
    """Every number, with its keys."""
    count = number_of_domains(experiment.continual, domains)
    names = domains.train[:count]
    orders = [[names[i] for i in line] for line in latin_square(count)]
    return {
        "verdict": overall(criteria),
        "criteria": [criterion_row(one) for one in criteria],
        "orders": orders,
        "measures": {
            name: {key: told.tolist() for key, told in each.items()}
            for name, each in (
                (name, measures(one, arms.get("joint"))) for name, one in arms.items()
            )
        },
        "differences": {
            name: {
                "interval": one.told.interval._asdict(),
                "detectable": one.told.detectable,
                "p_value": one.p_value,
                "equal": one.equal,
            }
            for name, one in from_naive(arms).items()
        },
        "died": {
            name: {str(k): v for k, v in one.died.items()} for name, one in runs.items()
        },
        "rows": [
            {
                "strategy": STRATEGIES[name],
                "order": orders[order],
                "weight": weight,
                "steps": one.steps.tolist(),
                "test": one.test[order, place].tolist(),
                "validation": one.validation[order, place, -1].tolist(),
                **{
                    key: float(side[order, place])
                    for key, side in one.ends._asdict().items()
                },
            }
            for name, one in runs.items()
            for order in range(count)
            for place, weight in enumerate(one.weights)
        ],
    }
