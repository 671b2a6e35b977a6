"""The part about permuted digits: ten digits, whose pixels change places by stages."""

from collections.abc import Sequence
from pathlib import Path

from experiments.criterion import Criterion, criterion_text, overall
from experiments.domain_generalization.digit_findings import (
    MARGIN,
    Runs,
    gains,
    lost_accuracy,
    naive,
)
from experiments.domain_generalization.digit_settings import (
    KeeperName,
    PermutedDigits,
)
from experiments.domain_generalization.digit_stages import digits_by_class
from experiments.domain_generalization.digit_tables import (
    accuracy_figure,
    accuracy_table,
    digit_results,
)
from experiments.domain_generalization.permuted_digits_runs import trained_permuted
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.report import Part
from jaxgen.report.page import Fragment, figure, paragraph, section, verdict
from jaxgen.stats.student import student_interval
from jaxgen.stats.verdict import above

CLAIM = (
    "Where pixels change their places from stage to stage earlier stages are forgotten, "
    "and elastic weight consolidation and synaptic intelligence keep more of them"
)
TITLES: dict[str, str] = {
    "ewc": "EWC, online",
    "separate_ewc": "EWC, separate penalties",
    "si": "synaptic intelligence",
    "lwf": "LwF",
    "joint": "all at once (joint)",
}
WEIGHTS: dict[KeeperName, float] = {
    "ewc": 100.0,
    "separate_ewc": 100.0,
    "si": 10.0,
    "lwf": 0.2,
    "joint": 0.0,
}
"""Of each strategy, after pilots with other seeds of small digits, and of MNIST's."""

PROTOCOL = (
    "{stages} stages of all ten digits, told by the same ten logits; in each but the first "
    "the pixels are in an order of the stage's and the seed's own, and at a test nobody "
    "says which (domain-incremental). Two hidden layers of {width}; Adam at {rate:g} with "
    "batches of {batch}, {iterations:,} of each stage, where all at once has as many "
    "together. EWC's Fisher information is of drawn labels of {fisher_examples:,} images "
    "of each stage. Weights were chosen in pilots with other seeds, by the images of the "
    "test. {seeds} seeds."
)


def permuted_digits(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    settings = experiment.permuted_digits
    data = digits_by_class("permuted_digits", settings.source, settings.file)
    runs: Runs = {
        name: trained_permuted(name, weights, settings, data, folder / name)
        for name, weights in weights_of(settings).items()
    }
    criteria = permuted_criteria(runs)
    drawing = accuracy_figure(runs, TITLES, "stages")
    return Part(
        digit_results(runs, criteria, "strategy"),
        sections(settings, runs, criteria, drawing),
        {"permuted_digits": drawing},
    )


def weights_of(settings: PermutedDigits) -> dict[KeeperName, tuple[float, ...]]:
    """EWC first, with no weight, too: a penalty of nothing is nothing."""
    found: dict[KeeperName, tuple[float, ...]] = {"ewc": (0.0, WEIGHTS["ewc"])}
    for name in settings.strategies:
        found.setdefault(name, (WEIGHTS[name],))
    return found


def permuted_criteria(runs: Runs) -> list[Criterion]:
    """The claim, as it was written down before any run that is reported."""
    lost = student_interval(lost_accuracy(naive(runs)))
    above_naive = {name: student_interval(gain) for name, gain in gains(runs).items()}
    return [
        Criterion(
            f"No penalty: earlier stages lose more than {MARGIN:.0f} point of accuracy.",
            lost,
            "points",
            above(lost, MARGIN),
        ),
        *(
            Criterion(
                f"{TITLES[name]}: more than {MARGIN:.0f} point of accuracy above no "
                "penalty.",
                above_naive[name],
                "points",
                above(above_naive[name], MARGIN),
            )
            for name in ("ewc", "si")
        ),
    ]


def sections(
    settings: PermutedDigits, runs: Runs, criteria: Sequence[Criterion], drawing: str
) -> list[Fragment]:
    """The part of the page."""
    return [
        section(
            "Permuted digits",
            verdict(overall(criteria), f"{CLAIM}."),
            *(paragraph(criterion_text(one)) for one in criteria),
            paragraph(PROTOCOL.format(**vars(settings))),
            accuracy_table(runs, TITLES, "stages"),
            figure(drawing, "Each seed a dot: accuracy over all stages at the end."),
        )
    ]
