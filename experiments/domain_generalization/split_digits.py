"""The part about digits in pairs: elastic weight consolidation beside published numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.criterion import Criterion, criterion_text, overall
from experiments.domain_generalization.digit_findings import MARGIN, Runs, gains
from experiments.domain_generalization.digit_settings import FisherName, SplitDigits
from experiments.domain_generalization.digit_stages import digits_by_class
from experiments.domain_generalization.digit_tables import (
    accuracy_figure,
    accuracy_table,
    digit_results,
)
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.domain_generalization.split_digits_runs import FISHERS, trained_split
from experiments.report import Part
from jaxgen.report.page import Fragment, figure, paragraph, section, verdict
from jaxgen.stats.student import student_interval
from jaxgen.stats.verdict import above

CLAIM = (
    "Elastic weight consolidation keeps earlier pairs of digits, whichever way its Fisher "
    "information is computed"
)
TITLES = {name: f"EWC, {name}" for name in FISHERS}

WEIGHTS: Mapping[FisherName, float] = {
    "exact": 1e5,
    "sampled": 1e5,
    "empirical": 1e7,
    "batched": 1e9,
}
"""Of each kind, after pilots with another seed and a fifth of the updates: kinds want
weights that are orders of magnitude apart."""

PUBLISHED: Mapping[str, str] = {
    "none": "85.41 ± 0.88",
    "exact": "99.12 ± 0.16",
    "sampled": "99.12 ± 0.12",
    "empirical": "99.12 ± 0.12",
    "batched": "99.11 ± 0.16",
}
"""Accuracies after the last pair, and their standard errors over 30 seeds, of Fisher
information from all images; the exact one of 500 of each pair ends at 98.93 ± 0.15."""

PROTOCOL = (
    "Five pairs of digits, in an order of each seed's own; each pair has two logits of its "
    "own, and at a test it is known of which pair an image is (task-incremental). Two "
    "hidden layers of {width}; Adam at {rate:g} with batches of {batch}, {iterations:,} of "
    "each pair, and the online form of EWC, whose Fisher information is a mean over "
    "{fisher_examples:,} images of each pair. {seeds} seeds. Published, of Split MNIST: "
    "layers of 400, batches of 128, 2,000 of each pair, all images of each pair (500 of "
    "each, exact: 98.93 ± 0.15); van de Ven, 2025, On the computation of the Fisher "
    "information in continual learning. The weight there is the best of fourteen by the "
    "images of the test; here it was chosen in pilots with another seed, by such images "
    "too. Kinds want weights that are orders of magnitude apart."
)


def split_digits(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    settings = experiment.split_digits
    data = digits_by_class("split_digits", settings.source, settings.file)
    runs: Runs = {
        name: trained_split(name, weights, settings, data, folder / name)
        for name, weights in weights_of(settings).items()
    }
    criteria = split_criteria(runs)
    drawing = accuracy_figure(runs, TITLES, "pairs")
    return Part(
        digit_results(runs, criteria, "fisher"),
        sections(settings, runs, criteria, drawing),
        {"split_digits": drawing},
    )


def weights_of(settings: SplitDigits) -> dict[FisherName, tuple[float, ...]]:
    """Of each kind its weight; the first has none, too: a penalty of nothing is nothing."""
    first = settings.fishers[0]
    return {
        name: (0.0, WEIGHTS[name]) if name == first else (WEIGHTS[name],)
        for name in settings.fishers
    }


def split_criteria(runs: Runs) -> list[Criterion]:
    """The claim, as it was written down before any run that is reported."""
    return [
        Criterion(
            f"EWC, {name} Fisher information: more than {MARGIN:.0f} point of accuracy "
            "above no penalty.",
            student_interval(gain),
            "points",
            above(student_interval(gain), MARGIN),
        )
        for name, gain in gains(runs).items()
    ]


def sections(
    settings: SplitDigits, runs: Runs, criteria: Sequence[Criterion], drawing: str
) -> list[Fragment]:
    """The part of the page."""
    published = PUBLISHED if settings.source == "mnist" else None
    return [
        section(
            "Digits in pairs",
            verdict(overall(criteria), f"{CLAIM}."),
            *(paragraph(criterion_text(one)) for one in criteria),
            paragraph(PROTOCOL.format(**vars(settings))),
            accuracy_table(runs, TITLES, "pairs", published),
            figure(drawing, "Each seed a dot: accuracy over all pairs at the end."),
        )
    ]
