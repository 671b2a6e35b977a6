"""The results as data: every row with its keys, and what was found."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.criterion import criterion_row, overall
from experiments.mode_collapse.alarm import Alarm
from experiments.mode_collapse.findings import Arms, criteria
from experiments.mode_collapse.protocols import Protocol
from experiments.training import Trajectories


def mixture_results(
    name: str, protocol: Protocol, arms: Arms, told: Mapping[str, Alarm] | None
) -> dict[str, Any]:
    """What was found under one protocol, and its rows."""
    found = criteria(protocol, arms)
    return {
        "verdict": overall(found),
        "criteria": [criterion_row(part) for part in found],
        "alarms": {
            score: {**alarm._asdict(), "pooled": alarm.pooled._asdict()}
            for score, alarm in (told or {}).items()
        },
        "died": {method: dict(one.died) for method, one in arms.methods.items()},
        "rows": arm_rows({"protocol": name}, arms),
    }


def arm_rows(keys: Mapping[str, Any], arms: Arms) -> list[dict[str, Any]]:
    """One row for each evaluation of each seed, and for each reference draw."""
    references = {"perfect": arms.perfect, "trivial": arms.trivial}
    return [
        row
        for method, one in arms.methods.items()
        for row in rows({**keys, "method": method}, one)
    ] + [
        {**keys, "method": name, "draw": draw, **_single(values, draw)}
        for name, values in references.items()
        for draw in range(len(values["covered"]))
    ]


def rows(keys: Mapping[str, Any], run: Trajectories) -> list[dict[str, Any]]:
    """One row for each evaluation of each seed of a run."""
    return [
        {**keys, "seed": seed, "step": step, **_single(scores, seed)}
        for time, step in enumerate(run.steps.tolist())
        for scores in [{name: v[:, time] for name, v in run.scores.items()}]
        for seed in range(len(run.scores["covered"]))
    ]


def _single(values: Mapping[str, np.ndarray], row: int) -> dict[str, float]:
    """The scores of a row that are one number."""
    return {
        name: float(column[row]) for name, column in values.items() if column.ndim == 1
    }
