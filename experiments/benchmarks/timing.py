"""Contenders timed in turn, A B C A B C, each in processes of its own.

All are built before the first measurement and wait while another is measured, so that
whatever slows the machine for a while slows every contender, and the ratio of two is
taken within a round.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from multiprocessing import get_context
from typing import Any, NamedTuple

PROCESSES = get_context("spawn")
"""Each starts clean: with its own JAX, its own devices and its own threads."""


class Ready(NamedTuple):
    """What a process has built, to be timed.

    Attributes:
      advance: makes so many calls, and returns when their results are there.
      units: of work in one call, such as seed-steps.
      compile_seconds: what building it took, imports left out.
    """

    advance: Callable[[int], None]
    units: int
    compile_seconds: float


class Contender(NamedTuple):
    """One way to do the work.

    Attributes:
      name: what the table calls it.
      builds: one for each of its processes; they must be importable by name.
    """

    name: str
    builds: tuple[Callable[[], Ready], ...]


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


class Running:
    """The processes of a contender, built and waiting.

    Raises:
      OSError: one of them could not be built, and why.
    """

    def __init__(self, contender: Contender):
        self.name = contender.name
        self.processes: list = []
        self.pipes: list[Any] = []
        for _ in contender.builds:
            self._start()
        self.build(contender.builds)

    def build(self, builds: tuple[Callable[[], Ready], ...]) -> None:
        """Gives each process its work; what it has imported for another is still there."""
        # One process after the other: the second finds what the first has compiled.
        built = [
            self._asked(pipe, of) for pipe, of in zip(self.pipes, builds, strict=True)
        ]
        self.builds = builds
        self.units = sum(units for units, _ in built)
        self.compile_seconds = max(seconds for _, seconds in built)

    def close(self) -> None:
        """Ends the processes."""
        for pipe in self.pipes:
            pipe.close()
        for process in self.processes:
            process.join()

    def timed(self, calls: int) -> tuple[float, float]:
        """Wall and CPU seconds of so many calls in every process."""
        start = time.perf_counter()
        for pipe in self.pipes:
            pipe.send(calls)
        cpu = sum(self._answer(pipe) for pipe in self.pipes)
        return time.perf_counter() - start, cpu

    def calls_in(self, seconds: float) -> int:
        """How many calls take about so long; making them warms it up too."""
        calls = 1
        while (wall := self.timed(calls)[0]) < seconds / 4:
            calls *= 2
        return max(1, round(calls * seconds / wall))

    def _start(self) -> None:
        pipe, theirs = PROCESSES.Pipe()
        process = PROCESSES.Process(target=serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        self.processes.append(process)
        self.pipes.append(pipe)

    def _asked(self, pipe: Any, build: Callable[[], Ready]):
        pipe.send(build)
        return self._answer(pipe)

    def _answer(self, pipe: Any):
        try:
            answer = pipe.recv()
        except EOFError:
            answer = "its process ended"
        if isinstance(answer, str):
            raise OSError(f"{self.name}: {answer}")
        return answer


class Pool:
    """Contenders that stay for the next comparison, so that imports are paid once."""

    def __init__(self):
        self.running: dict[str, Running] = {}

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.running.values():
            one.close()

    def built(self, contender: Contender) -> Running:
        """A contender's processes, in which those of the same name go on.

        Raises:
          OSError: one of them could not be built, and why; it is forgotten then.
        """
        one = self.running.pop(contender.name, None)
        if one is None:
            one = Running(contender)
        elif one.builds != contender.builds:
            one.build(contender.builds)
        self.running[contender.name] = one
        return one


def serve(pipe: Any) -> None:
    """What a process does: builds, makes calls, builds anew, until nobody asks for more."""
    try:
        build = pipe.recv()
        while True:
            ready = build()
            pipe.send((ready.units, ready.compile_seconds))
            while isinstance(build := pipe.recv(), int):
                calls, start = build, time.process_time()
                ready.advance(calls)
                pipe.send(time.process_time() - start)
            del ready  # what it holds goes before the next is built
    except (EOFError, KeyboardInterrupt):
        pass
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")


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
