"""Documents of files of text, between lines of one form feed: whole, or one at a time."""

import re
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

FORM_FEED = re.compile(rb"\r?\n?\x0c\r?\n?")
"""What separates documents in a file: a form feed, with the line ends beside it."""


class Placed(NamedTuple):
    """A document, and where in its file it starts, in bytes."""

    offset: int
    text: bytes


def parted_documents(text: bytes) -> list[bytes]:
    r"""The documents of a text, but those of white space alone.

    Example:
      >>> parted_documents(b"one\n\x0c\ntwo\n")
      [b'one', b'two\n']
    """
    return [part for part in FORM_FEED.split(text) if part.strip()]


def placed_documents(path: Path) -> Iterator[Placed]:
    """The documents of a file, one at a time: the file need not fit in memory.

    They are those of `parted_documents`.

    Raises:
      OSError: the file cannot be read.
    """
    if not path.stat().st_size:  # of which there is no map
        return
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        start = 0
        for separator in FORM_FEED.finditer(text):
            yield from _placed(start, text[start : separator.start()])
            start = separator.end()
        yield from _placed(start, text[start:])


def _placed(start: int, part: bytes) -> Iterator[Placed]:
    if part.strip():
        yield Placed(start, part)


def utf8_bytes(path: Path) -> bytes:
    """The bytes of a file, which are UTF-8.

    Raises:
      ValueError: they are not; it says from which byte on.
      OSError: the file cannot be read.
    """
    text = path.read_bytes()
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(path, 0, error) from error
    return text


def not_utf8(path: Path, offset: int, error: UnicodeDecodeError) -> ValueError:
    """What to raise for a document of a file that starts at an offset."""
    return ValueError(
        f"{path}: byte {offset + error.start} is {error.object[error.start]:#04x}, "
        f"{error.reason}; expected UTF-8: convert the file, or take its bytes as tokens"
    )
