"""Text of ten domains, a part of the package; or of any folder of text files.

A domain is a list of documents, which are bytes. Where the ten are from, and on what
terms, is told by the file NOTICE beside them.
"""

import lzma
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from jaxgen.arrays import Shaped

DOMAINS = (
    "fiction",
    "drama",
    "scripture",
    "speeches",
    "factbook",
    "dictionary",
    "legal",
    "manual",
    "code",
    "math",
)

FORM_FEED = re.compile(rb"\r?\n?\x0c\r?\n?")
"""What separates documents in a file: a line that holds it alone."""


def documents(domain: str) -> list[bytes]:
    """The documents of a domain that the package carries: half a megabyte, in UTF-8.

    Their order is random, so that `split_documents` gives two samples of the same.

    Args:
      domain: one of `DOMAINS`.

    Raises:
      ValueError: it is none of them.

    Example:
      >>> len(documents("fiction")), documents("fiction")[0][:9]
      (37, b'Chapter 7')
    """
    if domain not in DOMAINS:
        raise ValueError(f"domain {domain!r}: expected one of {', '.join(DOMAINS)}")
    packed = files("jaxgen.data") / "text" / f"{domain}.txt.xz"
    return _parts(lzma.decompress(packed.read_bytes()))


def domains_from_folder(folder: Path) -> dict[str, list[bytes]]:
    """The documents of each ``.txt`` file and of each sub-folder of them, by its name.

    A line of one form feed separates documents; a file without any is one document, and
    a sub-folder holds those of all its files, however deep, in the order of their paths.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: it has no such file, a file or a sub-folder has no text, or both have one
        name.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder of .txt files")
    within = [path for path in folder.iterdir() if path.is_dir()]
    whole = {path: sorted(path.rglob("*.txt")) for path in within}
    paths = {path: [path] for path in folder.glob("*.txt") if path.is_file()}
    paths |= {path: files for path, files in whole.items() if files}
    if not paths:
        raise ValueError(f"{folder}: no .txt file in it; expected one for each domain")
    domains: dict[str, list[bytes]] = {}
    for path in sorted(paths):
        name = path.name if path.is_dir() else path.stem
        texts = [part for file in paths[path] for part in _parts(file.read_bytes())]
        if not texts:
            raise ValueError(f"{path}: no text in it; write some, or remove the file")
        if name in domains:
            raise ValueError(f"{path}: two domains named {name}; rename one of them")
        domains[name] = texts
    return domains


def split_documents(
    documents: Sequence[bytes], share: float = 0.9
) -> tuple[list[bytes], list[bytes]]:
    """The first documents, for training, and the others, for tests.

    Raises:
      ValueError: one of the two would be empty.

    Example:
      >>> split_documents([b"a", b"b", b"c", b"d"], 0.75)
      ([b'a', b'b', b'c'], [b'd'])
    """
    count = round(share * len(documents))
    if not 0 < count < len(documents):
        raise ValueError(
            f"split_documents(share={share}): of {len(documents)} documents {count} would "
            "be in the first part; expected some in both: lines of one form feed "
            "separate the documents of a file"
        )
    return list(documents[:count]), list(documents[count:])


def joined(documents: Sequence[bytes]) -> Shaped[np.ndarray, " t"]:
    """All documents as one uint8 array, form feeds between them, as in a file.

    Example:
      >>> joined([b"A", b"B"]).tolist()
      [65, 10, 12, 10, 66]
    """
    return np.frombuffer(b"\n\x0c\n".join(documents), np.uint8)


def _parts(text: bytes) -> list[bytes]:
    """Documents that hold more than white space."""
    return [part for part in FORM_FEED.split(text) if part.strip()]
