"""Measures the parts of the claim that an experiment asks for."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from experiments.attention_scaling.cost_of_length import cost_of_length
from experiments.attention_scaling.memory_on_tpu import memory_on_tpu
from experiments.attention_scaling.page import WORDS
from experiments.attention_scaling.quality_of_length import quality_of_length
from experiments.attention_scaling.scaling_laws import scaling_laws
from experiments.attention_scaling.settings import AttentionScaling
from experiments.report import Part, left_report
from jaxgen.sharding.topology import topology

PARTS: dict[str, Callable[[AttentionScaling, Path], Part]] = {
    "cost_of_length": cost_of_length,
    "quality_of_length": quality_of_length,
    "scaling_laws": scaling_laws,
    "memory_on_tpu": memory_on_tpu,
}


def report(experiment: AttentionScaling) -> Path:
    """Measures what is missing and leaves the report.

    Returns:
      Where the page is.

    Raises:
      ImportError: memory on TPUs is asked for, and their compiler is not installed.
    """
    if "memory_on_tpu" in experiment.parts:
        for name in experiment.memory_on_tpu.slices:
            topology(name)
    parts = {name: partial(part, experiment) for name, part in PARTS.items()}
    settings = settings_of(experiment)
    return left_report(experiment.out, settings, parts, experiment.parts, WORDS)


def settings_of(experiment: AttentionScaling) -> dict[str, Any]:
    """What decides the results, as JSON: all but where they go, and which parts."""
    settings = asdict(experiment)
    return {
        "experiment": "attention_scaling",
        **{name: settings[name] for name in settings if name not in ("out", "parts")},
    }
