"""The part that is published elsewhere: DomainBed's two sets of digits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.criterion import (
    Criterion,
    criteria_table,
    criterion_row,
    overall,
)
from experiments.domain_generalization.algorithm_findings import METHODS
from experiments.domain_generalization.domainbed_data import digits_there
from experiments.domain_generalization.domainbed_findings import (
    CLAIM,
    Found,
    bed_criteria,
    chosen_steps,
    right_of,
)
from experiments.domain_generalization.domainbed_runs import SetRuns, trained_on_set
from experiments.domain_generalization.domainbed_table import (
    ENVIRONMENTS,
    GUESS,
    INVARIANT,
    PUBLISHED,
    TITLES,
)
from experiments.domain_generalization.image_settings import DomainBed, SetName
from experiments.domain_generalization.method_names import MethodName
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.report import Part
from jaxgen.report.page import (
    Fragment,
    interval_text,
    paragraph,
    section,
    table,
    verdict,
)
from jaxgen.stats.student import student_interval

WORDS = (
    "Protocol: leave one environment out; every image is in one environment. Four fifths "
    "of the others are learned from, {each} images of each in an update, {steps:,} updates "
    "of Adam at the rate {rate:g}, penalties at their default weights; {images:,} images "
    "of {side} x {side} pixels, {width} channels in the first layer. Selection: training "
    "domains, which choose among {evaluations} updates by the fifth that is held out, up "
    "to {judged:,} images; four times as many of the one left out are the test. {seeds} "
    "seeds, each with environments of its own, are the unit of every interval. In print: "
    "70,000 images of 28 x 28, batches of 64, 5,001 updates, 64 channels, the mean of "
    "three trials, and selection among twenty draws of hyperparameters, too, of which "
    "ours are the defaults alone.{small}"
)
SMALL = (
    " Here digits are printed ones, few and small: the numbers in print are of another "
    "set, and stand beside for the order alone."
)


def domainbed(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    settings = experiment.domainbed
    data = digits_there(settings)
    found: Found = {
        name: trained_on_set(name, settings, data, folder / name)
        for name in settings.sets
    }
    criteria = bed_criteria(found)
    count, side, _ = data.images.shape
    return Part(
        results(found, criteria),
        [
            section(
                "DomainBed's digits",
                verdict(overall(criteria), f"{CLAIM}."),
                paragraph(words_of(settings, count, side)),
                criteria_table(criteria, f"{CLAIM}: its parts."),
                *(set_table(settings, name, runs) for name, runs in found.items()),
            )
        ],
    )


def words_of(settings: DomainBed, images: int, side: int) -> str:
    """What was trained on what."""
    return WORDS.format(
        each=settings.each,
        steps=settings.steps,
        rate=settings.rate,
        images=images,
        side=side,
        width=settings.width,
        evaluations=settings.evaluations,
        judged=settings.judged,
        seeds=settings.seeds,
        small=SMALL if settings.source == "printed" else "",
    )


def set_table(
    settings: DomainBed, name: SetName, runs: Mapping[MethodName, SetRuns]
) -> Fragment:
    """Ours, and those in print below each."""
    rows = []
    for method, one in runs.items():
        right = right_of(one)
        rows.append(
            (
                METHODS[method],
                *(interval_text(student_interval(seeds)) for seeds in right),
                interval_text(student_interval(right.mean(0))),
                f"{chosen_steps(one).mean():,.0f}",
            )
        )
        printed = PUBLISHED[name][method]
        mean = f"{np.mean(printed):.1f}"
        rows.append(("in print", *(f"{each:.1f}" for each in printed), mean, ""))
    guess = ("by chance", *(f"{GUESS[name]:.0f}" for _ in ENVIRONMENTS[name]))
    rows.append((*guess, f"{GUESS[name]:.0f}", ""))
    if name == "colored":
        best = f"{INVARIANT:.0f}"
        rows.append(
            ("best of shape alone", *(best for _ in ENVIRONMENTS[name]), best, "")
        )
    what = "digits" if settings.source == "mnist" else "small printed digits"
    return table(
        (f"{TITLES[name]}, left out:", *ENVIRONMENTS[name], "mean", "update chosen"),
        rows,
        f"Right answers in per cent, of {what}, with 95 % intervals over seeds. In print: "
        "Gulrajani and Lopez-Paz, 2021, by training-domain validation.",
    )


def results(found: Found, criteria: list[Criterion]) -> dict[str, Any]:
    """Every number, with its keys."""
    return {
        "verdict": overall(criteria),
        "criteria": [criterion_row(one) for one in criteria],
        "in_print": {
            name: {method: list(PUBLISHED[name][method]) for method in runs}
            for name, runs in found.items()
        },
        "right": {
            name: {
                method: dict(
                    zip(ENVIRONMENTS[name], right_of(one).tolist(), strict=True)
                )
                for method, one in runs.items()
            }
            for name, runs in found.items()
        },
        "rows": [
            {
                "set": name,
                "method": method,
                "left_out": left_out,
                "seed": seed,
                "died": one.died.get(row),
                "updates": list(one.steps),
                "right": (100 - one.test[place, :, seed]).tolist(),
                "held_right": (100 - one.validation[place, :, seed]).tolist(),
            }
            for name, runs in found.items()
            for number, (method, one) in enumerate(runs.items())
            for place, left_out in enumerate(ENVIRONMENTS[name])
            for seed in range(one.test.shape[2])
            for row in [(number * one.test.shape[0] + place) * one.test.shape[2] + seed]
        ],
    }
