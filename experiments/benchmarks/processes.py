"""Processes that build something to be timed, and wait for the word "go"."""

import time
from collections.abc import Callable
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


class Running:
    """The processes of a contender, built and waiting.

    Raises:
      OSError: one of them could not be built, and why.
    """

    def __init__(self, contender: Contender):
        self.processes: list = []
        self.pipes: list[Any] = []
        for _ in contender.builds:
            self._start()
        self.build(contender)

    def build(self, contender: Contender) -> None:
        """Gives each process its work; what it has imported for another is still there."""
        self.name, builds = contender
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

    def built(self, contender: Contender, place: str | None = None) -> Running:
        """A contender's processes, in which those of the same place go on.

        Args:
          contender: what to build; nothing, where they have built the same before.
          place: the contender's name, unless told.

        Raises:
          OSError: one of them could not be built, and why; it is forgotten then.
        """
        place = place or contender.name
        one = self.running.pop(place, None)
        if one is None:
            one = Running(contender)
        elif one.builds != contender.builds:
            one.build(contender)
        self.running[place] = one
        return one

    def tried(self, contender: Contender, place: str | None = None) -> Running | str:
        """`built`, or why it could not be."""
        try:
            return self.built(contender, place)
        except OSError as error:
            reason = str(error).removeprefix(f"{contender.name}: ")
            return reason.removeprefix("ValueError: ")


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
