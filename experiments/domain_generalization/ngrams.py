"""The line that a model of counts draws: each training set's bytes, told by 5-grams."""

import numpy as np

from jaxgen.arrays import Float, Shaped
from jaxgen.models.byte_ngram import fitted_ngram, ngram_probabilities

ORDER = 5
"""The longest string that is counted; one knows how frequent bytes are, and no more."""


def ngram_bits(
    rows: Shaped[np.ndarray, "n t"],
    windows: Shaped[np.ndarray, "k m u"],
    context: int,
    order: int = ORDER,
) -> Float[np.ndarray, " k"]:
    """Bits per byte of each domain, by the counts of rows.

    Args:
      rows: what is counted.
      windows: of each domain, of which the first ``context`` bytes are not told.
      context: as in `bits_of_domains`.
      order: the longest string that is counted.
    """
    counts = fitted_ngram(rows, order)
    told = ngram_probabilities(counts, windows.reshape(-1, windows.shape[-1]))
    bits = -np.log2(told[:, context:])
    return bits.mean(1).reshape(windows.shape[:2]).mean(1)
