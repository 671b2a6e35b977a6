"""The part on mixtures: trains every method under every protocol."""

from pathlib import Path

import jax

from experiments.mode_collapse.alarm import Alarm, alarm_section, alarms
from experiments.mode_collapse.claim import ModeCollapse
from experiments.mode_collapse.findings import Arms
from experiments.mode_collapse.methods import METHODS, axis_of, learner_of
from experiments.mode_collapse.protocols import PROTOCOLS, Protocol
from experiments.mode_collapse.published import published_section, reported_section
from experiments.mode_collapse.quality_and_diversity import (
    overview,
    quality_and_diversity_section,
)
from experiments.mode_collapse.results import mixture_results
from experiments.mode_collapse.scores import (
    Scores,
    reference_scores,
    sample_scores,
    state_scores,
)
from experiments.mode_collapse.symptoms import symptom_sections, typical_samples
from experiments.report import Part
from experiments.training import KEY, Run, numbers, trained
from jaxgen.data.mixtures import mixture_samples
from jaxgen.keys import named
from jaxgen.report.page import Fragment


def mixtures(experiment: ModeCollapse, folder: Path) -> Part:
    """Trains what is missing, and scores it all."""
    arms = {
        name: arms_of(experiment, name, folder / name)
        for name in experiment.mixtures.protocols
    }
    told = {
        name: alarms(one, len(PROTOCOLS[name].mixture.means))
        for name, one in arms.items()
    }
    sections = [
        section
        for name, one in arms.items()
        for section in protocol_sections(name, one, told[name])
    ]
    return Part(
        {
            name: mixture_results(name, PROTOCOLS[name], one, told[name])
            for name, one in arms.items()
        },
        [*sections, reported_section(arms)],
        {
            f"clouds-{name}": typical_samples(PROTOCOLS[name], one)
            for name, one in arms.items()
        }
        | {f"plane-{name}": overview(one) for name, one in arms.items()},
    )


def protocol_sections(
    name: str, arms: Arms, told: dict[str, Alarm] | None
) -> list[Fragment]:
    """All that the page says of one protocol."""
    protocol = PROTOCOLS[name]
    return [
        *symptom_sections(name, protocol, arms),
        quality_and_diversity_section(arms),
        published_section(arms, len(protocol.mixture.means)),
        alarm_section(told),
    ]


def arms_of(experiment: ModeCollapse, name: str, folder: Path) -> Arms:
    """Every method under one protocol, with a perfect and a trivial sampler beside."""
    protocol = PROTOCOLS[name]
    scores = sample_scores(protocol, KEY)
    references = reference_scores(protocol, scores, KEY, experiment.seeds)
    return Arms(
        {
            method: trained(run_of(experiment, name, method, scores), folder / method)
            for method in experiment.mixtures.methods
        },
        *jax.tree.map(numbers, references),
    )


def run_of(experiment: ModeCollapse, name: str, method: str, scores: Scores) -> Run:
    """The run of one method under one protocol."""
    protocol, mixtures = PROTOCOLS[name], experiment.mixtures
    recipe = protocol.recipe
    return Run(
        f"{name}, {method}",
        learner_of(recipe, METHODS[method]),
        axis_of(recipe, experiment.seeds, penalty=mixtures.penalty),
        training_set(protocol),
        state_scores(recipe, protocol.samples, scores),
        mixtures.steps,
        mixtures.dispatch,
        experiment.tensorboard,
    )


def training_set(protocol: Protocol) -> jax.Array:
    """The fixed points that all runs of a protocol draw from."""
    return mixture_samples(protocol.mixture, named(KEY, "training"), protocol.training)
