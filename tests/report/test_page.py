"""The page: whole, escaped, and sufficient to itself."""

import pytest

from jaxgen.report.page import (
    figure,
    interval_text,
    page,
    paragraph,
    section,
    settings,
    table,
    verdict,
)
from jaxgen.stats.intervals import Interval
from markup import Reader

MINUS, BOUND = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"
NASTY = "</style><script>alert('\"&')</script>"


def whole() -> str:
    return page(
        NASTY,
        paragraph(NASTY),
        verdict("refuted", NASTY),
        section(
            NASTY,
            table(
                [NASTY, "n"],
                [[NASTY, f"{MINUS}2.5 [{MINUS}3.0, 1.0]"], ["b", "—"]],
                NASTY,
            ),
            figure('<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>', NASTY),
        ),
        settings({NASTY: NASTY, "rate": 1e-4}),
    )


def test_tags_balance_and_only_words_carry_what_was_given():
    read = Reader(whole())
    assert "script" not in read.tags
    # title, h1, p, verdict, h2, head, cell, 2 captions, term and definition
    assert read.words.count(NASTY) == 11
    assert read.tags.count("style") == 1


def test_a_page_loads_nothing():
    html = whole()
    for word in ("http", "//", "@import", "url(", "src=", "<link"):
        assert word not in html.replace(NASTY, "")


def test_page_is_complete():
    html = whole()
    assert html.startswith("<!doctype html>") and 'charset="utf-8"' in html
    assert 'name="viewport"' in html and '<html lang="en">' in html


def test_numbers_stand_flush_right_and_names_head_their_rows():
    html = table(
        ["method", "modes", "note", "p"],
        [
            ["2 players", "6.1 [5.2, 7.0]", "see text", "< 0.01"],
            ["b", "—", "3", "+0.2"],
        ],
        "scores",
    )
    assert html.count('class="number"') == 2 * 3
    assert '<td>see text</td><td class="number">&lt; 0.01</td>' in html
    assert '<th scope="row">2 players</th>' in html


def test_a_ragged_table_is_refused():
    with pytest.raises(ValueError, match=r"rows\[1\] has 1 cells.*2 columns"):
        table(["a", "b"], [["1", "2"], ["1"]], "ragged")


def test_an_empty_table_keeps_its_head():
    assert "<th" in table(["a", "b"], [], "nothing yet")


def test_the_verdict_is_a_word_not_only_a_colour():
    assert Reader(verdict("supported", "a claim")).words[0] == "Supported"


def test_a_percentage_does_not_part_from_its_sign():
    bound = f"<p>a 95{BOUND}% interval, p{BOUND}={BOUND}0.1</p>"
    assert paragraph("a 95 % interval, p = 0.1") == bound


@pytest.mark.parametrize(
    ("interval", "format", "text"),
    [
        ((5.24, 6.05, 7.0), "z.1f", "6.0 [5.2, 7.0]"),
        ((-0.04, 0.0, 1.5), "z.1f", "0.0 [0.0, 1.5]"),
        ((-1.0, -0.5, 1.5), "+.1f", f"{MINUS}0.5 [{MINUS}1.0, +1.5]"),
        ((0.06, 0.2, 0.51), ".0%", "20% [6%, 51%]"),
    ],
)
def test_interval_text(interval, format, text):
    assert interval_text(Interval(*interval), format) == text
