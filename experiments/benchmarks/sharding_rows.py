"""What sharding costs on simulated devices: each number of them beside one."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from experiments.benchmarks.processes import Contender, Pool
from experiments.benchmarks.results import by_contender, seconds_of
from experiments.benchmarks.sharding_tasks import ShardingTask
from experiments.benchmarks.sharding_works import ready
from experiments.benchmarks.timing import Measurement, in_turn, spread
from jaxgen.stats.intervals import mean_interval


def measured(
    tasks: Sequence[ShardingTask], pool: Pool, rounds: int, seconds: float
) -> list[dict[str, Any]]:
    """The same work on all numbers of devices, in turn, round by round; one comes first.

    Args:
      tasks: of one way, the first of one device.
      pool: a process for each number of devices.
      rounds: how often each is measured.
      seconds: about how long each time.
    """
    running = [
        pool.built(
            Contender(task.title, (partial(ready, task),)), f"{task.devices} devices"
        )
        for task in tasks
    ]
    found = by_contender(in_turn(running, rounds, seconds, lambda _: None))
    compiling = {one.name: one.compile_seconds for one in running}
    return rows(tasks, found, compiling)


def rows(
    tasks: Sequence[ShardingTask],
    of: Mapping[str, Sequence[Measurement]],
    compile_seconds: Mapping[str, float],
) -> list[dict[str, Any]]:
    """A row for each number of devices; ratios to one device are within a round."""
    cpu = seconds_of(of)["cpu_seconds"]
    alone = cpu[tasks[0].title]
    return [
        {
            **task._asdict(),
            "axes": dict(task.axes),
            "compile_seconds": compile_seconds[task.title],
            "cpu_seconds": spread(cpu[task.title])._asdict(),
            "times_one_device": times(cpu[task.title], alone),
            "measurements": [one._asdict() for one in of[task.title]],
        }
        for task in tasks
    ]


def times(theirs: Sequence[float], alone: Sequence[float]) -> dict[str, float]:
    """The geometric mean of the rounds' ratios, in its interval of 95 %.

    Example:
      >>> times([2.0, 8.0], [1.0, 4.0])
      {'low': 2.0, 'estimate': 2.0, 'high': 2.0}
    """
    logarithms = np.log(theirs) - np.log(alone)
    told = np.exp(np.asarray(mean_interval(logarithms))).round(12).tolist()
    return dict(zip(("low", "estimate", "high"), told, strict=True))
