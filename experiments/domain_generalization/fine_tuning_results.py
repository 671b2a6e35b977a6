"""What was measured of fine-tuning, as data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.criterion import Criterion, criterion_row, overall
from experiments.domain_generalization.fine_tuning_findings import (
    Told,
    areas,
    from_full,
)
from experiments.domain_generalization.fine_tuning_settings import (
    FineTuning,
    TuningName,
)
from experiments.domain_generalization.tuning_bases import Judged
from experiments.domain_generalization.tuning_methods import RATES
from experiments.domain_generalization.tuning_runs import Tuned


def results_of(
    settings: FineTuning,
    names: Sequence[str],
    before: Mapping[int, Judged],
    errors: Mapping[int, Judged],
    tuned: Mapping[TuningName, Tuned],
    told: Mapping[str, Told],
    criteria: Sequence[Criterion],
) -> dict[str, Any]:
    """Every number, with its keys.

    Args:
      settings: of the part.
      names: of the targets.
      before: bits of the models that were tuned, by bytes of a prompt.
      errors: of calibration, likewise.
      tuned: what every method came to.
      told: what was gained and lost.
      criteria: what that decides.
    """
    return {
        "verdict": overall(criteria),
        "criteria": [criterion_row(one) for one in criteria],
        "areas": {
            name: dict(zip(names, areas(one).tolist(), strict=True))
            for name, one in told.items()
        },
        "less_full": {
            name: {
                "interval": one.told.interval._asdict(),
                "detectable": one.told.detectable,
                "p_value": one.p_value,
                "equal": one.equal,
            }
            for name, one in from_full(told).items()
        },
        "died": {
            name: {str(row): step for row, step in one.died.items()}
            for name, one in tuned.items()
        },
        "before": [
            {
                "target": name,
                "prompt": size,
                "own": float(judged.own[place]),
                "others": float(judged.others[place]),
                "own_error": float(errors[size].own[place]),
                "others_error": float(errors[size].others[place]),
            }
            for size, judged in before.items()
            for place, name in enumerate(names)
        ],
        "rows": [
            row
            for name, one in tuned.items()
            for row in rows(name, one, settings, names)
        ],
    }


def rows(
    name: TuningName, tuned: Tuned, settings: FineTuning, names: Sequence[str]
) -> list[dict[str, Any]]:
    """One row for each target, number of windows, rate and point."""
    parts = {"point": (tuned.bits, tuned.errors), "share": (tuned.way, None)}
    return [
        {
            "method": name,
            "target": names[target],
            "windows": settings.shots[shot],
            "rate": RATES[name][rate],
            part: point / settings.points,
            "own": float(judged.own[target, shot, rate, point]),
            "others": float(judged.others[target, shot, rate, point]),
            **errors_at(errors, (target, shot, rate, point)),
        }
        for part, (judged, errors) in parts.items()
        for target, shot, rate, point in np.ndindex(*judged.own.shape)
    ]


def errors_at(errors: Judged | None, place: tuple[int, ...]) -> dict[str, float]:
    """Calibration errors of a row, where they are known.

    Example:
      >>> errors_at(Judged(np.array([0.5]), np.array([0.25])), (0,))
      {'own_error': 0.5, 'others_error': 0.25}
    """
    if errors is None:
        return {}
    return {
        f"{side}_error": float(each[place]) for side, each in errors._asdict().items()
    }
