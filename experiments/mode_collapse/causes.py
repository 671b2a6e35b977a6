"""What mode collapse depends on: one thing changed at a time, all else the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.mode_collapse.claim import ModeCollapse
from experiments.mode_collapse.methods import METHODS, axis_of, learner_of
from experiments.mode_collapse.mixtures import training_set
from experiments.mode_collapse.protocols import PROTOCOLS, Recipe
from experiments.mode_collapse.results import rows
from experiments.mode_collapse.scores import counted_modes, state_scores
from experiments.report import Part
from experiments.tables import difference_table
from experiments.training import Run, Trajectories, trained
from jaxgen.report.figures import outcomes
from jaxgen.report.page import (
    Fragment,
    figure,
    paragraph,
    section,
)
from jaxgen.stats.intervals import PairedDifference, paired_difference

PROTOCOL = PROTOCOLS["small_ring"]
BASE = PROTOCOL.recipe
EFFECTS = {
    "effective": ("effective modes", "+z.2f"),
    "high_quality": ("high quality", "+z.3f"),
}
"""What a change may do: scores, as a table shows them."""


@dataclass(frozen=True)
class Cause:
    """One thing to change.

    Attributes:
      title: what it is called.
      values: that it takes, in order.
      recipe: the base recipe with a value in it; for what is traced, the base.
      traced: the hyperparameter that it is, where all values are one program.
      method: what is trained.
    """

    title: str
    values: tuple[float, ...]
    recipe: Callable[[Any], Recipe] = lambda value: BASE
    traced: str | None = None
    method: str = "non_saturating"


def _players(**changed: Any) -> Recipe:
    return replace(BASE, **changed)


CAUSES = {
    "critic_depth": Cause(
        "depth of the critic",
        (1, 2, 3, 4),
        lambda depth: _players(critic=BASE.critic.clone(depth=depth)),
    ),
    "generator_depth": Cause(
        "depth of the generator",
        (1, 2, 4, 6),
        lambda depth: _players(generator=BASE.generator.clone(depth=depth)),
    ),
    "critic_width": Cause(
        "width of the critic",
        (16, 32, 64, 128),
        lambda width: _players(critic=BASE.critic.clone(width=width)),
    ),
    "generator_width": Cause(
        "width of the generator",
        (16, 32, 64, 128),
        lambda width: _players(generator=BASE.generator.clone(width=width)),
    ),
    "batch": Cause(
        "batch size", (32, 64, 128, 256), lambda batch: _players(batch=batch)
    ),
    "rate_ratio": Cause(
        "learning rate, generator over critic",
        (0.25, 0.5, 1.0, 2.0, 4.0),
        traced="rate_ratio",
    ),
    "penalty": Cause(
        "weight of R1",
        (0.0, 0.01, 0.1, 1.0, 10.0),
        traced="penalty",
        method="non_saturating_r1",
    ),
}


def causes(experiment: ModeCollapse, folder: Path) -> Part:
    """Trains what is missing, and compares."""
    found = {
        name: by_value(experiment, name, folder) for name in experiment.causes.changed
    }
    return Part(
        {
            "rows": [
                row
                for name, runs in found.items()
                for value, run in runs.items()
                for row in rows({"cause": name, "value": value}, run)
            ],
            "effects": {
                name: effect(runs, "effective")._asdict()
                for name, runs in found.items()
            },
        },
        [causes_section(found)],
    )


def by_value(
    experiment: ModeCollapse, name: str, folder: Path
) -> dict[float, Trajectories]:
    """The runs of one cause, by its value."""
    cause, seeds = CAUSES[name], experiment.seeds
    if cause.traced:
        traced = {cause.traced: cause.values}
        study = trained(run_of(experiment, name, BASE, traced), folder / name)
        return {
            value: study.rows(slice(i * seeds, (i + 1) * seeds))
            for i, value in enumerate(cause.values)
        }
    return {
        value: trained(
            run_of(experiment, name, cause.recipe(value)),
            # what is changed to what it was is the same run for every cause
            folder / ("base" if cause.recipe(value) == BASE else f"{name}-{value}"),
        )
        for value in cause.values
    }


def run_of(
    experiment: ModeCollapse,
    name: str,
    recipe: Recipe,
    traced: Mapping[str, tuple[float, ...]] = {},
) -> Run:
    """The run of a recipe, or of all values of what is traced."""
    settings = experiment.causes
    return Run(
        f"causes, {name}",
        learner_of(recipe, METHODS[CAUSES[name].method]),
        axis_of(recipe, experiment.seeds, **traced),
        training_set(PROTOCOL),
        state_scores(recipe, PROTOCOL.samples, counted_modes(PROTOCOL)),
        settings.steps,
        settings.dispatch,
        experiment.tensorboard,
    )


def effect(runs: dict[float, Trajectories], score: str) -> PairedDifference:
    """A score at the largest value less that at the smallest, seed by seed."""
    first, *_, last = runs.values()
    return paired_difference(last.last(score), first.last(score))


def causes_section(found: dict[str, dict[float, Trajectories]]) -> Fragment:
    """What each cause does, as a table and as dots."""
    lines = {
        (CAUSES[name].title, f"{min(runs):g} to {max(runs):g}"): {
            score: effect(runs, score) for score in EFFECTS
        }
        for name, runs in found.items()
    }
    return section(
        "Causes",
        paragraph(
            "The non-saturating GAN on the small ring, with one thing changed at a time. "
            "Everything else is as above, but for the number of steps."
        ),
        difference_table(
            ("what is changed", "range"),
            lines,
            EFFECTS,
            "Difference between the two ends of the range at the end of training (what "
            "happens in between is in the figures)",
        ),
        *(cause_figure(name, runs) for name, runs in found.items()),
    )


def cause_figure(name: str, runs: dict[float, Trajectories]) -> Fragment:
    """Where the seeds of every value ended."""
    modes = len(PROTOCOL.mixture.means)
    ends = {f"{value:g}": run.last("effective") for value, run in runs.items()}
    drawing = outcomes(
        ends,
        xlabel="effective modes at the end of training",
        levels=np.linspace(0, modes, 33).tolist(),
        reference={"all modes": modes},
    )
    title = CAUSES[name].title
    caption = f"{title[0].upper()}{title[1:]}: where every seed ended."
    return figure(drawing, caption)
