"""Trains every method of an experiment, and gathers what their records hold."""

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from experiments.launch import command
from experiments.mode_collapse.findings import Arms, Trajectories
from experiments.mode_collapse.methods import METHODS, batch_size, learner_of
from experiments.mode_collapse.page import report_page, typical_samples
from experiments.mode_collapse.protocols import PROTOCOLS
from experiments.mode_collapse.results import SCORES, results_of
from experiments.mode_collapse.scores import (
    Scores,
    perfect_scores,
    sample_scores,
    state_scores,
    trivial_scores,
)
from experiments.mode_collapse.symptoms import Symptoms
from jaxgen.data.batches import Resident
from jaxgen.data.mixtures import mixture_samples
from jaxgen.keys import named
from jaxgen.report.page import svg_file
from jaxgen.sharding.mesh import largest_divisor, mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.compile import compile
from jaxgen.training.directory import run_directory
from jaxgen.training.dispatch import repeat
from jaxgen.training.loop import fit
from jaxgen.training.progress import ProgressBar
from jaxgen.training.record import recorded
from jaxgen.training.replicate import each_row, grid, replicate

KEY = jax.random.key(1)
"""Of everything random; each seed folds its number into it."""


def report(experiment: Symptoms) -> Path:
    """Trains what is missing, writes ``results.json`` and ``report.html``.

    Returns:
      Where the page is.
    """
    for protocol in experiment.protocols:
        for method in experiment.methods:
            batch_size(PROTOCOLS[protocol], METHODS[method])
    with run_directory(experiment.out, settings_of(experiment)) as folder:
        arms = {
            protocol: measured(experiment, protocol, folder / protocol)
            for protocol in experiment.protocols
        }
        results = results_of(settings_of(experiment), arms)
        (folder / "results.json").write_text(json.dumps(results, allow_nan=False))
        for name, one in arms.items():
            drawing = svg_file(typical_samples(PROTOCOLS[name], one))
            (folder / f"clouds-{name}.svg").write_text(drawing)
        page = folder / "report.html"
        page.write_text(report_page(shlex.join(command()), results, arms))
    return page


def settings_of(experiment: Symptoms) -> dict[str, Any]:
    """What decides the results, as JSON: all but where they go and who else is told."""
    settings = asdict(experiment) | {"experiment": "mode_collapse.symptoms"}
    return {k: v for k, v in settings.items() if k not in ("out", "tensorboard")}


def measured(experiment: Symptoms, name: str, folder: Path) -> Arms:
    """Every method under one protocol, with a perfect and a trivial sampler beside."""
    protocol = PROTOCOLS[name]
    scores = sample_scores(protocol, KEY)
    seeds = experiment.seeds
    return Arms(
        {
            method: trained(experiment, name, method, scores, folder / method)
            for method in experiment.methods
        },
        jax.tree.map(_numbers, perfect_scores(protocol, scores, KEY, seeds)),
        jax.tree.map(_numbers, trivial_scores(protocol, scores, KEY, seeds)),
    )


def trained(
    experiment: Symptoms, name: str, method: str, scores: Scores, folder: Path
) -> Trajectories:
    """The scores of one method through training, from its record."""
    if not (folder / "checkpoints" / str(experiment.steps)).is_dir():
        train(experiment, name, method, scores, folder)
    steps = np.arange(0, experiment.steps + 1, experiment.dispatch)
    return trajectories(recorded(folder / "record.jsonl"), steps)


def train(
    experiment: Symptoms, name: str, method: str, scores: Scores, folder: Path
) -> None:
    """Compiles and runs, or continues, the study of one method."""
    protocol = PROTOCOLS[name]
    axis = grid(
        seed=range(experiment.seeds),
        learning_rate=protocol.learning_rate,
        penalty=experiment.penalty,
    )
    make = learner_of(protocol, METHODS[method])
    data = mixture_samples(protocol.mixture, named(KEY, "training"), protocol.training)
    dispatches = experiment.steps // experiment.dispatch
    watcher = ProgressBar(f"{name}, {method}", dispatches)
    start = time.monotonic()
    program = compile(
        repeat(replicate(make, axis), experiment.dispatch),
        data,
        replica_mesh(experiment.seeds, watcher.say),
        study(),
        evaluate=each_row(state_scores(protocol, scores)),
    )
    watcher.say(f"compiled in {time.monotonic() - start:.1f} s")
    fit(
        program,
        KEY,
        Resident(data),
        dispatches,
        folder,
        names=[f"seed {seed}" for seed in axis["seed"]],
        watcher=watcher,
        events=folder / "events" if experiment.tensorboard else None,
    )


def replica_mesh(rows: int, say: Callable[[str], None]) -> Mesh:
    """The mesh over which the rows of a study are shared evenly."""
    devices = jax.devices()
    count = largest_divisor(rows, len(devices))
    if count < len(devices):
        say(f"{rows} replicates run on {count} of {len(devices)} devices, evenly")
    return mesh_of({"replica": count}, devices[:count])


def trajectories(lines: list[dict[str, Any]], steps: np.ndarray) -> Trajectories:
    """The scores of a record at the given steps, replicates first.

    A study whose replicates have all died ends early, and stays as it was.
    """
    told = [line for line in lines if "covered" in line]
    at = [line["step"] for line in told]
    latest = np.searchsorted(at, steps, side="right") - 1
    scores = {
        name: np.stack([_numbers(line[name]) for line in told], axis=1)[:, latest]
        for name in (*SCORES, "counts", "cloud")
    }
    return Trajectories(steps, scores, _deaths(lines))


def _deaths(lines: list[dict[str, Any]]) -> dict[int, int]:
    died = lines[-1].get("died", [])
    return {row: step for row, step in enumerate(died) if step >= 0}


def _numbers(value: Any) -> np.ndarray:
    return np.array(value, np.float64)  # null becomes NaN
