"""The loop: dispatch, then read what was dispatched before; evaluate; save; resume."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jaxgen.arrays import Data, Key, Metrics
from jaxgen.data.batches import Batches
from jaxgen.training.checkpoints import Checkpoints, Restored
from jaxgen.training.compile import Program
from jaxgen.training.learner import State
from jaxgen.training.preemption import Preempted, stop_requests
from jaxgen.training.processes import is_first, laid_out
from jaxgen.training.progress import Silence, Watcher
from jaxgen.training.record import Record


def fit(
    program: Program,
    key: Key,
    batches: Batches,
    dispatches: int,
    folder: Path,
    *,
    evaluate_every: int = 1,
    save_every: int = 10,
    keep: int = 3,
    names: Sequence[str] = (),
    watcher: Watcher | None = None,
    events: Path | None = None,
) -> State:
    """Runs a program to its end, from wherever its folder says it stands.

    Order of a start: the newest checkpoint that can be read, else ``init``; the
    batches at the position of that checkpoint; the record as it is, whose later lines
    are told again. Killed at any moment and started again, a run ends with the same
    bits, on the same mesh with the same versions.

    Several processes run it together, each with all batches and the same folder: the
    first of them tells, and SIGTERM to one stops all after the same dispatch.

    Order of a dispatch: update and evaluate; only then are the metrics of the dispatch
    before it read, so that the device never waits for the host. A checkpoint is saved
    once the record holds every step up to it.

    A replicate that dies is named and the others go on; the run ends early when all
    have died.

    Args:
      program: what to run.
      key: of everything random.
      batches: the data, with a position.
      dispatches: calls of ``program.update`` in the whole run.
      folder: holds ``checkpoints`` and ``record.jsonl``.
      evaluate_every: dispatches between evaluations; one is made before the first.
      save_every: dispatches between checkpoints; the last is always saved.
      keep: how many of the newest checkpoints are kept.
      names: what to call the replicates.
      watcher: shows progress.
      events: folder for TensorBoard, if wished.

    Returns:
      The last state.

    Raises:
      ValueError: a number of dispatches or checkpoints is not positive.
      Preempted: SIGTERM or SIGINT came; the state is saved, be it the last one.
      FloatingPointError: a metric of a learner without ``guard`` is not finite.
      OSError: the folder is full, or cannot be read or written.
    """
    require_positive(evaluate_every=evaluate_every, save_every=save_every, keep=keep)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        stop_requests() as stopping,
        Checkpoints(folder / "checkpoints", keep) as checkpoints,
        Record(record_path(folder), events if is_first() else None) as record,
        watcher or Silence() as watching,
    ):
        telling = Telling(record, watching, names)
        with timed("restore"):
            restored = checkpoints.restore(program.shapes)
        for moment in moments(program, key, batches, restored, evaluate_every):
            telling.later(moment)
            asked = stopping(moment.done)
            last = moment.done >= dispatches or asked
            if last or moment.done % save_every == 0:
                telling.now()
                with timed("save"):
                    checkpoints.save(moment.state, moment.done)
                if last or everyone_died(moment.state):
                    break
        with timed("save"):
            checkpoints.wait()
        asked = asked or stopping(moment.done)
    if asked:
        raise Preempted(f"saved at step {int(moment.state.step)}")
    return moment.state


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Tells those who listen to JAX's events how many seconds something took."""
    start = time.monotonic()
    yield
    jax.monitoring.record_event_duration_secs(
        f"/jaxgen/{name}", time.monotonic() - start
    )


class Moment(NamedTuple):
    """Where a run stands after a dispatch.

    Attributes:
      done: dispatches made.
      state: the state they led to, given away to the next dispatch.
      metrics: of its updates, still on the device; none where they are told already.
      scores: of its evaluation, if there was one.
    """

    done: int
    state: State
    metrics: Metrics
    scores: Metrics


def moments(
    program: Program,
    key: Key,
    batches: Batches,
    restored: Restored | None,
    evaluate_every: int,
) -> Iterator[Moment]:
    """The moments of a run, from its start or from what was restored, without end."""
    place = placement(program)
    judge = program.evaluate or (lambda state, data: {})
    if restored:
        state, done = restored
        yield Moment(done, state, {}, {})
    else:
        data = place(next(batches))
        state, done = program.init(key, data), 0
        yield Moment(done, state, {"step": state.step.copy()}, judge(state, data))
    batches.position = done
    while True:
        data = place(next(batches))
        state, metrics = program.update(state, data)
        done += 1
        due = done % evaluate_every == 0
        yield Moment(done, state, metrics, judge(state, data) if due else {})


class Telling:
    """Tells a record and a person of each moment, one moment late."""

    def __init__(self, record: Record, watcher: Watcher, names: Sequence[str]):
        self.record, self.watcher, self.names = record, watcher, names
        self.pending: Moment | None = None
        self.died: set[int] = set()

    def later(self, moment: Moment) -> None:
        """Tells of the moment before this one, now that this one is under way."""
        self.now()
        self.pending = moment._replace(state=None) if moment.metrics else None

    def now(self) -> None:
        """Tells of the moment that waits, if one does."""
        if self.pending is None:
            return
        metrics, scores = jax.tree.map(np.asarray, self.pending[2:])
        step = int(metrics.pop("step"))
        for name in metrics.keys() & scores.keys():
            raise ValueError(f"{name!r} is a metric of the update and of evaluate, too")
        self._name_the_dead(metrics.get("died"))
        self.record.write(step, {**metrics, **scores})
        self.watcher.advance(self.pending.done, step)
        self.pending = None
        if "died" not in metrics:
            require_finite(metrics, step)

    def _name_the_dead(self, died: np.ndarray | None) -> None:
        for row, step in enumerate([] if died is None else np.atleast_1d(died)):
            if step >= 0 and row not in self.died:
                self.died.add(row)
                name = self.names[row] if row < len(self.names) else f"replicate {row}"
                self.watcher.say(
                    f"{name} died at step {step}: its parameters were no longer finite"
                )


def require_finite(values: Metrics, step: int) -> None:
    """Raises:
    FloatingPointError: one of the metrics is infinite or NaN.
    """
    for name, value in values.items():
        if not np.all(np.isfinite(value)):
            raise FloatingPointError(
                f"{name} is {value} at step {step}. Lower the learning rate, or let "
                "guard(learner) hold the state; the checkpoints before it are kept"
            )


def require_positive(**counts: int) -> None:
    """Raises:
    ValueError: one of the counts is not positive.
    """
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name}={count}: expected 1 or more")


def everyone_died(state: State) -> bool:
    """Whether ``guard`` holds every replicate."""
    died = state.extra.get("died")
    return died is not None and bool(_all_died(died))


@jax.jit
def _all_died(died: jax.Array) -> jax.Array:
    return (died >= 0).all()  # of replicates that other processes may hold


def placement(program: Program) -> Callable[[Data], Data]:
    """Lays data out as the program wants them; the same data only once."""
    seen: list = [None, None]

    def place(data):
        if seen[0] is not data:
            seen[:] = data, laid_out(data, program.data)
        return seen[1]

    return place


def record_path(folder: Path) -> Path:
    """Where this process tells: of many processes, the first alone keeps a record."""
    return folder / "record.jsonl" if is_first() else Path(os.devnull)
