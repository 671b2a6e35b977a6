"""Which score that knows no modes would have told of the collapse."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from sklearn.metrics import roc_curve

from experiments.mode_collapse.counting import ANY_DISTANCE, COUNTING
from experiments.mode_collapse.findings import Arms
from jaxgen.arrays import Bool, Float
from jaxgen.report.page import Fragment, interval_text, paragraph, section, table
from jaxgen.stats.intervals import Interval, mean_interval

ALARMS = {
    "near_duplicates": ("near-duplicates", 1),
    "birthday": ("birthday support", -1),
    "vendi": ("Vendi score", -1),
    "covariance_rank": ("effective rank of the covariance", -1),
    "recall": ("recall", -1),
    "coverage": ("coverage", -1),
    "frechet": ("Fréchet distance", 1),
    "kid": ("KID", 1),
    "different_bins": ("different bins", 1),
    "jensen_shannon": ("Jensen-Shannon divergence of bins", 1),
    "precision": ("precision", -1),
    "density": ("density", -1),
    "critic_loss": ("loss of the critic", -1),
    "generator_loss": ("loss of the generator", 1),
}
"""Scores by name, each with its title and the sign with which it warns."""

UNITS_OF_THEIR_METHOD = ("critic_loss", "generator_loss")
"""Scores that mean something within a method alone."""

LEAST = 3
"""Methods with collapsed and with sound seeds that it takes to hold one out."""


class Alarm(NamedTuple):
    """How well one score tells collapsed moments of training from sound ones.

    Attributes:
      area: under the ROC curve, for each method that has moments of both kinds.
      pooled: the area over the moments of all methods, with its interval over methods.
      held_out: balanced accuracy on each method at the threshold that was best on all
        others.
    """

    area: Mapping[str, float]
    pooled: Interval
    held_out: Mapping[str, float]


def late(values: Float[np.ndarray, "seeds times"]) -> Float[np.ndarray, " moments"]:
    """A score at every evaluation in the second half of training, seed by seed."""
    return values[:, values.shape[1] // 2 :].ravel()


def collapsed(arms: Arms, modes: int) -> dict[str, Bool[np.ndarray, " moments"]]:
    """At which moments fewer than three quarters of the modes are left, in effect.

    Each sample counts for its nearest mode, for how it looks is another question.
    """
    rule = COUNTING.index(ANY_DISTANCE)
    return {
        method: modes * np.exp(-late(one.scores["rule_kl"][..., rule])) < 0.75 * modes
        for method, one in arms.methods.items()
    }


def warnings(arms: Arms, score: str) -> dict[str, Float[np.ndarray, " moments"]]:
    """A score at each moment, the larger the more alarming; unknown is none at all."""
    sign = ALARMS[score][1]
    return {
        method: np.nan_to_num(sign * late(one.scores[score]), nan=-1e30, posinf=1e30)
        for method, one in arms.methods.items()
    }


def alarm_of(
    told: Mapping[str, Float[np.ndarray, " moments"]],
    truth: Mapping[str, Bool[np.ndarray, " moments"]],
) -> Alarm:
    """Areas, and accuracies on methods that did not choose the threshold.

    Args:
      told: for each method, how loudly it warns at each moment.
      truth: for each method, at which moments it had collapsed.
    """
    won = wins(told, truth)
    pairs = wins({m: 1.0 * one for m, one in truth.items()}, truth)
    within = zip(truth, won.diagonal(), pairs.diagonal(), strict=True)
    return Alarm(
        {m: float(mine / all_) for m, mine, all_ in within if all_},
        pooled_area(won, pairs),
        {m: held_out(told, truth, m) for m in truth},
    )


def wins(told, truth) -> Float[np.ndarray, "methods methods"]:
    """Pairs of a collapsed moment, of the row's method, and a sound one, of the column's.

    Counts those in which the collapsed one warns louder, and half of those in which
    both warn alike: an area under the ROC curve is the share of such pairs.
    """
    fallen = [told[m][truth[m]] for m in truth]
    sound = [np.sort(told[m][~truth[m]]) for m in truth]
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    return np.array(
        [
            [
                sum(np.searchsorted(b, a, side).sum() for side in sides) / 2
                for b in sound
            ]
            for a in fallen
        ]
    )


def pooled_area(won, pairs) -> Interval:
    """The area over all seeds; its 95 % interval draws methods anew, 199 times."""
    count, rng = len(won), np.random.default_rng(0)
    drawn = [np.bincount(rng.choice(count, count), minlength=count) for _ in range(199)]
    with np.errstate(invalid="ignore"):  # none is known of draws of one kind alone
        areas = [(n @ won @ n) / (n @ pairs @ n) for n in drawn]
    low, high = np.nanquantile(areas, (0.025, 0.975))
    return Interval(float(low), float(won.sum() / pairs.sum()), float(high))


def held_out(told, truth, method: str) -> float:
    """Balanced accuracy on one method, with the threshold of all others.

    Of a method all of whose moments are of one kind it is the share that is right.
    """
    others = [m for m in truth if m != method]
    labels, values = (np.concatenate([one[m] for m in others]) for one in (truth, told))
    miss, hit, thresholds = roc_curve(labels, values)
    chosen = thresholds[np.argmax(hit - miss)]
    right = (told[method] >= chosen) == truth[method]
    kinds = [right[truth[method] == kind] for kind in (True, False)]
    return float(np.mean([one.mean() for one in kinds if one.size]))


def alarms(arms: Arms, modes: int) -> dict[str, Alarm] | None:
    """Every alarm; None where hardly any method collapsed, or hardly any did not."""
    truth = collapsed(arms, modes)
    kinds = [sum(kind in one for one in truth.values()) for kind in (True, False)]
    if min(kinds) < LEAST:
        return None
    return {name: alarm_of(warnings(arms, name), truth) for name in ALARMS}


def alarm_section(found: dict[str, Alarm] | None) -> Fragment:
    """The table of alarms, best first."""
    if found is None:
        words = (
            f"No ROC: it takes {LEAST} methods that collapse and {LEAST} that at "
            "times do not to hold a method out."
        )
        return section("An alarm without labels", paragraph(words))
    best = sorted(
        found.items(),
        key=lambda item: (item[0] in UNITS_OF_THEIR_METHOD, -item[1].pooled.estimate),
    )
    return section(
        "An alarm without labels",
        table(
            ("score", "area, all methods", "area within a method", "accuracy held out"),
            [
                (
                    ALARMS[name][0],
                    *(
                        ("", _mean_text(one.area), "")
                        if name in UNITS_OF_THEIR_METHOD
                        else (
                            interval_text(one.pooled, "z.2f"),
                            _mean_text(one.area),
                            _mean_text(one.held_out),
                        )
                    ),
                )
                for name, one in best
            ],
            "While training: every evaluation of every seed in its second half. "
            "Collapsed: below three quarters of the modes, in effect, each sample "
            "counted for its nearest mode. Area under the ROC "
            "curve: the chance that a collapsed moment warns "
            "louder than a sound one; a perfect alarm has 1, a coin 0.5. Within a "
            "method: mean over the methods that have both kinds. Held out: "
            "balanced accuracy on a method at the threshold that was best on all others. "
            "Losses are in units of their method. Intervals are 95 %, over methods.",
        ),
    )


def _mean_text(values: Mapping[str, float]) -> str:
    known = np.array(list(values.values()))
    if known.size < 2:
        return "too few methods"
    return interval_text(mean_interval(known), "z.2f")
