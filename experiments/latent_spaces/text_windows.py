"""Windows of text of some domains: to learn from, to score by, and real ones besides."""

from typing import NamedTuple

import numpy as np

from experiments.latent_spaces.settings import Text
from jaxgen.arrays import Int
from jaxgen.data.text_domains import documents, split_documents
from jaxgen.data.text_windows import labelled_windows

Rows = Int[np.ndarray, "n t"]


class Texts(NamedTuple):
    """Windows of all domains in a random order: the first ones are a sample.

    Attributes:
      learned: what models learn from.
      held_out: of other documents, by which they are scored.
      real: of those as well, beside which written text is put.
    """

    learned: Rows
    held_out: Rows
    real: Rows


def texts_of(settings: Text) -> Texts:
    """Whole windows of every domain, nine tenths of its documents to learn from.

    Raises:
      ValueError: a domain that the package has not, or windows longer than documents.
    """
    parts = [split_documents(documents(name)) for name in settings.domains]
    learned, others = (
        whole_windows(dict(zip(settings.domains, part, strict=True)), settings.length)
        for part in zip(*parts, strict=True)
    )
    count = settings.scored
    if len(others) < count + settings.texts:
        raise ValueError(
            f"--text.scored {count} --text.texts {settings.texts}: expected at most "
            f"{len(others):,} together, the held-out windows"
        )
    return Texts(learned, others[:count], others[count:])


def whole_windows(domains: dict[str, list[bytes]], length: int) -> Rows:
    """Windows without padding, in a random order that is always the same."""
    tokens, padding, _ = labelled_windows(domains, length)
    whole = tokens[~padding.any(1)]
    return whole[np.random.default_rng(0).permutation(len(whole))]
