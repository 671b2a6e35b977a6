"""What codes of text are worth, and how near to real text is what they are told as."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments.latent_spaces.latent_scores import mismatch, parts_of_rate
from experiments.latent_spaces.settings import Text
from experiments.latent_spaces.text_windows import Texts
from jaxgen.arrays import Array, Float, Int, Key, Metrics, PyTree
from jaxgen.keys import named
from jaxgen.metrics.active_units import active_units
from jaxgen.metrics.importance_bound import bound_of_each
from jaxgen.models.byte_ngram import Counts, fitted_ngram, ngram_probabilities
from jaxgen.models.text_autoencoder import TextAutoencoder, written

ORDER = 5
"""The longest string of bytes that is counted."""

Written = Int[np.ndarray, "s n t"]


def code_scores(
    net: TextAutoencoder, params: PyTree, key: Key, held_out: Int[Array, "m t"]
) -> Metrics:
    """Scores of the codes of held-out windows; distortion in nats of a byte."""
    variables, length = {"params": params}, held_out.shape[1]
    terms: Any = net.apply(variables, held_out, named(key, "codes"))
    others = jnp.roll(terms.codes, 1, axis=1)
    mistaken: Any = net.apply(variables, others, held_out, method="log_likelihood")
    return {
        "distortion": terms.distortion.mean() / length,
        "rate": terms.rate.mean(),
        "heard": (terms.log_likelihood - mistaken).mean(),
        "active": active_units(terms.posterior.mean).sum(),
        **mismatch(terms.posterior),
        **parts_of_rate(terms.posterior, named(key, "told")),
    }


def bound_scores(
    count: int,
    net: TextAutoencoder,
    params: PyTree,
    key: Key,
    held_out: Int[Array, "m t"],
) -> Metrics:
    """The negative bound of so many codes on log p(x), nats of a byte."""

    def log_weights(text: Array, key: Key, count: int) -> Array:
        terms: Any = net.apply({"params": params}, text, key, count)
        return terms.log_weights

    found = bound_of_each(log_weights, held_out, named(key, "weights"), count)
    return {"bound": -found.mean() / held_out.shape[1]}


def told_by(
    net: TextAutoencoder, params: PyTree, codes: Float[Array, "n z"], key: Key, t: int
) -> Int[Array, "n {t}"]:
    """What codes are told as."""
    return written(net, params, codes, named(key, "bytes"), t)


def ngram_scores(texts: Texts, made: Written) -> dict[str, np.ndarray]:
    """Bits of a byte, both ways: of what was written, and of real text by its counts."""
    real = fitted_ngram(texts.learned.astype(np.uint8), ORDER)
    rows = made.astype(np.uint8)
    own = [fitted_ngram(one, ORDER) for one in rows]
    return {
        "bits": np.array([bits(real, one) for one in rows]),
        "back": np.array([bits(one, texts.held_out.astype(np.uint8)) for one in own]),
    }


def bits(counts: tuple[Counts, ...], rows: np.ndarray) -> float:
    """Bits of a byte of rows, by counts of strings."""
    return float(-np.log2(ngram_probabilities(counts, rows)).mean())


def beside(settings: Text, texts: Texts) -> dict[str, Written]:
    """Real windows, and windows of bytes each drawn for itself, a draw for each seed."""
    chance = np.random.default_rng(0)
    shape = settings.seeds, settings.texts
    draw = partial(chance.choice, replace=False, size=settings.texts)
    perfect = np.stack([texts.real[draw(len(texts.real))] for _ in range(shape[0])])
    trivial = chance.choice(texts.learned.ravel(), (*shape, settings.length))
    return {"perfect": perfect, "trivial": trivial}


def escaped(row: Int[np.ndarray, " t"]) -> str:
    r"""Bytes as text, those that are no plain character by their numbers.

    Example:
      >>> escaped(np.array([72, 105, 10, 200]))
      'Hi\\n\\xc8'
    """
    return (
        bytes(row.astype(np.uint8))
        .decode("latin-1")
        .encode("unicode_escape")
        .decode("ascii")
    )
