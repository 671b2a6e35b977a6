"""Texts as files of tokens, written one document at a time and read as maps."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from jaxgen.arrays import Shaped
from jaxgen.data.text_files import not_utf8, placed_documents
from jaxgen.data.text_records import documents_from_jsonl
from jaxgen.data.tokens import Tokenizer, Tokens

TOKENS, SIZES, ABOUT = "tokens.bin", "sizes.bin", "about.json"
"""Files of a folder; the last is written when the others are whole."""


def mapped_bytes(path: Path) -> Shaped[np.ndarray, " t"]:
    """The bytes of a file as tokens, uint8, read where they are looked at.

    Raises:
      ValueError: there are none.
      OSError: the file cannot be read.
    """
    if not path.stat().st_size:
        raise ValueError(f"{path}: no text in it; write some, or remove the file")
    return np.memmap(path, np.uint8, mode="r")


def write_tokens(
    folder: Path, documents: Iterable[bytes], tokenizer: Tokenizer, separator: int
) -> None:
    """Writes tokens of documents, and a separator behind each, for `mapped_tokens`.

    Tokens take as many bytes as the vocabulary asks for; a second file holds how many
    bytes of text each is of, none for a separator.

    Args:
      folder: is made; a whole one that is there stays as it is.
      documents: one at a time, such as `encodable_documents`, `documents_from_jsonl`,
        `documents_from_tfds`.
      tokenizer: of them.
      separator: a token, mostly one that no text has.

    Raises:
      ValueError: a separator that is no token; no document; a token of more than 65,535
        bytes.
      OSError: the folder cannot be written.
    """
    if not 0 <= separator < tokenizer.vocabulary:
        raise ValueError(
            f"write_tokens(separator={separator}): expected a token, 0 to "
            f"{tokenizer.vocabulary - 1}"
        )
    if (folder / ABOUT).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    dtype, count = np.min_scalar_type(tokenizer.vocabulary - 1), 0
    with (folder / TOKENS).open("wb") as tokens, (folder / SIZES).open("wb") as sizes:
        for document in documents:
            told = tokenizer.encode(document)
            if told.sizes.max(initial=0) > np.iinfo(np.uint16).max:
                raise ValueError(f"a token of {told.sizes.max()} bytes: expected 65535")
            tokens.write(np.append(told.tokens, separator).astype(dtype).tobytes())
            sizes.write(np.append(told.sizes, 0).astype(np.uint16).tobytes())
            count += 1
    if not count:
        raise ValueError(f"write_tokens({folder}) of no document: expected 1 or more")
    about = {
        "dtype": dtype.name,
        "vocabulary": tokenizer.vocabulary,
        "documents": count,
    }
    (folder / ABOUT).write_text(json.dumps(about | {"separator": separator}))


def mapped_tokens(folder: Path) -> Tokens:
    """The tokens that were written to a folder, read where they are looked at.

    Raises:
      FileNotFoundError: none were, or not all.
    """
    if not (folder / ABOUT).exists():
        raise FileNotFoundError(
            f"{folder / ABOUT}: expected a folder that write_tokens has written to its end"
        )
    dtype = np.dtype(json.loads((folder / ABOUT).read_text())["dtype"])
    return Tokens(
        np.memmap(folder / TOKENS, dtype, mode="r"),
        np.memmap(folder / SIZES, np.uint16, mode="r"),
    )


def encodable_documents(path: Path, field: str = "text") -> Iterator[bytes]:
    """Documents of a ``.txt`` or ``.jsonl`` file that are UTF-8, one at a time.

    Args:
      path: of the file.
      field: of the objects in a ``.jsonl`` file, which holds the text.

    Raises:
      ValueError: bytes that are not UTF-8, told by their place in the file; and as
        `documents_from_jsonl`.
      OSError: the file cannot be read.
    """
    if path.suffix == ".jsonl":
        yield from documents_from_jsonl(path, field)
        return
    for offset, text in placed_documents(path):
        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise not_utf8(path, offset, error) from error
        yield text


def split_text(
    text: Shaped[np.ndarray, " t"], separator: Shaped[np.ndarray, " s"], share: float
) -> tuple[Shaped[np.ndarray, " a"], Shaped[np.ndarray, " b"]]:
    """A text parted behind the first document that ends at a share of it or later.

    Both are views of the text: neither is read.

    Args:
      text: tokens, mostly a map of a file.
      separator: what is between documents: ``np.array([0])`` of tokens, if it is 0,
        ``np.frombuffer(b"\\n\\x0c\\n", np.uint8)`` of bytes.
      share: of the first part, at least.

    Raises:
      ValueError: no document ends there, or none follows.

    Example:
      >>> first, rest = split_text(np.array([5, 5, 0, 6, 6, 0, 7]), np.array([0]), 0.5)
      >>> first.tolist(), rest.tolist()
      ([5, 5, 0, 6, 6, 0], [7])
    """
    width, block = len(separator), 2**20
    for start in range(max(int(share * len(text)) - width, 0), len(text), block):
        piece = text[start : start + block + width - 1]
        if len(piece) < width:
            break
        found = (
            np.lib.stride_tricks.sliding_window_view(piece, width) == separator[None]
        )
        ends = start + width + np.flatnonzero(found.all(axis=1))
        for end in ends[(ends >= share * len(text)) & (ends < len(text))][:1].tolist():
            return text[:end], text[end:]
    raise ValueError(
        f"split_text(share={share}) of {len(text)} tokens: no document ends there with "
        "another behind it"
    )
