"""Text: points and distributions as codes of windows of bytes, and what is told of them."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.criterion import criterion_row
from experiments.latent_spaces.generation import codes_of, drawn_codes
from experiments.latent_spaces.settings import LatentSpaces, SamplerName, TextName
from experiments.latent_spaces.text_findings import text_criteria, text_means_no_more
from experiments.latent_spaces.text_models import TEXT_ARMS, text_models
from experiments.latent_spaces.text_scores import (
    beside,
    bound_scores,
    code_scores,
    escaped,
    ngram_scores,
    told_by,
)
from experiments.latent_spaces.text_tables import text_section
from experiments.latent_spaces.text_windows import Texts, texts_of
from experiments.latent_spaces.trained import Model
from experiments.report import Part
from experiments.training import KEY, on_rows
from jaxgen.arrays import Array, Float, Int, Key, PyTree

DRAWN: tuple[SamplerName, ...] = "prior", "mixture"
"""Where codes are drawn that are told as text."""
FITTED = 1_000
"""Learned windows to whose codes the mixture is fitted."""
SHOWN = 4
"""Texts of the first seed that the page shows."""

Scores = dict[str, np.ndarray]
Told = dict[tuple[TextName, str], Scores]


def text(experiment: LatentSpaces, folder: Path) -> Part:
    """Trains every model of text, scores its codes, and what it writes."""
    settings = experiment.text
    texts = texts_of(settings)
    found = text_models(settings, texts, folder)
    coded = codes_scored(experiment, found, texts)
    made = texts_made(experiment, found, texts)
    told: Told = {
        (name, sampler): ngram_scores(texts, rows)
        for (name, sampler), rows in made.items()
    }
    references = {
        name: ngram_scores(texts, rows)
        for name, rows in beside(settings, texts).items()
    }
    criteria, more = text_criteria(coded, told), text_means_no_more(told)
    samples = {
        TEXT_ARMS[name].title: list(map(escaped, rows[0, :SHOWN]))
        for (name, sampler), rows in made.items()
        if sampler == "prior"
    } | {"real text": list(map(escaped, texts.real[:SHOWN]))}
    return Part(
        {
            "criteria": [criterion_row(one) for one in criteria],
            "beyond": [criterion_row(one) for one in more],
            "rows": rows_of(coded, told, references),
            "samples": samples,
        },
        [text_section(settings, coded, told, references, (criteria, more), samples)],
    )


def codes_scored(
    experiment: LatentSpaces, found: dict[TextName, Model], texts: Texts
) -> dict[TextName, Scores]:
    """Scores of the codes of every model; bounds where they are densities."""
    seen, bounded = texts.held_out, partial(bound_scores, experiment.text.codes)
    coded: dict[TextName, Any] = {
        name: one.each_seed(code_scores, seen) for name, one in found.items()
    }
    for name, one in found.items():
        if name != "point":
            coded[name] |= one.each_seed(bounded, seen)
    return coded


def texts_made(
    experiment: LatentSpaces, found: dict[TextName, Model], texts: Texts
) -> dict[tuple[TextName, str], Int[np.ndarray, "s n t"]]:
    """What every model writes for codes of each kind."""
    learned, settings = texts.learned[:FITTED], experiment.text
    own = np.concatenate([one.each_seed(codes_of, learned) for one in found.values()])
    many = replace(experiment.generation, samples=settings.texts)
    drawn = [drawn_codes(many, sampler, own) for sampler in DRAWN]
    # points and densities own the same parameters, and one decoder tells codes of both
    net: Any = found["plain"].net
    codes = np.split(np.concatenate(drawn, axis=1), len(found))
    keys = jax.random.split(KEY, settings.seeds)
    made = {}
    for (name, one), each in zip(found.items(), codes, strict=True):
        rows = on_rows(telling(net, settings.length), (one.params, each, keys))
        for sampler, part in zip(DRAWN, np.split(rows, len(DRAWN), 1), strict=True):
            made[name, sampler] = part
    return made


@lru_cache(maxsize=8)
def telling(net: Any, length: int) -> Callable:
    """What codes are told as, for parameters, codes and a key of every seed."""

    def texts(given: tuple[PyTree, Float[Array, "s n z"], Key]) -> Array:
        def each(params: PyTree, codes: Array, key: Key) -> Array:
            return told_by(net, params, codes, key, length)

        return jax.vmap(each)(*given)

    return texts


def rows_of(
    coded: dict[TextName, Scores], told: Told, references: dict[str, Scores]
) -> list[dict[str, Any]]:
    """One row for each seed of each model and kind of code, and of each reference."""
    found = {
        (TEXT_ARMS[name].title, sampler): coded[name] | one
        for (name, sampler), one in told.items()
    } | {(name, ""): one for name, one in references.items()}
    return [
        {"model": model, "sampler": sampler, "seed": seed}
        | {score: np.asarray(v[seed]).tolist() for score, v in one.items()}
        for (model, sampler), one in found.items()
        for seed in range(len(one["bits"]))
    ]
