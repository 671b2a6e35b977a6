"""The results as data: every row with its keys, what ran, and what was found."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from experiments.mode_collapse.findings import Arms, Trajectories, criteria, overall
from experiments.mode_collapse.protocols import PROTOCOLS
from experiments.versions import versions
from jaxgen.training.record import json_ready

SCORES = (
    "covered",
    "effective",
    "high_quality",
    "reverse_kl",
    "near_duplicates",
    "precision",
    "recall",
    "density",
    "coverage",
)
"""The scores of a row, each one number."""


def results_of(settings: Mapping[str, Any], arms: Mapping[str, Arms]) -> dict[str, Any]:
    """All that was measured and found, ready for JSON."""
    return json_ready(
        {
            "settings": dict(settings),
            "versions": versions() | {"devices": devices()},
            "findings": {
                name: _findings(PROTOCOLS[name], one) for name, one in arms.items()
            },
            "rows": [row for name, one in arms.items() for row in rows(name, one)],
        }
    )


def rows(protocol: str, arms: Arms) -> list[dict[str, Any]]:
    """One row for each evaluation of each seed, and for each reference draw."""
    references = {"perfect": arms.perfect, "trivial": arms.trivial}
    return [
        {"protocol": protocol, "method": method, "seed": seed, "step": step, **scores}
        for method, trajectory in arms.methods.items()
        for seed, step, scores in _evaluations(trajectory)
    ] + [
        {"protocol": protocol, "method": name, "draw": draw, **_scores(values, draw)}
        for name, values in references.items()
        for draw in range(len(values["covered"]))
    ]


def _evaluations(trajectory: Trajectories):
    for time, step in enumerate(trajectory.steps.tolist()):
        values = {name: trajectory.scores[name][:, time] for name in SCORES}
        for seed in range(len(values["covered"])):
            yield seed, step, _scores(values, seed)


def _scores(values: Mapping[str, np.ndarray], row: int) -> dict[str, float]:
    return {name: float(values[name][row]) for name in SCORES}


def _findings(protocol, arms: Arms) -> dict[str, Any]:
    found = criteria(protocol, arms)
    return {
        "verdict": overall(found),
        "criteria": [
            {**part._asdict(), "interval": part.interval._asdict()} for part in found
        ],
        "died": {name: dict(one.died) for name, one in arms.methods.items()},
    }


def devices() -> str:
    """How many devices of which kind.

    Example:
      >>> devices()
      '... x ...'
    """
    found = jax.devices()
    return f"{len(found)} x {found[0].device_kind}"
