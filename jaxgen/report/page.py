"""One self-contained HTML page, composed of fragments that escape what they hold."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import NewType

from jaxgen.report.stylesheet import COLOURS, STYLESHEET
from jaxgen.stats.intervals import Interval
from jaxgen.stats.verdict import Verdict

Fragment = NewType("Fragment", str)
"""A piece of HTML that may stand in a page as it is."""

_NUMBER = re.compile(r"[^\w]*\d|[^\w]*$")


def interval_text(interval: Interval, format: str = "z.1f") -> str:
    """An estimate with its interval in words, for a table or a sentence.

    Args:
        interval: what to write.
        format: of each of its numbers, as in Python's format language.

    Returns:
        Such as ``6.1 [5.2, 7.0]``, with true minus signs.

    Example:
        >>> interval_text(Interval(0.057, 0.2, 0.51), ".0%")
        '20% [6%, 51%]'
    """
    low, estimate, high = (
        f"{end:{format}}".replace("-", "\N{MINUS SIGN}") for end in interval
    )
    return f"{estimate} [{low}, {high}]"


def paragraph(text: str) -> Fragment:
    """A paragraph of plain text.

    Example:
        >>> paragraph("n < 30")
        '<p>n &lt; 30</p>'
    """
    return Fragment(f"<p>{_set(text)}</p>")


def verdict(word: Verdict, sentence: str) -> Fragment:
    """The verdict on a claim: the word, and the sentence that says what of.

    Args:
        word: supported, refuted or undecided.
        sentence: the claim with the numbers that decided.

    Returns:
        A paragraph that a reader finds at a glance.
    """
    return Fragment(
        f'<p class="verdict {word}"><strong>{word.capitalize()}</strong> '
        f"<span>{_set(sentence)}</span></p>"
    )


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], caption: str
) -> Fragment:
    """A table; columns that hold only numbers are set flush right.

    Args:
        header: the names of the columns, the unit of a column in its name.
        rows: cells, as they are to be read; the first of a row names the row.
        caption: what the table shows, of how many replicates.

    Returns:
        A figure that scrolls sideways inside itself where the page is narrow.

    Raises:
        ValueError: if a row has not one cell for each column.
    """
    for i, row in enumerate(rows):
        if len(row) != len(header):
            raise ValueError(
                f"rows[{i}] has {len(row)} cells; expected one for each of the "
                f"{len(header)} columns {list(header)}"
            )
    classes = [
        ' class="number"' if j and all(map(_NUMBER.match, column)) else ""
        for j, column in enumerate(zip(*rows, strict=True))
    ] or [""] * len(header)
    heads = "".join(
        f'<th scope="col"{kind}>{escape(cell)}</th>'
        for kind, cell in zip(classes, header, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, classes)}</tr>" for row in rows)
    return _scrolling(
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>", caption
    )


def figure(svg: str, caption: str) -> Fragment:
    """A drawing with its caption.

    Args:
        svg: an ``<svg>`` element, trusted as it is.
        caption: what is drawn, what band and mark mean, of how many replicates.

    Returns:
        A figure that scrolls sideways inside itself rather than shrink its labels.
    """
    return _scrolling(svg, caption)


def svg_file(svg: str) -> str:
    """A drawing as a file of its own, with the colours that a page would give it.

    Args:
      svg: an ``<svg>`` element as the figures return it.

    Returns:
      The text of an ``.svg`` file, light or dark as the reader's system is.

    Example:
      >>> svg_file('<svg width="9" height="9"></svg>').startswith("<svg xmlns=")
      True
    """
    style = (
        f"<style>{COLOURS}svg{{background:var(--paper);font-family:sans-serif}}</style>"
    )
    opened = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return opened.replace(">", f">{style}", 1) + "\n"


def settings(values: Mapping[str, object]) -> Fragment:
    """The settings of a run, folded away until asked for.

    Args:
        values: each setting by its name.

    Returns:
        A definition list that opens on a click, and is open in print.
    """
    pairs = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in values.items()
    )
    return Fragment(f"<details><summary>Settings</summary><dl>{pairs}</dl></details>")


def section(title: str, *fragments: Fragment) -> Fragment:
    """A heading and what stands under it."""
    return Fragment(f"<section><h2>{_set(title)}</h2>{''.join(fragments)}</section>")


def page(title: str, *fragments: Fragment) -> str:
    """A whole HTML document that loads nothing and runs nothing.

    It is light or dark as the reader's system is, light in print, and reads on a
    phone as on a wide screen.

    Args:
        title: of the document.
        *fragments: its body, in order.

    Returns:
        The text of an ``.html`` file, to be written in UTF-8.

    Example:
        >>> page("Modes", paragraph("Eight of eight."))[:15]
        '<!doctype html>'
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLESHEET}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{_set(title)}</h1>\n"
        + "\n".join(fragments)
        + "\n</main>\n</body>\n</html>\n"
    )


def _set(text: str) -> str:
    bound = re.sub(r"(?<=\d) (?=%)|(?<=\w) (?==)|(?<==) ", "\N{NO-BREAK SPACE}", text)
    return escape(bound)


def _cells(row: Sequence[str], classes: Sequence[str]) -> str:
    name, *rest = map(escape, row)
    return f'<th scope="row">{name}</th>' + "".join(
        f"<td{kind}>{cell}</td>" for kind, cell in zip(classes[1:], rest, strict=True)
    )


def _scrolling(content: str, caption: str) -> Fragment:
    words = _set(caption)
    return Fragment(
        f'<figure><div class="scroll" role="group" aria-label="{words}" tabindex="0">'
        f"{content}</div><figcaption>{words}</figcaption></figure>"
    )
