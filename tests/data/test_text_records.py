"""Documents of lines of JSON; a line that is none is named by its number."""

import json

import pytest

from jaxgen.data.text_domains import domains_from_folder
from jaxgen.data.text_records import documents_from_jsonl, domains_from_jsonl


def written(path, *lines):
    texts = [
        each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines
    ]
    path.write_bytes(b"\n".join(texts))
    return path


def test_each_line_is_a_document(tmp_path):
    path = written(
        tmp_path / "a.jsonl",
        {"id": 1, "text": "two\nlines"},
        b"",
        {"text": "é\x0c!", "id": 2},
        {"text": " \n"},
        {"text": "last"},
    )
    expected = [b"two\nlines", "é\x0c!".encode(), b"last"]
    assert list(documents_from_jsonl(path)) == expected
    written(path, {"body": "x", "text": 3})
    assert list(documents_from_jsonl(path, field="body")) == [b"x"]


def test_lines_say_of_which_domain_they_are(tmp_path):
    path = written(
        tmp_path / "a.jsonl",
        {"text": "1", "source": "web"},
        {"text": "2", "source": "books"},
        {"text": "3", "source": "web"},
    )
    expected = {"web": [b"1", b"3"], "books": [b"2"]}
    assert domains_from_jsonl(path, domain="source") == expected


def test_a_file_of_records_is_a_domain_of_a_folder(tmp_path):
    (tmp_path / "news").mkdir()
    written(tmp_path / "news" / "b.jsonl", {"body": "two"}, {"body": "three"})
    (tmp_path / "news" / "a.txt").write_text("one")
    written(tmp_path / "web.jsonl", {"body": "four"})
    expected = {"news": [b"one", b"two", b"three"], "web": [b"four"]}
    assert domains_from_folder(tmp_path, field="body") == expected
    written(tmp_path / "none.jsonl", {"body": " "})
    with pytest.raises(ValueError, match=r"none.jsonl: no text in it"):
        domains_from_folder(tmp_path, field="body")


@pytest.mark.parametrize(
    "line, complaint",
    [
        (b'{"text": "cut', "a.jsonl, line 3: Unterminated string"),
        (b'{"text": "\xff"}', "a.jsonl, line 3: .*0xff"),
        (b'{"text": "\\ud800"}', "a.jsonl, line 3: .*surrogates"),
        (b'["text"]', "line 3: list; expected an object"),
        (b'{"body": "x"}', "line 3: no field 'text' among body"),
        (b'{"text": 7}', "line 3: field 'text' is 7; expected text"),
    ],
)
def test_a_bad_line_is_named_by_its_number(line, complaint, tmp_path):
    path = written(tmp_path / "a.jsonl", {"text": "fine"}, b"", line)
    with pytest.raises(ValueError, match=complaint):
        list(documents_from_jsonl(path))


def test_a_file_without_text_is_refused(tmp_path):
    path = written(tmp_path / "a.jsonl", {"text": " ", "domain": "web"})
    with pytest.raises(ValueError, match="no text in it"):
        domains_from_jsonl(path)
