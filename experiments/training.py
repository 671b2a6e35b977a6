"""Trains the replicates of one run, and reads from its record what they scored."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from jaxgen.arrays import Data, Float, Int, Metrics, PyTree
from jaxgen.data.batches import Resident
from jaxgen.sharding.mesh import largest_divisor, mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.compile import compile
from jaxgen.training.dispatch import repeat
from jaxgen.training.learner import Learner, State
from jaxgen.training.loop import fit
from jaxgen.training.processes import is_first, on_host, the_firsts
from jaxgen.training.progress import ProgressBar, Silence, Watcher
from jaxgen.training.record import recorded
from jaxgen.training.replicate import each_row, replicate, row_names

KEY = jax.random.key(1)
"""Of everything random; each seed folds its number into it."""


@dataclass(frozen=True)
class Run:
    """The replicates of one setting, or of several that are traced.

    Attributes:
      title: what a progress bar calls it.
      make: of the axis's hyperparameters, a fed learner.
      axis: a column for each hyperparameter, as ``grid`` makes it.
      data: what the learner draws from.
      evaluate: ``(state, data) -> scores`` of one replicate.
      steps: updates.
      dispatch: steps at a time, between which a run can stop and continue.
      events: whether to write event files for TensorBoard.
      evaluate_every: dispatches from one evaluation to the next.
    """

    title: str
    make: Callable[..., Learner]
    axis: Mapping[str, np.ndarray]
    data: Data
    evaluate: Callable[[State, Data], Metrics]
    steps: int
    dispatch: int
    events: bool = False
    evaluate_every: int = 1


class Trajectories(NamedTuple):
    """Scores of one run through training.

    Attributes:
      steps: of the evaluations, (times,).
      scores: for each name (rows, times, ...).
      died: the step at which a row's parameters ceased to be finite, by row.
    """

    steps: Int[np.ndarray, " times"]
    scores: Mapping[str, np.ndarray]
    died: Mapping[int, int]

    def last(self, name: str) -> Float[np.ndarray, " rows"]:
        """A score at the last evaluation."""
        return self.scores[name][:, -1]

    def rows(self, chosen: slice) -> "Trajectories":
        """Some of the rows."""
        count = len(next(iter(self.scores.values())))
        kept = range(*chosen.indices(count))
        died = {i: self.died[row] for i, row in enumerate(kept) if row in self.died}
        scores = {name: values[chosen] for name, values in self.scores.items()}
        return Trajectories(self.steps, scores, died)


def trained(run: Run, folder: Path) -> Trajectories:
    """The scores of a run through training, from its record; trains what is missing."""
    if not is_done(folder, run.steps):
        made(run, folder)
    steps = np.arange(0, run.steps + 1, run.dispatch * run.evaluate_every)
    return trajectories(recorded(folder / "record.jsonl"), steps)


def is_done(folder: Path, steps: int) -> bool:
    """Whether a run has been trained to its end, as the first process sees it."""
    return bool(the_firsts((folder / "checkpoints" / str(steps)).is_dir()))


def train(run: Run, folder: Path) -> PyTree:
    """Compiles and runs, or continues, a run; returns its last parameters, on the host."""
    return on_host(made(run, folder).params)


def made(run: Run, folder: Path) -> State:
    """As `train`; returns the last state, of whose rows each process may hold some."""
    dispatches = run.steps // run.dispatch
    watcher = watcher_of(run.title, dispatches)
    start = time.monotonic()
    program = compile(
        repeat(replicate(run.make, run.axis), run.dispatch),
        run.data,
        replica_mesh(len(run.axis["seed"]), watcher.say),
        study(),
        evaluate=each_row(run.evaluate),
    )
    watcher.say(f"compiled in {time.monotonic() - start:.1f} s")
    return fit(
        program,
        KEY,
        Resident(run.data),
        dispatches,
        folder,
        evaluate_every=run.evaluate_every,
        names=row_names(run.axis),
        watcher=watcher,
        events=folder / "events" if run.events else None,
    )


def on_rows(
    function: Callable, rows: PyTree, *arguments: PyTree, most: int | None = None
) -> Any:
    """``function(rows, *arguments)`` on the host, with rows shared out over devices.

    Of several processes each does all of it, on devices of its own.

    Args:
      function: of arrays whose first axis counts rows, each on its own; hashable, and
        compiled once for each number of rows.
      rows: arrays to be shared out.
      arguments: what all of them see.
      most: devices; all unless told.
    """
    count = len(jax.tree.leaves(rows)[0])
    devices = jax.local_devices()[:most]
    mesh = mesh_of(
        {"replica": largest_divisor(count, len(devices))},
        devices[: largest_divisor(count, len(devices))],
    )
    return on_host(shared_out(function, mesh)(rows, *arguments))


@lru_cache(maxsize=256)
def shared_out(function: Callable, mesh: Mesh) -> Callable:
    """Compiled, with rows split over a mesh and nothing said between its devices."""

    def each(rows: PyTree, *arguments: PyTree) -> Any:
        split, whole = PartitionSpec("replica"), PartitionSpec()
        specs = (split, *(whole for _ in arguments))
        apart = jax.shard_map(
            function, mesh=mesh, in_specs=specs, out_specs=split, check_vma=False
        )
        return apart(rows, *arguments)

    return jax.jit(each)


def watcher_of(title: str, total: int) -> Watcher:
    """Who tells a person of a run: of several processes, the first."""
    return ProgressBar(title, total) if is_first() else Silence()


def replica_mesh(rows: int, say: Callable[[str], None]) -> Mesh:
    """The mesh over which the rows of a study are shared evenly.

    Each of several processes must have a part in it: where rows do not divide over all
    devices, several share the batches of one.
    """
    devices = jax.devices()
    if jax.process_count() > 1:
        return mesh_of({"replica": gcd(rows, len(devices)), "data": -1}, devices)
    count = largest_divisor(rows, len(devices))
    if count < len(devices):
        say(f"{rows} replicates run on {count} of {len(devices)} devices, evenly")
    return mesh_of({"replica": count}, devices[:count])


def batch_mesh(examples: int) -> Mesh:
    """The mesh over which the examples of a batch are shared evenly.

    Each of several processes must have a part in it: where examples do not divide over
    all devices, several compute the same.
    """
    devices = jax.devices()
    if jax.process_count() > 1:
        return mesh_of({"replica": -1, "data": gcd(examples, len(devices))}, devices)
    count = largest_divisor(examples, len(devices))
    return mesh_of({"data": count}, devices[:count])


def trajectories(lines: list[dict[str, Any]], steps: np.ndarray) -> Trajectories:
    """The scores of a record at the given steps, replicates first.

    Evaluations are the lines that tell all that the first does, where nothing was
    trained yet. A study whose replicates have all died ends early, and stays as it was.
    What the first line does not tell, such as a loss, is NaN there.
    """
    told = [line for line in lines if lines[0].keys() <= line.keys()]
    at = [line["step"] for line in told]
    latest = np.searchsorted(at, steps, side="right") - 1
    names = {name for name, value in told[-1].items() if isinstance(value, list)}
    scores = {name: _column(told, name)[:, latest] for name in sorted(names - {"died"})}
    return Trajectories(steps, scores, _deaths(lines))


def _column(lines: list[dict[str, Any]], name: str) -> np.ndarray:
    shape = numbers(lines[-1][name]).shape
    unknown = np.full(shape, np.nan)
    values = [numbers(line[name]) if name in line else unknown for line in lines]
    return np.stack(values, axis=1)


def _deaths(lines: list[dict[str, Any]]) -> dict[int, int]:
    died = lines[-1].get("died", [])
    return {row: step for row, step in enumerate(died) if step >= 0}


def numbers(value: Any) -> np.ndarray:
    """An array of what a record holds, NaN where it says null."""
    return np.array(value, np.float64)
