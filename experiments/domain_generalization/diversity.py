"""The part about diverse training data: few domains or many, of as many bytes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.criterion import (
    Criterion,
    criterion_row,
    criterion_text,
    overall,
)
from experiments.domain_generalization.corpora import CONTEXT, Domains, domains_of
from experiments.domain_generalization.diversity_findings import (
    CLAIM,
    BySize,
    by_size,
    diversity_criteria,
    slope_test,
    slopes,
)
from experiments.domain_generalization.diversity_tables import (
    BYTES,
    COUNTS,
    MODEL,
    domain_table,
    size_figure,
    size_table,
    slope_figure,
    slope_table,
    transfer_figure,
)
from experiments.domain_generalization.ngrams import ORDER, ngram_bits
from experiments.domain_generalization.settings import DomainGeneralization
from experiments.domain_generalization.text_models import language_model
from experiments.domain_generalization.text_runs import TextRuns, trained_on_sets
from experiments.domain_generalization.training_sets import (
    Set,
    mixtures,
    rows_of,
    sets_on_circles,
    unique_bytes,
)
from experiments.report import Part
from jaxgen.models.language_model import parameter_count
from jaxgen.report.page import Fragment, figure, paragraph, section, verdict
from jaxgen.stats.verdict import Verdict


class Measured(NamedTuple):
    """All that was measured.

    Attributes:
      domains: what there was to learn from.
      runs: of the language model.
      counted: by models of counts, by their title: bits per byte on every domain, of each
        training set.
      unique: different bytes of each training set.
    """

    domains: Domains
    runs: TextRuns
    counted: dict[str, dict[Set, np.ndarray]]
    unique: dict[Set, int]


def diversity(experiment: DomainGeneralization, folder: Path) -> Part:
    """Trains what is missing, and says what was found."""
    measured = measured_of(experiment, folder)
    sides = sides_of(measured, experiment.diversity.sizes)
    criteria = diversity_criteria(sides[MODEL])
    drawings = drawings_of(measured, sides)
    words = words_of(experiment, measured)
    return Part(
        results(measured, sides, criteria),
        sections(measured, sides, criteria, drawings, words),
        drawings,
    )


def measured_of(experiment: DomainGeneralization, folder: Path) -> Measured:
    """The runs of every training set, and the counts of its bytes."""
    settings, corpus = experiment.diversity, experiment.corpus
    domains = domains_of(corpus)
    sets = sets_on_circles(len(domains.train), settings.sizes, settings.draws)
    model = language_model("attention", experiment.net)
    given = model, corpus, experiment.net, domains, sets, settings.seeds
    runs = trained_on_sets("diversity", *given, 1, folder)
    train, _, test = map(np.asarray, domains.windows)
    table = mixtures(sets, domains.weights)
    rows = {
        chosen: rows_of(train, mixture, corpus.budget)
        for chosen, mixture in zip(sets, table, strict=True)
    }
    context = corpus.length // CONTEXT
    return Measured(
        domains,
        runs,
        {
            title: {
                chosen: ngram_bits(own, test, context, order)
                for chosen, own in rows.items()
            }
            for title, order in ORDERS.items()
        },
        {chosen: unique_bytes(own) for chosen, own in rows.items()},
    )


ORDERS = {COUNTS: ORDER, BYTES: 1}
"""Of models of counts, the longest strings that are counted."""


def sides_of(measured: Measured, sizes: tuple[int, ...]) -> dict[str, BySize]:
    """Bits by size, of the language model and of its lines of reference."""
    runs, trained = measured.runs, len(measured.domains.train)
    model = by_size(runs.sets, runs.test[:, -1], sizes, trained)
    return {MODEL: model} | {
        title: by_size(list(counted), np.stack([*counted.values()]), sizes, trained)
        for title, counted in measured.counted.items()
    }


def found_verdict(
    criteria: Sequence[Criterion], sides: Mapping[str, BySize]
) -> Verdict:
    """On the claim; undecided where the model tells no more than frequencies of bytes."""
    last = {title: side.unseen[:, -1].mean() for title, side in sides.items()}
    return overall(criteria) if last[MODEL] < last[BYTES] else "undecided"


def drawings_of(measured: Measured, sides: Mapping[str, BySize]) -> dict[str, str]:
    """The figures, by name."""
    drawn = {"diversity": size_figure(sides), "slopes": slope_figure(sides)}
    if 1 in sides[MODEL].sizes:
        names = measured.domains.train, measured.domains.tested
        drawn["transfer"] = transfer_figure(transfer(measured), *names)
    return drawn


def transfer(measured: Measured) -> np.ndarray:
    """Bits of every domain by models of one domain alone, means over seeds."""
    runs = measured.runs
    alone = [
        [row for row, chosen in enumerate(runs.sets) if chosen == (source,)]
        for source in range(len(measured.domains.train))
    ]
    return np.stack([runs.test[rows, -1].mean(0) for rows in alone])


def sections(
    measured: Measured,
    sides: Mapping[str, BySize],
    criteria: Sequence[Criterion],
    drawings: Mapping[str, str],
    words: str,
) -> list[Fragment]:
    """The part of the page."""
    return [
        section(
            "Diverse training data",
            verdict(found_verdict(criteria, sides), f"{CLAIM}."),
            paragraph(words),
            *(paragraph(criterion_text(one)) for one in criteria),
            figure(drawings["diversity"], SIZE_CAPTION),
            size_table(sides),
            slope_table(sides),
            figure(drawings["slopes"], "The slope of every domain, each a dot."),
            domain_table(measured.domains.tested, sides),
            *(
                [figure(drawings["transfer"], TRANSFER_CAPTION)]
                if "transfer" in drawings
                else []
            ),
        )
    ]


SIZE_CAPTION = (
    "Bits per byte of unseen and of seen domains by the number of domains in training: "
    "each domain thin, their mean thick, its 95 % bootstrap interval."
)
TRANSFER_CAPTION = (
    "Bits per byte of every domain by models that were trained on one alone, means over "
    "seeds."
)


def words_of(experiment: DomainGeneralization, measured: Measured) -> str:
    """What was trained on what."""
    model = language_model("attention", experiment.net)
    corpus, settings = experiment.corpus, experiment.diversity
    seen = corpus.steps * corpus.batch * corpus.length
    least, most = min(measured.unique.values()), max(measured.unique.values())
    return (
        f"{len(measured.runs.sets)} language models of {parameter_count(model):,} "
        f"parameters, each trained on {seen:,} bytes in {corpus.passes} pass(es) of "
        f"windows of {corpus.length}; {least:,} to {most:,} of the bytes are in windows "
        f"that differ. Training sets are stretches of {settings.draws} random circle(s) "
        f"of {len(measured.domains.train)} domains, so that each size has each domain "
        f"equally often; {settings.seeds} seed(s) each. {len(measured.runs.died)} died."
    )


def results(
    measured: Measured, sides: Mapping[str, BySize], criteria: Sequence[Criterion]
) -> dict[str, Any]:
    """Every number, with its keys."""
    runs, domains = measured.runs, measured.domains

    def by_name(bits: np.ndarray) -> dict[str, float]:
        return dict(zip(domains.tested, bits.tolist(), strict=True))

    return {
        "verdict": found_verdict(criteria, sides),
        "criteria": [criterion_row(one) for one in criteria],
        "slopes": {
            side: by_name(slopes(one.unseen, one.sizes)) for side, one in sides.items()
        },
        "p_value": slope_test(sides[MODEL]).p_value,
        "died": {str(row): step for row, step in runs.died.items()},
        "rows": [
            {
                "train": [domains.train[i] for i in chosen],
                "seed": seed,
                "unique_bytes": measured.unique[chosen],
                "bits": by_name(runs.test[row, -1]),
                **{
                    title: by_name(counted[chosen])
                    for title, counted in measured.counted.items()
                },
            }
            for row, (chosen, seed) in enumerate(
                zip(runs.sets, runs.seeds, strict=True)
            )
        ],
    }
