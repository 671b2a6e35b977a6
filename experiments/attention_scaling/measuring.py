"""Programs compiled, their memory read, and all of them timed in turn."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.attention_scaling.programs import BYTES, Call, Program
from jaxgen.attention import live
from jaxgen.training.progress import Watcher


class Memory(NamedTuple):
    """Bytes that a program holds, as its compiler planned them.

    Attributes:
      arguments: what it is given.
      outputs: what it returns.
      temporaries: beside these.
    """

    arguments: int
    outputs: int
    temporaries: int


class Compiled(NamedTuple):
    """A program that is ready to run.

    Attributes:
      call: which one it is.
      run: calls it once, and waits.
      flops: of products of matrices; of all work as XLA counts it where that is all
        there is.
      memory: as planned.
      seconds: of tracing and compiling; what the pattern plans before is included.
      xla_flops: work as XLA counts it, each loop once.
    """

    call: Call
    run: Callable[[], None]
    flops: int
    memory: Memory
    seconds: float
    xla_flops: float


def clock() -> Callable[[], float]:
    """CPU time where a CPU computes, which other programs do not lengthen; else time."""
    return time.process_time if jax.default_backend() == "cpu" else time.perf_counter


def compiled(program: Program) -> Compiled:
    """Compiles a program from nothing, and fills what it is given."""
    now = clock()
    arguments = jax.block_until_ready(filled(program))
    for plan in (live.live_blocks, live.whole_blocks):
        plan.cache_clear()
    start = now()
    ready = jax.jit(program.function).lower(*arguments).compile()
    seconds = now() - start

    def run() -> None:
        jax.block_until_ready(ready(*arguments))

    counted = float(xla_cost(ready).get("flops", 0.0))
    flops = program.flops or round(counted)
    return Compiled(program.call, run, flops, memory_of(ready), seconds, counted)


def filled(program: Program) -> tuple[Any, ...]:
    """Arguments of the right shapes: numbers so small that no softmax saturates.

    No cost depends on the values, and to initialize a model takes longer than to compile
    its gradient.
    """
    random = np.random.default_rng(0)

    def fill(shape: jax.ShapeDtypeStruct) -> jax.Array:
        if jnp.issubdtype(shape.dtype, jnp.integer):
            return jnp.asarray(random.integers(0, BYTES, shape.shape), shape.dtype)
        return jnp.asarray(0.1 * random.normal(size=shape.shape), shape.dtype)

    return jax.tree.map(fill, jax.eval_shape(program.arguments, jax.random.key(0)))


def xla_cost(ready: Any) -> dict[str, float]:
    """What XLA says a compiled program costs."""
    found = ready.cost_analysis()
    return found[0] if isinstance(found, list) else found or {}


def memory_of(ready: Any) -> Memory:
    """What the compiler of a program planned to hold."""
    plan = ready.memory_analysis()
    return Memory(
        plan.argument_size_in_bytes,
        plan.output_size_in_bytes,
        plan.temp_size_in_bytes,
    )


def all_compiled(programs: Sequence[Program], bar: Watcher) -> list[Compiled]:
    """Every program, compiled in a random order, so that a slow minute hits no scope."""
    order = np.random.default_rng(0).permutation(len(programs))
    ready: dict[int, Compiled] = {}
    for done, index in enumerate(order.tolist()):
        ready[index] = compiled(programs[index])
        bar.advance(done + 1, done + 1)
    return [ready[index] for index in range(len(programs))]


def calls_in(one: Compiled, seconds: float) -> int:
    """How many calls take so long; the first two warm up."""
    now = clock()
    one.run()
    start = now()
    one.run()
    return max(1, round(seconds / max(now() - start, 1e-6)))


def timed_round(
    ready: Sequence[Compiled],
    calls: Sequence[int],
    round: int,
    told: Callable[[int], None],
) -> list[float]:
    """Seconds of a call of each program, all measured in an order of this round's own."""
    seconds = [0.0] * len(ready)
    order = np.random.default_rng(round).permutation(len(ready))
    for done, index in enumerate(order.tolist()):
        seconds[index] = least_seconds(ready[index].run, calls[index])
        told(done + 1)
    return seconds


def least_seconds(run: Callable[[], None], calls: int) -> float:
    """Seconds of a call in the best of up to three series of calls.

    What other programs do to the caches can only lengthen a call.
    """
    now, series = clock(), min(3, calls)
    each = math.ceil(calls / series)
    taken = []
    for _ in range(series):
        start = now()
        for _ in range(each):
            run()
        taken.append((now() - start) / each)
    return min(taken)
