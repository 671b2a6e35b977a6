"""The part about digits in pairs: elastic weight consolidation beside published numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.criterion import Criterion, criterion_row, criterion_text, overall
from experiments.domain_generalization.continual_settings import FisherName, SplitDigits
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.domain_generalization.split_digits_data import split_digits_of
from experiments.domain_generalization.split_digits_findings import (
    CLAIM,
    MARGIN,
    Runs,
    final_accuracy,
    kept_accuracy,
    naive_accuracy,
    split_criteria,
)
from experiments.domain_generalization.split_digits_runs import trained_split
from experiments.report import Part
from jaxgen.metrics.forgetting import forgetting_since_best
from jaxgen.report.figures import outcomes
from jaxgen.report.page import (
    Fragment,
    figure,
    interval_text,
    paragraph,
    section,
    table,
    verdict,
)
from jaxgen.stats.student import student_interval

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
    "exact": "99.12 ± 0.16; of 500 images 98.93 ± 0.15",
    "sampled": "99.12 ± 0.12",
    "empirical": "99.12 ± 0.12",
    "batched": "99.11 ± 0.16",
}
"""Accuracies after the last pair, and their standard errors over 30 seeds."""

PROTOCOL = (
    "Five pairs of digits, in an order of each seed's own; each pair has two logits of its "
    "own, and at a test it is known of which pair an image is (task-incremental). Two "
    "hidden layers of {width}; Adam at {rate:g} with batches of {batch}, {iterations:,} of "
    "each pair, and the online form of EWC, whose Fisher information is a mean over "
    "{examples:,} images of each pair. {seeds} seeds. Published, of Split MNIST: layers of "
    "400, batches of 128, 2,000 of each pair, all images of each pair; van de Ven, 2025, "
    "On the computation of the Fisher information in continual learning. The weight there "
    "is the best of fourteen by the images of the test; here it was chosen in pilots with "
    "another seed, by such images too. Kinds want weights that are orders of magnitude "
    "apart."
)


def split_digits(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    settings = experiment.split_digits
    data = split_digits_of("split_digits", settings.source, settings.file)
    runs: Runs = {
        name: trained_split(name, weights, settings, data, folder / name)
        for name, weights in weights_of(settings).items()
    }
    criteria = split_criteria(runs)
    drawing = accuracy_figure(runs)
    return Part(
        results(runs, criteria),
        sections(settings, runs, criteria, drawing),
        {"split_digits": drawing},
    )


def weights_of(settings: SplitDigits) -> dict[FisherName, tuple[float, ...]]:
    """The weight of each kind; of the first one zero, too, which is no penalty."""
    first = settings.fishers[0]
    return {
        name: (0.0, WEIGHTS[name]) if name == first else (WEIGHTS[name],)
        for name in settings.fishers
    }


def sections(
    settings: SplitDigits, runs: Runs, criteria: Sequence[Criterion], drawing: str
) -> list[Fragment]:
    """The part of the page."""
    words = PROTOCOL.format(
        width=settings.width,
        rate=settings.rate,
        batch=settings.batch,
        iterations=settings.iterations,
        examples=settings.fisher_examples,
        seeds=settings.seeds,
    )
    return [
        section(
            "Digits in pairs",
            verdict(overall(criteria), f"{CLAIM}."),
            *(paragraph(criterion_text(one)) for one in criteria),
            paragraph(words),
            accuracy_table(runs, published=settings.source == "mnist"),
            figure(drawing, "Each seed a dot: accuracy over all pairs at the end."),
        )
    ]


def accuracy_table(runs: Runs, published: bool) -> Fragment:
    """Accuracy and forgetting of every weight, with what was published of the best."""
    rows = []
    for name, one in runs.items():
        for place, weight in enumerate(one.weights):
            accuracy = one.accuracy[place]
            ends = final_accuracy(accuracy)
            lost = 100 * np.asarray(forgetting_since_best(1 - accuracy))
            key = name if weight else "none"
            beside = PUBLISHED[key] if published else ""
            rows.append(
                (
                    f"EWC, {name}" if weight else "no penalty",
                    f"{weight:g}",
                    interval_text(student_interval(ends), ".2f"),
                    f"{ends.std(ddof=1) / np.sqrt(len(ends)):.2f}",
                    interval_text(student_interval(lost), "z.2f"),
                    beside,
                )
            )
    return table(
        ("Fisher information", "weight", "accuracy", "standard error", "forgetting",
         "published"),
        rows,
        "Percent of test images over all pairs after the last one, with 95 % intervals "
        "over seeds; points that earlier pairs lost since they were at their best. "
        f"{MARGIN:.0f} point counts as nothing.",
    )  # fmt: skip


def accuracy_figure(runs: Runs) -> str:
    """Every seed as a dot."""
    dots = {"no penalty": naive_accuracy(runs)} | {
        f"EWC, {name}": kept_accuracy(one) for name, one in runs.items()
    }
    return outcomes(dots, xlabel="accuracy over all pairs at the end, %")


def results(runs: Runs, criteria: Sequence[Criterion]) -> dict[str, Any]:
    """Every number, with its keys."""
    return {
        "verdict": overall(criteria),
        "criteria": [criterion_row(one) for one in criteria],
        "died": {
            name: {str(row): step for row, step in one.died.items()}
            for name, one in runs.items()
        },
        "rows": [
            {
                "fisher": name,
                "weight": weight,
                "seed": seed,
                "accuracy": one.accuracy[place, seed].tolist(),
            }
            for name, one in runs.items()
            for place, weight in enumerate(one.weights)
            for seed in range(one.accuracy.shape[1])
        ],
    }
