"""Measures the parts of the claim that an experiment asks for."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from experiments.digits import digits_of
from experiments.mode_collapse.causes import causes
from experiments.mode_collapse.claim import ModeCollapse
from experiments.mode_collapse.digit_protocols import digit_protocol
from experiments.mode_collapse.methods import require_fit
from experiments.mode_collapse.mixtures import mixtures
from experiments.mode_collapse.page import WORDS
from experiments.mode_collapse.protocols import PROTOCOLS
from experiments.mode_collapse.thousand_modes import thousand_modes
from experiments.report import Part, left_report

PARTS: dict[str, Callable[[ModeCollapse, Path], Part]] = {
    "mixtures": mixtures,
    "causes": causes,
    "digits": thousand_modes,
}


def report(experiment: ModeCollapse) -> Path:
    """Trains what is missing and leaves the report.

    Returns:
      Where the page is.
    """
    require_possible(experiment)
    parts = {name: partial(part, experiment) for name, part in PARTS.items()}
    settings = settings_of(experiment)
    return left_report(experiment.out, settings, parts, experiment.parts, WORDS)


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
        settings = experiment.digits
        digits_of("digits", settings.source, settings.file)
        recipe = digit_protocol(settings.source).recipe
        for method in settings.methods:
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
