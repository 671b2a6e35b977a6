"""Measures the parts of the claim that an experiment asks for, and writes the report."""

import json
import shlex
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.launch import command
from experiments.mode_collapse.causes import causes
from experiments.mode_collapse.claim import ModeCollapse
from experiments.mode_collapse.digit_protocols import digit_protocol, digits_of
from experiments.mode_collapse.methods import require_fit
from experiments.mode_collapse.mixtures import mixtures
from experiments.mode_collapse.page import report_page
from experiments.mode_collapse.part import Part
from experiments.mode_collapse.protocols import PROTOCOLS
from experiments.mode_collapse.results import results_of
from experiments.mode_collapse.thousand_modes import thousand_modes
from jaxgen.report.page import svg_file
from jaxgen.training.directory import run_directory

PARTS: dict[str, Callable[[ModeCollapse, Path], Part]] = {
    "mixtures": mixtures,
    "causes": causes,
    "digits": thousand_modes,
}


def report(experiment: ModeCollapse) -> Path:
    """Trains what is missing, writes ``results.json`` and ``report.html``.

    Returns:
      Where the page is.
    """
    require_possible(experiment)
    settings = settings_of(experiment)
    with run_directory(experiment.out, settings) as folder:
        # a part that was begun before stays in the report, and is finished
        wanted = [
            name
            for name in PARTS
            if name in experiment.parts or (folder / name).is_dir()
        ]
        parts = {name: PARTS[name](experiment, folder / name) for name in wanted}
        results = results_of(settings, parts)
        (folder / "results.json").write_text(json.dumps(results, allow_nan=False))
        for part in parts.values():
            for name, drawing in part.drawings.items():
                (folder / f"{name}.svg").write_text(svg_file(drawing))
        page = folder / "report.html"
        page.write_text(report_page(shlex.join(command()), results, parts))
    return page


def require_possible(experiment: ModeCollapse) -> None:
    """Raises, before anything is written, what a part would raise later.

    Raises:
      ValueError: packs that do not divide a batch, or digits that are none.
      OSError: a file of digits that cannot be read.
    """
    if "mixtures" in experiment.parts:
        for name in experiment.mixtures.protocols:
            for method in experiment.mixtures.methods:
                require_fit(
                    f"mixtures.methods {method}", PROTOCOLS[name].recipe, method
                )
    if "digits" in experiment.parts:
        digits_of(experiment.digits)
        recipe = digit_protocol(experiment.digits.source).recipe
        for method in experiment.digits.methods:
            require_fit(f"digits.methods {method}", recipe, method)


def settings_of(experiment: ModeCollapse) -> dict[str, Any]:
    """What decides the results, as JSON.

    All but where they go, who else is told, and which parts are wanted now: another
    part may be added to a run.
    """
    beside = ("out", "tensorboard", "parts")
    settings = {k: v for k, v in asdict(experiment).items() if k not in beside}
    settings["digits"]["file"] = str(settings["digits"]["file"] or "")
    return {"experiment": "mode_collapse", **settings}
