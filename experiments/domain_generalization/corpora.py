"""Windows of every domain: to learn from, to choose by, and to be judged by."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.domain_generalization.settings import Corpus
from jaxgen.arrays import Array, Shaped
from jaxgen.data.text_domains import (
    DOMAINS,
    documents,
    domains_from_folder,
    joined,
    split_documents,
)
from jaxgen.data.tfds import documents_from_tfds

CONTEXT = 4
"""One over the share of a window that is context alone, where windows are scored."""


class Windows(NamedTuple):
    """Windows of domains, uint8, in a random order: the first ones are a sample.

    Attributes:
      train: of domains to train on, (domains, windows, bytes).
      validation: of other documents of these, a byte longer: all but the first are told.
      test: of other documents again; then come the domains that are held out.
    """

    train: Shaped[Array | np.ndarray, "k n t"]
    validation: Shaped[Array | np.ndarray, "k m u"]
    test: Shaped[Array | np.ndarray, "j l u"]


class Domains(NamedTuple):
    """What there is to learn from.

    Attributes:
      train: names of the domains to train on.
      held_out: names of those that nothing is trained on.
      weights: of the first, adding up to one.
      windows: of all.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    weights: Shaped[np.ndarray, " k"]
    windows: Windows

    @property
    def tested(self) -> tuple[str, ...]:
        """Names of all, in the order of their test windows."""
        return self.train + self.held_out


def domains_of(settings: Corpus) -> Domains:
    """The domains of a folder, or of the package, cut into windows.

    Eight tenths of a domain's documents are for training, one for validation, one for
    tests; all domains have as many windows.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: a domain that is not there, is empty, or has fewer bytes than windows
        need; fewer than three domains to train on; weights of another number.
    """
    texts = texts_of(settings)
    train, held_out = names_of(settings, tuple(texts))
    parts = {name: three_parts(name, texts[name]) for name in (*train, *held_out)}
    size, asked = settings.length, settings.tested

    def cut(names: Sequence[str], which: int, size: int, least: int, most: int):
        streams = {name: parts[name][which] for name in names}
        return windows_of(streams, size, least, most)

    windows = Windows(
        cut(train, 0, size, settings.budget, settings.budget),
        cut(train, 1, size + 1, 1, asked),
        cut((*train, *held_out), 2, size + 1, 1, asked),
    )
    return Domains(train, held_out, weights_of(settings, len(train)), windows)


def texts_of(settings: Corpus) -> dict[str, list[bytes]]:
    """The documents of every domain there is.

    Raises:
      ImportError: a set is asked for, and TensorFlow Datasets are not installed.
      ValueError: a set of the name of another domain.
    """
    if settings.folder:
        texts = domains_from_folder(settings.folder, settings.field)
    else:
        texts = {name: documents(name) for name in DOMAINS}
    for name in settings.sets:
        if name in texts:
            raise ValueError(f"--corpus.sets {name}: a domain of that name is there")
        texts[name] = list(documents_from_tfds(name, field=settings.field))
    return texts


def names_of(
    settings: Corpus, known: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which domains to train on, and which are held out from all training.

    Raises:
      ValueError: a name that is not known, or fewer than three to train on.
    """
    train = settings.train or tuple(
        name for name in known if name not in settings.held_out
    )
    for name in (*train, *settings.held_out):
        if name not in known:
            raise ValueError(f"domain {name!r}: expected one of {', '.join(known)}")
    if len(train) < 3:
        raise ValueError(
            f"--corpus.train: {len(train)} domain(s) to train on; expected 3 or more, each "
            "of which is held out in turn"
        )
    return train, settings.held_out


def three_parts(name: str, texts: Sequence[bytes]) -> tuple[np.ndarray, ...]:
    """Documents for training, for validation and for tests, each part one text.

    Raises:
      ValueError: too few documents.
    """
    try:
        rest, last = split_documents(texts, 0.9)
        first, middle = split_documents(rest, 8 / 9)
    except ValueError as error:
        raise ValueError(f"domain {name}: {error}") from error
    return joined(first), joined(middle), joined(last)


def windows_of(
    streams: Mapping[str, np.ndarray], size: int, least: int, most: int
) -> Shaped[np.ndarray, "k n t"]:
    """As many windows of each text, at most so many, which do not overlap.

    They are in a random order, the same for the same sizes.

    Raises:
      ValueError: a text that has fewer than the least.

    Example:
      >>> streams = {"a": np.arange(9, dtype=np.uint8), "b": np.ones(5, np.uint8)}
      >>> windows_of(streams, size=2, least=1, most=3).shape
      (2, 2, 2)
    """
    for name, text in streams.items():
        if len(text) < least * size:
            raise ValueError(
                f"domain {name}: {len(text):,} bytes in one of its three parts; expected "
                f"{least * size:,} or more, {least:,} window(s) of {size} bytes: give it "
                "more text, or make --corpus.updates, --corpus.batch or --corpus.length "
                "smaller"
            )
    count = min(most, *(len(text) // size for text in streams.values()))
    chance = np.random.default_rng(0)
    return np.stack(
        [
            text[: len(text) // size * size].reshape(-1, size)[
                chance.permutation(len(text) // size)[:count]
            ]
            for text in streams.values()
        ]
    )


def weights_of(settings: Corpus, count: int) -> np.ndarray:
    """Of domains to train on.

    Raises:
      ValueError: not one for each.
    """
    if settings.weights and len(settings.weights) != count:
        raise ValueError(
            f"--corpus.weights: {len(settings.weights)} weights for {count} domains to "
            "train on; expected one each"
        )
    return np.array(settings.weights or [1 / count] * count)
