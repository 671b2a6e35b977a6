"""Rows of the benchmark of mixers: each beside full attention and its counterpart."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from experiments.benchmarks.attention_rows import LIMIT
from experiments.benchmarks.mixer_counterparts import COUNTERPARTS, refusal
from experiments.benchmarks.mixer_tasks import MixerTask
from experiments.benchmarks.mixer_works import counterpart_ready, needed_flops, ready
from experiments.benchmarks.processes import Contender, Pool, Running
from experiments.benchmarks.results import (
    CLOCKS,
    Seconds,
    by_contender,
    ratio,
    seconds_of,
    side,
)
from experiments.benchmarks.timing import Measurement, in_turn, spread


def measured(
    tasks: Sequence[MixerTask], pool: Pool, rounds: int, seconds: float, memory: float
) -> list[dict[str, Any]]:
    """Some mixers, full attention and their counterparts, interleaved: a row for each.

    Args:
      tasks: of one length, forward or with the gradient.
      pool: of the contenders' processes.
      rounds: how often each is measured.
      seconds: about how long each time.
      memory: GiB that a call may hold.
    """
    running = [pool.built(LIMIT), pool.built(full_attention(tasks[0], memory))]
    reasons = {}
    for place, task in enumerate(tasks):
        if task.mixer != "full":
            build = partial(ready, task, memory)
            running.append(
                pool.built(Contender(task.mixer, (build,)), f"jaxgen {place}")
            )
        theirs = counterpart(pool, task, memory, f"counterpart {place}")
        if isinstance(theirs, str):
            reasons[task] = theirs
        else:
            running.append(theirs)
    found = by_contender(in_turn(running, rounds, seconds, lambda _: None))
    compiling = {one.name: one.compile_seconds for one in running}
    return [
        row(task, found, needed_flops(task))
        | {"left_out": reasons.get(task, "")}
        | {"compile_seconds": _named(compiling, task)}
        for task in tasks
    ]


@cache
def _full(task: MixerTask, memory: float) -> Contender:
    return Contender("full", (partial(ready, task, memory),))


def full_attention(task: MixerTask, memory: float) -> Contender:
    """jaxgen's, of the size of a task: one object for all, so that it is built once."""
    return _full(task._replace(mixer="full"), memory)


def counterpart(
    pool: Pool, task: MixerTask, memory: float, place: str
) -> Running | str:
    """The counterpart's process, or why there is none."""
    if reason := refusal(task, memory):
        return reason
    build = partial(counterpart_ready, task)
    return pool.tried(Contender(counterpart_name(task), (build,)), place)


def counterpart_name(task: MixerTask) -> str:
    """What tells its measurements from the mixer's."""
    return f"counterpart of {task.mixer}"


def row(
    task: MixerTask, of: Mapping[str, Sequence[Measurement]], flops: int
) -> dict[str, Any]:
    """What was found of a mixer; ratios are taken within a round."""
    seconds, name = seconds_of(of), counterpart_name(task)
    limit = [1 / took for took in seconds["cpu_seconds"][LIMIT.name]]
    there = name in of
    shown = (LIMIT.name, "full", task.mixer, name)
    return {
        **task._asdict(),
        "title": task.title,
        "flops": flops,
        "limit_gflops": spread(rate / 1e9 for rate in limit)._asdict(),
        "jaxgen": side(seconds, task.mixer, limit, flops),
        "faster_than_full": faster(seconds, "full", task.mixer),
        "counterpart": {
            "name": COUNTERPARTS[task.mixer].name,
            **side(seconds, name, limit, flops),
        }
        if there
        else None,
        "faster_than_counterpart": faster(seconds, name, task.mixer) if there else None,
        "measurements": [one._asdict() for each in shown for one in of.get(each, ())],
    }


def faster(seconds: Seconds, than: str, name: str) -> dict[str, dict[str, float]]:
    """How often a contender's seconds go into another's, by each clock."""
    return {
        clock: ratio(seconds[clock][than], seconds[clock][name]) for clock in CLOCKS
    }


def _named(compiling: Mapping[str, float], task: MixerTask) -> dict[str, float]:
    names = {"jaxgen": task.mixer, "counterpart": counterpart_name(task)}
    return {side: compiling[name] for side, name in names.items() if name in compiling}
