"""Windows of text: rows of bytes of one length, none of which crosses documents."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxgen.arrays import Bool, Shaped
from jaxgen.data.sequences import LabelledTokens, padded


def windows(
    documents: Sequence[bytes], length: int
) -> tuple[Shaped[np.ndarray, "n t"], Bool[np.ndarray, "n t"]]:
    """Pieces of documents that do not overlap, all of one length, and their padding.

    The end of a document that fills no window is left out, but a document shorter than
    a window is one, with zeros after it.

    Returns:
      uint8 (n, length), and padding.

    Raises:
      ValueError: no document fills a window.

    Example:
      >>> tokens, padding = windows([b"ABCDE", b"X"], 2)
      >>> tokens.tolist(), padding[-1].tolist()
      ([[65, 66], [67, 68], [88, 0]], [False, True])
    """
    longest = max((len(document) for document in documents), default=0)
    if not 1 <= length <= longest:
        raise ValueError(
            f"windows(length={length}): expected 1 to {longest} bytes, as many as the "
            f"longest of {len(documents)} documents has"
        )
    pieces = [
        document[start : start + length]
        for document in documents
        for start in range(0, max(len(document) - length, 0) + 1, length)
    ]
    return padded(pieces, length)


def labelled_windows(
    domains: Mapping[str, Sequence[bytes]], length: int
) -> LabelledTokens:
    """Windows of all domains, and of which domain each is, counted in their order.

    Domains of short documents have more padding, which tells something of the domain:
    rows without any are ``~padding.any(axis=1)``.

    Returns:
      tokens int32 from 0 to 255, whose zeros may be padding.

    Raises:
      ValueError: no document of some domain fills a window, or there is no domain.

    Example:
      >>> rows = labelled_windows({"loud": [b"HEY!"], "quiet": [b"hm", b"mm"]}, 2)
      >>> rows.tokens.tolist(), rows.labels.tolist()
      ([[72, 69], [89, 33], [104, 109], [109, 109]], [0, 0, 1, 1])
    """
    if not domains:
        raise ValueError("labelled_windows of no domain: expected one or more")
    found = []
    for label, (name, texts) in enumerate(domains.items()):
        try:
            tokens, padding = windows(texts, length)
        except ValueError as error:
            raise ValueError(f"domain {name}: {error}") from error
        labels = np.full(len(tokens), label, np.int32)
        found.append((tokens.astype(np.int32), padding, labels))
    return LabelledTokens(*map(np.concatenate, zip(*found, strict=True)))
