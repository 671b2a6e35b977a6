"""Contenders timed in turn, A B C A B C, each in processes of its own.

All are built before the first measurement and wait while another is measured, so that
whatever slows the machine for a while slows every contender, and the ratio of two is
taken within a round.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from experiments.benchmarks.processes import Contender, Pool, Ready, Running


class Measurement(NamedTuple):
    """One contender in one round.

    Attributes:
      contender: its name.
      round: counted from 0.
      units: of work done.
      wall_seconds: from the word "go" to the last process's answer.
      cpu_seconds: user and system time of all threads of all its processes.
    """

    contender: str
    round: int
    units: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.wall_seconds


class Spread(NamedTuple):
    """The median of some rounds, and between what they lie."""

    median: float
    lowest: float
    highest: float


def spread(values: Iterable[float]) -> Spread:
    """The median, the least and the largest.

    Example:
      >>> spread([3.0, 1.0, 2.0])
      Spread(median=2.0, lowest=1.0, highest=3.0)
    """
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values))


def interleaved(
    contenders: Sequence[Contender],
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> tuple[list[Measurement], dict[str, float]]:
    """Measures every contender in every round.

    Args:
      contenders: in the order of a round.
      rounds: how often each is measured.
      seconds: about how long each time.
      say: is told what goes on.

    Returns:
      All measurements, and for each contender its seconds of compiling.
    """
    with Pool() as pool:
        running = []
        for contender in contenders:
            say(f"building {contender.name}")
            running.append(pool.built(contender))
        measurements = in_turn(running, rounds, seconds, say)
        return measurements, {one.name: one.compile_seconds for one in running}


def in_turn(
    running: Sequence[Running],
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> list[Measurement]:
    """`interleaved`, of contenders that are built."""
    calls = [one.calls_in(seconds) for one in running]
    measurements = []
    for turn in range(rounds):
        for one, many in zip(running, calls, strict=True):
            done = Measurement(one.name, turn, many * one.units, *one.timed(many))
            measurements.append(done)
            say(f"round {turn + 1} of {rounds}: {one.name}, {done.rate:,.0f}/s")
    return measurements


def gemm(cores: int, sizes: Sequence[int] = (512, 1024, 2048)) -> Ready:
    """Products of square float32 matrices, one on each core: the machine's limit.

    The size is the one that ran fastest of those given. A unit is one floating-point
    operation, of which a product of n x n matrices has ``2 n^3``.
    """
    os.environ.update(JAX_NUM_CPU_DEVICES=str(cores), JAX_PLATFORMS="cpu")
    import jax

    from jaxgen.sharding.mesh import mesh_of

    rows = jax.NamedSharding(mesh_of({"replica": -1}), jax.P("replica"))
    start = time.perf_counter()
    products = {}
    for size in sizes:
        ones = jax.device_put(jax.numpy.ones((cores, size, size)), rows)
        products[size] = jax.jit(lambda a: a @ a).lower(ones).compile(), ones
    took = time.perf_counter() - start

    def advance(size: int, calls: int) -> None:
        product, ones = products[size]
        for _ in range(calls):
            product(ones).block_until_ready()

    size = max(sizes, key=lambda size: _rate(lambda: advance(size, 1), size**3))
    return Ready(lambda calls: advance(size, calls), 2 * size**3 * cores, took)


def _rate(call: Callable[[], None], units: int, seconds: float = 0.3) -> float:
    call()
    start, calls = time.perf_counter(), 0
    while (wall := time.perf_counter() - start) < seconds:
        call()
        calls += 1
    return units * calls / wall
