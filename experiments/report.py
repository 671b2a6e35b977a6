"""What a claim leaves in its folder: results as data, drawings, one page."""

import json
import shlex
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from experiments.launch import command
from experiments.versions import versions
from jaxgen.report.page import Fragment, page, paragraph, section, settings, svg_file
from jaxgen.training.directory import run_directory
from jaxgen.training.processes import is_first
from jaxgen.training.record import json_ready


class Part(NamedTuple):
    """One part of a claim, measured.

    Attributes:
      results: every row with its keys, and what was found, as JSON could hold it.
      sections: of the page.
      drawings: figures that also stand alone, SVG elements by name.
    """

    results: dict[str, Any]
    sections: list[Fragment]
    drawings: Mapping[str, str] = {}


class Words(NamedTuple):
    """What a page says beside what was measured.

    Attributes:
      title: of the page.
      claim: what is to be shown.
      how: it was measured.
    """

    title: str
    claim: str
    how: str


def left_report(
    out: Path,
    decided: Mapping[str, Any],
    parts: Mapping[str, Callable[[Path], Part]],
    wanted: Collection[str],
    words: Words,
) -> Path:
    """Measures what is missing, writes ``results.json``, drawings, ``report.html``.

    Args:
      out: folder of the run.
      decided: the settings that decide its results, as JSON could hold them.
      parts: measures each part in a folder of its own.
      wanted: which of them; one that was begun before stays, and is finished.
      words: of the page.

    Returns:
      Where the page is.

    Raises:
      ValueError: the folder belongs to other settings.
      OSError: it cannot be written.
    """
    with run_directory(out, decided) as folder:
        names = [name for name in parts if name in wanted or (folder / name).is_dir()]
        done = {name: parts[name](folder / name) for name in names}
        results = results_of(decided, done)
        document = folder / "report.html"
        if is_first():
            (folder / "results.json").write_text(json.dumps(results, allow_nan=False))
            for part in done.values():
                for name, drawing in part.drawings.items():
                    (folder / f"{name}.svg").write_text(svg_file(drawing))
            document.write_text(report_page(words, results, done))
    return document


def results_of(decided: Mapping[str, Any], parts: Mapping[str, Part]) -> dict[str, Any]:
    """All that was measured and found, ready for JSON."""
    return json_ready(
        {
            "settings": dict(decided),
            "versions": versions() | {"devices": devices()},
            **{name: part.results for name, part in parts.items()},
        }
    )


def report_page(
    words: Words, results: Mapping[str, Any], parts: Mapping[str, Part]
) -> str:
    """The whole document: the claim, each part's sections, how it was measured."""
    ran = shlex.join(command())
    return page(
        words.title,
        paragraph(words.claim),
        *(fragment for part in parts.values() for fragment in part.sections),
        section("How it was measured", paragraph(words.how)),
        section(
            "What ran",
            paragraph(f"Command: {ran}. Every number is in results.json."),
            settings({**results["settings"], **results["versions"]}),
        ),
    )


def devices() -> str:
    """How many devices of which kind.

    Example:
      >>> devices()
      '... x ...'
    """
    found = jax.devices()
    return f"{len(found)} x {found[0].device_kind}"
