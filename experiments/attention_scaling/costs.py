"""All that was measured of the calls, by what they are calls of."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.attention_scaling.calibration import calibration_programs
from experiments.attention_scaling.measuring import (
    Compiled,
    Memory,
    all_compiled,
    calls_in,
    timed_round,
)
from experiments.attention_scaling.programs import Call, Program, mixer_program, program
from experiments.attention_scaling.settings import AttentionScaling
from experiments.devices import pinned_to_one_core
from jaxgen.training.processes import require_alone
from jaxgen.training.progress import ProgressBar
from jaxgen.training.record import Record, recorded

PROGRAMS, ROUNDS = "programs.json", "rounds.jsonl"
GIGA = 1e9


class Line(NamedTuple):
    """The calls of one scope, direction and mechanism, the shortest first.

    Attributes:
      lengths: tokens, (lengths,).
      flops: of products of matrices, exact.
      bytes: arguments, outputs and temporaries together, as planned.
      temporaries: bytes of these alone.
      compile_seconds: of tracing and compiling, once.
      seconds: of a call, (rounds, lengths).
      xla_flops: as XLA counts them, each loop once.
    """

    lengths: np.ndarray
    flops: np.ndarray
    bytes: np.ndarray
    temporaries: np.ndarray
    compile_seconds: np.ndarray
    seconds: np.ndarray
    xla_flops: np.ndarray

    def where(self, kept: np.ndarray) -> "Line":
        """Some of the calls."""
        return Line(*(each[..., kept] for each in self))


Costs = Mapping[tuple[str, bool, str], Line]
"""A line for each (scope, gradient, mechanism)."""


def wanted(experiment: AttentionScaling) -> tuple[list[Program], list[Call]]:
    """The programs to measure, and the calls that are left out for their work."""
    settings, most = (
        experiment.cost_of_length,
        experiment.cost_of_length.gigaflops * GIGA,
    )
    every = [
        program(scope, gradient, name, length, experiment.net, jax.default_backend())
        for scope in settings.scopes
        for gradient in (False, True)
        for name in settings.mechanisms
        for length in settings.lengths
    ] + [
        mixer_program(name, length, experiment.net, most)
        for name in settings.mixers
        for length in settings.mixer_lengths
    ]
    left_out = [one.call for one in every if one.flops > most]
    return [one for one in every if one.flops <= most], left_out


def measured(experiment: AttentionScaling, folder: Path) -> Costs:
    """Measures the rounds that are missing; what is there is read.

    Raises:
      OSError: the record cannot be written.
      ValueError: several processes would measure each other.
    """
    require_alone("a measurement of seconds")
    folder.mkdir(exist_ok=True)
    rounds = experiment.cost_of_length.rounds
    done = len(recorded(folder / ROUNDS)) if (folder / ROUNDS).exists() else 0
    if done < rounds or not (folder / PROGRAMS).exists():
        measure(experiment, folder, range(done, rounds))
    lines = recorded(folder / ROUNDS)
    seconds = np.array([line["seconds"] for line in lines[:rounds]])
    return by_line(json.loads((folder / PROGRAMS).read_text()), seconds)


def costs_there(experiment: AttentionScaling, folder: Path) -> Costs:
    """What was measured before, all rounds of it; nothing where there is less."""
    if not (folder / ROUNDS).exists() or not (folder / PROGRAMS).exists():
        return {}
    if len(recorded(folder / ROUNDS)) < experiment.cost_of_length.rounds:
        return {}
    return measured(experiment, folder)


def measure(experiment: AttentionScaling, folder: Path, rounds: range) -> None:
    """Compiles every program and times all of them in each of these rounds."""
    programs = [*calibration_programs(), *wanted(experiment)[0]]
    with ProgressBar("compiling", len(programs)) as bar:
        ready = all_compiled(programs, bar)
    if not (folder / PROGRAMS).exists():
        draft = folder / f"{PROGRAMS}.draft"
        draft.write_text(json.dumps([described(one) for one in ready]))
        draft.rename(folder / PROGRAMS)
    total = len(ready) * len(rounds)
    with (
        pinned_to_one_core(),
        Record(folder / ROUNDS) as record,
        ProgressBar("timing", total) as bar,
    ):
        calls = [calls_in(one, experiment.cost_of_length.seconds) for one in ready]
        for turn, round in enumerate(rounds):
            before = turn * len(ready)

            def told(done: int, before: int = before) -> None:
                bar.advance(before + done, before + done)

            record.write(round, {"seconds": timed_round(ready, calls, round, told)})


def described(one: Compiled) -> dict[str, Any]:
    """What is known of a program before it is timed, as JSON."""
    return {
        **one.call._asdict(),
        "flops": one.flops,
        "xla_flops": one.xla_flops,
        "compile_seconds": one.seconds,
        **one.memory._asdict(),
    }


def by_line(programs: Sequence[Mapping[str, Any]], seconds: np.ndarray) -> Costs:
    """Lines of what was described and timed, in the order of the programs."""
    places: dict[tuple[str, bool, str], list[int]] = {}
    for index, one in enumerate(programs):
        key = (one["scope"], one["gradient"], one["mechanism"])
        places.setdefault(key, []).append(index)

    def line(where: list[int]) -> Line:
        def column(name: str) -> np.ndarray:
            return np.array([programs[index][name] for index in where])

        return Line(
            column("length"),
            column("flops"),
            np.sum([column(name) for name in Memory._fields], axis=0),
            np.maximum(column("temporaries"), 1),  # its logarithm is taken
            column("compile_seconds"),
            seconds[:, where],
            column("xla_flops"),
        )

    return {key: line(where) for key, where in places.items()}
