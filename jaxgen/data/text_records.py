"""Text of records: files that hold one JSON object in each line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def documents_from_jsonl(path: Path, field: str = "text") -> Iterator[bytes]:
    """The text of each line, in UTF-8, one at a time: the file need not fit in memory.

    Blank lines, and texts of white space alone, are passed over.

    Args:
      path: of the file.
      field: of the objects, which holds the text.

    Raises:
      ValueError: a line, told by its number, that is no object, or whose field is no text.
      OSError: the file cannot be read.
    """
    for number, record in _records(path):
        text = _text_in(record, field, path, number)
        if text.strip():
            yield text.encode()


def domains_from_jsonl(
    path: Path, field: str = "text", domain: str = "domain"
) -> dict[str, list[bytes]]:
    """The documents of each domain, where every line says of which it is.

    Args:
      path: of the file.
      field: of the objects, which holds the text.
      domain: of the objects, which holds the name of the domain.

    Raises:
      ValueError: a line, told by its number, that is no object, or one of whose two fields
        is no text; no text in the whole file.
      OSError: the file cannot be read.
    """
    domains: dict[str, list[bytes]] = {}
    for number, record in _records(path):
        name = _text_in(record, domain, path, number)
        text = _text_in(record, field, path, number)
        if text.strip():
            domains.setdefault(name, []).append(text.encode())
    if not domains:
        raise ValueError(f"{path}: no text in it; expected a JSON object in each line")
    return domains


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects, and the numbers of their lines, from 1."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:  # of JSON, or of UTF-8
                raise ValueError(f"{path}, line {number}: {error}") from error
            if not isinstance(record, dict):
                raise ValueError(
                    f"{path}, line {number}: {type(record).__name__}; expected an object, "
                    'such as {"text": "..."}'
                )
            yield number, record


def _text_in(record: dict[str, Any], field: str, path: Path, number: int) -> str:
    if field not in record:
        raise ValueError(
            f"{path}, line {number}: no field {field!r} among {', '.join(record)}; name "
            "the one that is there"
        )
    if not isinstance(record[field], str):
        raise ValueError(
            f"{path}, line {number}: field {field!r} is {record[field]!r:.40}; expected "
            "text"
        )
    try:
        record[field].encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{path}, line {number}: {error}") from error
    return record[field]
