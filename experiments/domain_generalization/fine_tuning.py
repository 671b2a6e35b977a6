"""The part about fine-tuning: a few bytes of a domain, for a model that never saw it."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.criterion import Criterion, criterion_text, overall
from experiments.domain_generalization.corpora import domains_of
from experiments.domain_generalization.fine_tuning_findings import (
    CLAIM,
    Told,
    crossing,
    told_by,
    tuning_criteria,
)
from experiments.domain_generalization.fine_tuning_results import results_of
from experiments.domain_generalization.fine_tuning_settings import TuningName
from experiments.domain_generalization.fine_tuning_tables import (
    area_table,
    calibration_table,
    front_figure,
    shot_figure,
    shot_table,
    target_table,
)
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.domain_generalization.tuning_bases import Judged, bases_of
from experiments.domain_generalization.tuning_data import Data, Known, shown_of
from experiments.domain_generalization.tuning_runs import Tuned, tuned_by
from experiments.report import Part
from jaxgen.report.page import (
    Fragment,
    figure,
    paragraph,
    section,
    verdict,
)


class Measured(NamedTuple):
    """All that was measured.

    Attributes:
      names: of the targets.
      before: bits of the models that were tuned, by bytes of a prompt.
      errors: of calibration, likewise.
      tuned: what every method came to.
    """

    names: tuple[str, ...]
    before: dict[int, Judged]
    errors: dict[int, Judged]
    tuned: dict[TuningName, Tuned]

    @property
    def methods(self) -> dict[TuningName, Told]:
        """What was gained and lost by every method."""
        tuned = self.tuned.items()
        return {name: told_by(one.bits, self.before[0]) for name, one in tuned}

    @property
    def told(self) -> dict[str, Told]:
        """The same, and on the way back from full tuning."""
        way = told_by(self.tuned["full"].way, self.before[0])
        return {**self.methods, "wise": way}

    @property
    def in_context(self) -> dict[int, Told]:
        """What was gained and lost by prompts alone."""

        def told(judged: Judged) -> Told:
            own, others = (
                (after - before)[:, None, None, None]
                for after, before in zip(judged, self.before[0], strict=True)
            )
            return Told(-own, others)

        return {size: told(judged) for size, judged in self.before.items() if size}


def fine_tuning(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    measured = measured_of(experiment, folder)
    criteria = tuning_criteria(measured.told)
    settings, length = experiment.fine_tuning, experiment.corpus.length
    drawings = {
        "fronts": front_figure(measured.told, settings.shots, length),
        "shots": shot_figure(
            measured.methods, measured.in_context, settings.shots, length
        ),
    }
    return Part(
        results_of(settings, *measured, measured.told, criteria),
        sections(experiment, measured, criteria, drawings),
        drawings,
    )


def measured_of(experiment: DomainGeneralization, folder: Path) -> Measured:
    """Models that never saw a target, and what every method makes of them."""
    settings, domains = experiment.fine_tuning, domains_of(experiment.corpus)
    shown = shown_of(domains, settings)
    bases = bases_of(experiment, domains, shown, folder / "before")

    def data() -> Data:
        return Known(bases.params(), shown.train[:, 0, : settings.prefix]), shown

    return Measured(
        domains.train[: settings.targets],
        bases.judged,
        bases.errors,
        {
            name: tuned_by(name, experiment, data, folder / name)
            for name in settings.methods
        },
    )


def sections(
    experiment: DomainGeneralization,
    measured: Measured,
    criteria: Sequence[Criterion],
    drawings: Mapping[str, str],
) -> list[Fragment]:
    """The part of the page."""
    settings, length = experiment.fine_tuning, experiment.corpus.length
    tuned = measured.tuned
    numbers = {name: one.numbers for name, one in tuned.items()}
    return [
        section(
            "Fine-tuning",
            verdict(overall(criteria), f"{CLAIM}."),
            *map(paragraph, map(criterion_and_verdict, criteria)),
            paragraph(words_of(experiment, measured)),
            figure(drawings["fronts"], FRONTS),
            area_table(measured.told, {**numbers, "wise": numbers["full"]}),
            figure(drawings["shots"], SHOTS),
            paragraph(crossing_text(experiment, measured)),
            shot_table(measured.methods, measured.in_context, settings.shots, length),
            calibration_table(
                measured.before[0], measured.errors[0], tuned, measured.methods
            ),
            target_table(measured.names, measured.before[0].own, measured.methods),
        )
    ]


def criterion_and_verdict(part: Criterion) -> str:
    """A part of the claim, what was measured of it, and what that decides."""
    return f"{criterion_text(part)} {part.verdict.capitalize()}."


FRONTS = (
    "Each setting a mark: a rate, and how far a run has come, or how much of the way back; "
    "means over targets. Staircases: the most that is gained at no more than each loss."
)
SHOTS = (
    "What the end of tuning gains on the target by its bytes, with 95 % intervals over "
    "targets; rates chosen on the other targets. In context: nothing is learned, the "
    "bytes stand before each window."
)


def words_of(experiment: DomainGeneralization, measured: Measured) -> str:
    """What was tuned on what."""
    settings, corpus = experiment.fine_tuning, experiment.corpus
    half = corpus.length // 2
    died = sum(len(one.died) for one in measured.tuned.values())
    return (
        f"{settings.targets} models, each trained on all domains but its target; "
        f"{settings.seeds} seed(s). Every method tunes each of them by {settings.updates} "
        f"updates of {settings.batch} windows of {corpus.length} bytes of the target, over "
        "and over where there are few, at three rates of AdamW without decay; it is judged "
        f"at {settings.points} points of a run. Windows that judge are halves, of "
        f"{half} bytes, so that a prompt has room before them. LoRA has rank "
        f"{settings.rank} in all matrices but the embeddings; a prefix has keys and values "
        f"for {settings.prefix} bytes; a moving average of full tuning keeps "
        f"{settings.decay:g} of itself at each update; WiSE-FT is the mean of the model "
        f"before and after full tuning, at {settings.points} shares of it. {died} run(s) "
        "died."
    )


def crossing_text(experiment: DomainGeneralization, measured: Measured) -> str:
    """From where on full tuning gains more than LoRA."""
    if "lora" not in measured.tuned:
        return "LoRA was not asked for, so that nothing is said of where it crosses."
    shots = np.array(experiment.fine_tuning.shots)
    found = crossing(measured.told, measured.before[0].own, shots)
    length = experiment.corpus.length
    low, estimate, high = (bytes_text(end * length) for end in found)
    return (
        "Full tuning gains more on the target than LoRA, means over targets, from this "
        f"number of bytes on: {estimate}, 95 % interval {low} to {high}."
    )


def bytes_text(count: float) -> str:
    """A number of bytes at which curves cross.

    Example:
      >>> bytes_text(0.0), bytes_text(1234.5), bytes_text(math.inf)
      ('already at the fewest', '1,234', 'not by the most')
    """
    if count == 0:
        return "already at the fewest"
    return f"{count:,.0f}" if math.isfinite(count) else "not by the most"
