"""Text of ten domains, a part of the package; or of any folder of text files.

A domain is a list of documents, which are bytes. Where the ten are from, and on what
terms, is told by the file NOTICE beside them.
"""

import lzma
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from jaxgen.arrays import Shaped
from jaxgen.data.text_files import parted_documents
from jaxgen.data.text_records import documents_from_jsonl

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

ENDINGS = ".txt", ".jsonl"
"""Of files that are read: text, or a JSON object in each line."""


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
    return parted_documents(lzma.decompress(packed.read_bytes()))


def domains_from_folder(
    folder: Path,
    field: str = "text",
    read: Callable[[Path], bytes] = Path.read_bytes,
) -> dict[str, list[bytes]]:
    """The documents of each file of text and of each sub-folder of them, by its name.

    A ``.txt`` file is one document, or several with a line of one form feed between them;
    each line of a ``.jsonl`` file is an object that holds one. A sub-folder has those of
    all its files, however deep, in the order of their paths.

    Args:
      folder: of the files.
      field: of the objects in ``.jsonl`` files, which holds the text.
      read: a ``.txt`` file: with ``utf8_bytes`` any that is not UTF-8 is refused, for a
        tokenizer that asks for it. Bytes need not be.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: it has no such file, a file or a sub-folder has no text, or two have one
        name; a line that is no such object.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder of .txt or .jsonl files")
    paths = _files_of_domains(folder)
    if not paths:
        raise ValueError(
            f"{folder}: no .txt or .jsonl file in it; expected one for each domain"
        )
    domains: dict[str, list[bytes]] = {}
    for path in sorted(paths):
        name = path.name if path.is_dir() else path.stem
        texts = [part for file in paths[path] for part in _documents(file, field, read)]
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


def _files_of_domains(folder: Path) -> dict[Path, list[Path]]:
    """The files of each domain, by the file or the sub-folder that is the domain."""
    found = {}
    for path in folder.iterdir():
        within = sorted(path.rglob("*")) if path.is_dir() else [path]
        files = [file for file in within if file.is_file() and file.suffix in ENDINGS]
        if files:
            found[path] = files
    return found


def _documents(
    file: Path, field: str, read: Callable[[Path], bytes]
) -> Sequence[bytes]:
    if file.suffix == ".jsonl":
        return list(documents_from_jsonl(file, field))
    return parted_documents(read(file))
