"""Measures the parts of the claim that an experiment asks for."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from experiments.domain_generalization.algorithms import algorithms
from experiments.domain_generalization.architecture import architecture
from experiments.domain_generalization.continual import continual
from experiments.domain_generalization.continual_runs import require_stages_of
from experiments.domain_generalization.corpora import domains_of
from experiments.domain_generalization.digit_settings import (
    DigitTraining,
    require_examples,
)
from experiments.domain_generalization.digit_stages import CLASSES, digits_by_class
from experiments.domain_generalization.diversity import diversity
from experiments.domain_generalization.domainbed import domainbed
from experiments.domain_generalization.domainbed_data import (
    digits_there as domainbed_digits,
)
from experiments.domain_generalization.fine_tuning import fine_tuning
from experiments.domain_generalization.look_data import looks_of
from experiments.domain_generalization.looks import looks
from experiments.domain_generalization.page import WORDS
from experiments.domain_generalization.permuted_digits import permuted_digits
from experiments.domain_generalization.published import published
from experiments.domain_generalization.published_runs import digits_there
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.domain_generalization.split_digits import split_digits
from experiments.domain_generalization.training_sets import sets_on_circles
from experiments.domain_generalization.tuning_data import require_targets
from experiments.report import Part, left_report

PARTS: dict[str, Callable[[DomainGeneralization, Path], Part]] = {
    "diversity": diversity,
    "architecture": architecture,
    "algorithms": algorithms,
    "fine_tuning": fine_tuning,
    "continual": continual,
    "split_digits": split_digits,
    "permuted_digits": permuted_digits,
    "looks": looks,
    "domainbed": domainbed,
    "published": published,
}
WITHOUT_TEXT = {"looks", "domainbed", "published"}
"""Parts that need no texts."""


def report(experiment: DomainGeneralization) -> Path:
    """Measures what is missing and leaves the report.

    Returns:
      Where the page is.

    Raises:
      ValueError: domains that are none, or too few.
      OSError: a folder that cannot be read.
    """
    require_possible(experiment)
    parts = {name: partial(part, experiment) for name, part in PARTS.items()}
    settings = settings_of(experiment)
    return left_report(experiment.out, settings, parts, experiment.parts, WORDS)


def require_possible(experiment: DomainGeneralization) -> None:
    """Raises, before anything is written, what a part would raise later.

    Raises:
      ValueError: domains that are none, or too few; digits that are none.
      ImportError: digits of TFDS are asked for, and it is not installed.
      OSError: a folder or a file that cannot be read.
    """
    if "published" in experiment.parts:
        digits_there(experiment.published)
    if "looks" in experiment.parts:
        looks_of(experiment.looks)
    if "domainbed" in experiment.parts:
        domainbed_digits(experiment.domainbed)
    if set(experiment.parts) <= WITHOUT_TEXT:
        return
    domains = domains_of(experiment.corpus)
    if "diversity" in experiment.parts:
        sets_on_circles(len(domains.train), experiment.diversity.sizes, 1)
    if "fine_tuning" in experiment.parts:
        require_targets(experiment.fine_tuning.targets, domains.train)
    if "continual" in experiment.parts:
        require_stages_of(experiment.continual.domains, domains.train)
    if "split_digits" in experiment.parts:
        require_digits("split_digits", experiment.split_digits, 2)
    if "permuted_digits" in experiment.parts:
        require_digits("permuted_digits", experiment.permuted_digits, CLASSES)


def require_digits(part: str, settings: DigitTraining, classes: int) -> None:
    """Raises:
    ValueError: digits that are none, or fewer of so many classes than are asked for.
    """
    there = digits_by_class(part, settings.source, settings.file)
    most = classes * int(there.train.counts.min())
    require_examples(part, settings.fisher_examples, most)


def settings_of(experiment: DomainGeneralization) -> dict[str, Any]:
    """What decides the results, as JSON: all but where they go, and which parts."""
    settings = asdict(experiment)
    settings["corpus"]["folder"] = str(settings["corpus"]["folder"] or "")
    for part in (
        "split_digits",
        "permuted_digits",
        "looks",
        "domainbed",
        "published",
    ):
        settings[part]["file"] = str(settings[part]["file"] or "")
    return {
        "experiment": "domain_generalization",
        **{name: settings[name] for name in settings if name not in ("out", "parts")},
    }
