"""Tables and figures of what tuning gains on a target and loses elsewhere."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.domain_generalization.differences import MARGIN, difference_cells
from experiments.domain_generalization.fine_tuning_findings import (
    BUDGET,
    Told,
    areas,
    at_end,
    chosen,
    chosen_rates,
    from_full,
)
from experiments.domain_generalization.fine_tuning_settings import TuningName
from experiments.domain_generalization.tuning_bases import Judged
from experiments.domain_generalization.tuning_methods import RATES, TITLES
from experiments.domain_generalization.tuning_runs import Tuned
from jaxgen.arrays import Float
from jaxgen.report.curve import Curve
from jaxgen.report.fronts import Points, fronts
from jaxgen.report.page import Fragment, interval_text, table
from jaxgen.report.scaling import levels
from jaxgen.stats.student import student_interval

FORM = "z.3f"
LOST = "bits per byte lost on the domains in training"
GAINED = "bits per byte gained on the target"
InContext = Mapping[int, Told]
"""By bytes of the prompt."""


def shot_table(
    told: Mapping[TuningName, Told],
    prompts: InContext,
    shots: Sequence[int],
    length: int,
) -> Fragment:
    """What each method gains and loses by the number of windows."""
    rows = []
    for name, one in told.items():
        gain, loss = chosen(one)
        rates = chosen_rates(one)
        for place, windows in enumerate(shots):
            picked = sorted({RATES[name][i] for i in rates[:, place]})
            rows.append(
                (
                    TITLES[name],
                    f"{windows * length:,}",
                    _mean(gain[:, place]),
                    _mean(loss[:, place]),
                    " ".join(f"{rate:g}" for rate in picked),
                )
            )
    rows += [
        (
            TITLES["in_context"],
            f"{size:,}",
            _mean(one.gain.ravel()),
            _mean(one.loss.ravel()),
            "none",
        )
        for size, one in prompts.items()
    ]
    return table(
        ("method", "bytes", "gained on the target", "lost elsewhere", "rates chosen"),
        rows,
        "Bits per byte at the end of tuning, with 95 % intervals over targets; the rate "
        "for each target is the one that gained most on the other targets. Lost: the mean "
        "over the domains in training.",
    )


def area_table(told: Mapping[str, Told], numbers: Mapping[str, int]) -> Fragment:
    """The area under each method's front, and less that of full tuning."""
    apart = from_full(told)
    rows = [
        (
            TITLES[name],
            f"{numbers[name]:,}",
            _mean(areas(one)),
            *(difference_cells(apart[name]) if name in apart else ("",) * 4),
        )
        for name, one in told.items()
    ]
    head = (
        "method",
        "numbers learned",
        "area under the front",
        "less full tuning's",
        "p",
        "would have been found",
        "equal",
    )
    return table(
        head,
        rows,
        f"Bits per byte gained on the target by the best setting that loses no more than l "
        f"on the domains in training, the mean over l from 0 to {BUDGET} and over numbers "
        "of windows; 95 % intervals over targets. Every method has as many settings, rates "
        "times points of a run, or shares of the way back; that the best are told of each "
        "target flatters all, and is not corrected. Sign-flip tests, p-values corrected "
        f"for their number (Holm). Equal: within {MARGIN}, by two one-sided tests.",
    )


def target_table(
    names: Sequence[str],
    before: Float[np.ndarray, " j"],
    told: Mapping[TuningName, Told],
) -> Fragment:
    """What each target gains by each method from the most windows."""
    gains = {name: chosen(one)[0][:, -1] for name, one in told.items()}
    rows = [
        (
            name,
            f"{before[place]:.2f}",
            *(f"{gain[place]:z.3f}".replace("-", "−") for gain in gains.values()),
        )
        for place, name in enumerate(names)
    ]
    return table(
        ("target", "before", *(TITLES[name] for name in gains)),
        rows,
        "Bits per byte of each target before tuning, and what was gained with the most "
        "windows, at rates chosen on the other targets.",
    )


def calibration_table(
    before: Judged,
    errors: Judged,
    tuned: Mapping[TuningName, Tuned],
    told: Mapping[TuningName, Told],
) -> Fragment:
    """How sure models are and how well they tell, before and after tuning.

    Args:
      before: bits of the models that were tuned.
      errors: of their calibration.
      tuned: what every method came to.
      told: what was gained and lost.
    """
    sides: dict[str, Sequence[np.ndarray]] = {
        "before tuning": (before.own, errors.own, before.others, errors.others)
    }
    for name, one in tuned.items():
        rates = chosen_rates(told[name])
        every = one.bits.own, one.errors.own, one.bits.others, one.errors.others
        sides[TITLES[name]] = [at_end(each, rates)[:, -1] for each in every]
    return table(
        (
            "method",
            "target, bits per byte",
            "target, calibration error, %",
            "elsewhere, bits per byte",
            "elsewhere, calibration error, %",
        ),
        [
            (
                name,
                _mean(own),
                _mean(100 * own_error),
                _mean(far),
                _mean(100 * far_error),
            )
            for name, (own, own_error, far, far_error) in sides.items()
        ],
        "The target, which nobody saw before tuning, and the domains in training; from the "
        "most windows, at rates chosen on the other targets, with 95 % intervals over "
        "targets. Calibration error: how far the share of the likeliest byte is from how "
        "often it is right, the mean over 15 bins of as many bytes.",
    )


def front_figure(told: Mapping[str, Told], shots: Sequence[int], length: int) -> str:
    """Means over targets of every setting, and the fronts they make."""
    shown = _thinned(shots)
    panels = {
        f"{shots[place] * length:,} bytes": {
            TITLES[name]: Points(
                one.loss[:, place].mean(0).ravel(), one.gain[:, place].mean(0).ravel()
            )
            for name, one in told.items()
        }
        for place in shown
    }
    return fronts(panels, xlabel=LOST, ylabel=GAINED, budget=BUDGET)


def shot_figure(
    told: Mapping[TuningName, Told],
    prompts: InContext,
    shots: Sequence[int],
    length: int,
) -> str:
    """What is gained by the number of bytes, with intervals over targets."""
    at = np.array(shots) * length
    curves = {TITLES[name]: _curve(at, chosen(one)[0]) for name, one in told.items()}
    if prompts:
        gains = np.stack([one.gain.ravel() for one in prompts.values()], 1)
        curves[TITLES["in_context"]] = _curve(np.array([*prompts]), gains)
    return levels(
        {"": curves},
        ylabel=GAINED,
        xlabel="bytes of the target",
        reference={"nothing": 0.0},
    )


def _curve(at: np.ndarray, gains: Float[np.ndarray, "j s"]) -> Curve:
    ends = [student_interval(column) for column in gains.T]
    return Curve(at, *np.transpose(ends))


def _thinned(shots: Sequence[int]) -> list[int]:
    """Three places at most, the first and the last among them."""
    return sorted({0, len(shots) // 2, len(shots) - 1})


def _mean(values: Float[np.ndarray, " j"]) -> str:
    return interval_text(student_interval(values), FORM)
