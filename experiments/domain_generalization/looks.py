"""The part about looks: digits that are written, printed, and of few pixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.criterion import (
    Criterion,
    criteria_table,
    criterion_row,
    overall,
)
from experiments.domain_generalization.image_settings import Looks
from experiments.domain_generalization.look_data import LOOKS, LookImages, looks_of
from experiments.domain_generalization.look_findings import (
    CLAIM,
    Runs,
    look_criteria,
    right_by,
)
from experiments.domain_generalization.look_runs import trained_on_looks
from experiments.domain_generalization.look_tables import (
    gain_figure,
    gain_table,
    rule_table,
)
from experiments.domain_generalization.selection import SELECTIONS
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.report import Part
from jaxgen.report.page import Fragment, figure, paragraph, section, verdict

WORDS = (
    "Protocol: leave one look out. {count} images of each look, all of {side} x {side} "
    "pixels: {sources} Printed digits are drawn in 210 fonts. Classifiers learned from "
    "four fifths of two looks, {each} images of each in an update, {steps:,} updates of "
    "Adam; the other fifth chooses, and the other four of the look left out are the test. "
    "Three looks are too few to be a sample of looks: the unit of every interval is the "
    "seed within what was left out, {seeds} of them, unless said otherwise, so that it "
    "speaks of these three looks alone. Selection: {selection}, for each seed by itself. "
    "Weights, rates and the threshold were written down without a pilot; that printed "
    "digits are cut to the size of written ones was changed after a first run of the same "
    "seeds, in which they were smaller and hardly told."
)
SMALL = (
    "written ones are half of scikit-learn's; those of few pixels are its other half, of "
    "which each two by two pixels became one."
)
LARGE = (
    "written ones are MNIST's; those of few pixels are scikit-learn's, of 8 x 8, whose "
    "pixels became nine each."
)


def looks(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    settings = experiment.looks
    data = looks_of(settings)
    runs = trained_on_looks(settings, data, folder)
    criteria = look_criteria(runs, settings.selection)
    drawing = gain_figure(runs, settings.selection)
    return Part(
        results(settings, runs, criteria),
        sections(settings, data, runs, criteria, drawing),
        {"looks": drawing},
    )


def sections(
    settings: Looks,
    data: LookImages,
    runs: Runs,
    criteria: Sequence[Criterion],
    drawing: str,
) -> list[Fragment]:
    """The part of the page."""
    return [
        section(
            "Digits of three looks",
            verdict(overall(criteria), f"{CLAIM}."),
            paragraph(words_of(settings, data)),
            criteria_table(criteria, f"{CLAIM}: its parts."),
            rule_table(runs),
            gain_table(runs, settings.selection),
            figure(
                drawing,
                "Each seed of each look left out a dot: points of right answers above the "
                "mean loss's.",
            ),
        )
    ]


def words_of(settings: Looks, data: LookImages) -> str:
    """What was trained on what."""
    learned, held = data.learned.labels.shape[1], data.held.labels.shape[1]
    return WORDS.format(
        count=learned + held,
        side=data.learned.images.shape[2],
        sources=SMALL if settings.source == "digits8" else LARGE,
        each=settings.each,
        steps=settings.steps,
        seeds=settings.seeds,
        selection=settings.selection,
    )


def results(
    settings: Looks, runs: Runs, criteria: Sequence[Criterion]
) -> dict[str, Any]:
    """Every number, with its keys."""
    return {
        "verdict": overall(criteria),
        "criteria": [criterion_row(one) for one in criteria],
        "protocol": "leave one look out",
        "selection": settings.selection,
        "chosen": {
            name: {
                rule: dict(zip(LOOKS, right_by(one, rule).tolist(), strict=True))
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
                "left_out": look,
                "weight": weight,
                "rate": rate,
                "right": (100 - one.test[left_out, place]).tolist(),
                "held_right": (100 - one.validation[left_out, place]).tolist(),
            }
            for name, one in runs.items()
            for left_out, look in enumerate(LOOKS)
            for place, (weight, rate) in enumerate(one.choices)
        ],
    }
