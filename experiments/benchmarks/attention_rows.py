"""A row of the benchmark of attention: one task, every contender that can do it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from experiments.benchmarks.attention_contenders import installed, offered, refusal
from experiments.benchmarks.attention_tasks import Task
from experiments.benchmarks.attention_works import limit, pattern_of, ready
from experiments.benchmarks.processes import Contender, Pool, Running
from experiments.benchmarks.results import by_contender, ratio, seconds_of, side
from experiments.benchmarks.timing import Measurement, in_turn, spread

LIMIT = Contender("matrix products", (limit,))


def needed_flops(task: Task) -> int:
    """FLOPs of the products that a task needs, whoever computes it.

    ``4 h`` for each pair of a block that holds an allowed pair, and head; in a layer,
    ``8 n d^2`` for its projections. The gradient has two products for each of them.

    Example:
      >>> needed_flops(Task("full", False, True, 1024, 4, 64, 64)) == 12 * 1024**2 * 256
      True
    """
    import jax

    from jaxgen.attention.attend import attention_cost
    from jaxgen.attention.chunked import Chunked

    shape = (1, task.length, task.heads, task.features)
    x = jax.ShapeDtypeStruct(shape, "float32")
    of = {"pattern": pattern_of(task), "implementation": Chunked()}
    width = task.heads * task.features
    projections = 8 * task.length * width**2 if task.layer else 0
    forward = attention_cost(x, x, x, **of).forward.flops + projections
    return forward * 3 if task.backward else forward


def measured(
    task: Task, pool: Pool, rounds: int, seconds: float, memory: float
) -> dict[str, Any]:
    """One task: every contender that can do it, interleaved.

    Args:
      task: what is computed.
      pool: of the contenders' processes.
      rounds: how often each is measured.
      seconds: about how long each time.
      memory: GiB that a call may hold.
    """
    running, left_out = [pool.built(LIMIT)], {}
    for name in installed():
        if offered(name, task):
            one = _built(pool, name, task, memory)
            if isinstance(one, str):
                left_out[name] = one
            else:
                running.append(one)
    found = in_turn(running, rounds, seconds, lambda _: None)
    flops = needed_flops(task)
    return {
        **task._asdict(),
        "title": task.title,
        "flops": flops,
        **sides(by_contender(found), flops),
        "compile_seconds": {one.name: one.compile_seconds for one in running},
        "left_out": left_out,
        "measurements": [one._asdict() for one in found],
    }


def _built(pool: Pool, name: str, task: Task, memory: float) -> Running | str:
    """A contender's process, or why it cannot do the task."""
    if reason := refusal(name, task, memory):
        return reason
    contender = Contender(name, (partial(ready, name, task, memory),))
    return pool.built(contender) if name == "jaxgen" else pool.tried(contender)


def sides(of: Mapping[str, Sequence[Measurement]], flops: int) -> dict[str, Any]:
    """Of each contender its seconds, and how often jaxgen's go into them."""
    seconds = seconds_of(of)
    cpu, wall = seconds["cpu_seconds"], seconds["wall_seconds"]
    limit = [1 / took for took in cpu[LIMIT.name]]
    return {
        "limit_gflops": spread(rate / 1e9 for rate in limit)._asdict(),
        "contenders": {
            name: side(seconds, name, limit, flops)
            | {
                "jaxgen_is_faster_by": ratio(cpu[name], cpu["jaxgen"]),
                "in_wall_time_by": ratio(wall[name], wall["jaxgen"]),
            }
            for name in of
            if name != LIMIT.name
        },
    }
