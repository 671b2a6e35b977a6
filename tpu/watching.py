"""A thread beside the program: ends it where it hangs, traces it where it is asked to."""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tpu.exit_codes import HUNG
from tpu.runs_below import RECORD, latest

TRACE_SECONDS = 5.0


def watch(alive: Path, patience: float, interval: float = 5.0) -> threading.Thread:
    """Starts the thread.

    Args:
      alive: folder, in which ``record.jsonl`` files grow while the program lives.
      patience: seconds without growth after which all stacks are told and the process
        ends with 134; the loss of one ends all.
      interval: seconds between looks.
    """
    asked = Path(os.environ.get("JOB_FOLDER", ".")) / "profile"
    stillness = Stillness(Newest(alive, patience / 20))

    def looking() -> None:
        while True:
            time.sleep(min(interval, patience / 4))
            if stillness.seconds() > patience:
                give_up(patience)
            if asked.exists():
                with suppress(Exception):  # the run matters more than its trace
                    asked.unlink(missing_ok=True)
                    trace(alive / "profile")

    thread = threading.Thread(target=looking, name="watching", daemon=True)
    thread.start()
    return thread


class Stillness:
    """How long something that is looked at has been the same."""

    def __init__(self, look: Callable, clock: Callable[[], float] = time.monotonic):
        self.look, self.clock = look, clock
        self.seen, self.since = look(), clock()

    def seconds(self) -> float:
        """Seconds since it changed."""
        now = self.look()
        if now != self.seen:
            self.seen, self.since = now, self.clock()
        return self.clock() - self.since


class Newest:
    """The record below a folder that was written last, and its size.

    While it grows, a look asks about this one file; where it does not, all records are
    looked for, and not more often than told.

    Args:
      folder: with the records.
      every: seconds from one search to the next, at least.
      clock: of seconds.
    """

    def __init__(
        self,
        folder: Path,
        every: float,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.folder, self.every, self.clock = folder, every, clock
        self.last: tuple[Path, int] | None = None
        self.searched = -float("inf")

    def __call__(self) -> tuple[Path, int] | None:
        known = self.last and sized(self.last[0])
        if known and known != self.last:
            self.last = known
        elif self.clock() - self.searched >= self.every:
            self.searched = self.clock()
            run = latest(self.folder)
            self.last = sized(run / RECORD) if run else None
        return self.last


def sized(path: Path) -> tuple[Path, int] | None:
    """A file and its size, if it is there."""
    try:
        return path, path.stat().st_size
    except OSError:
        return None


def give_up(patience: float) -> None:
    """Tells the stacks of all threads, where they can be told, and ends the process."""
    try:
        print(f"hung: no line in a record for {patience:.0f} s", file=sys.stderr)
        faulthandler.dump_traceback(all_threads=True)
        sys.stderr.flush()
    finally:
        os._exit(HUNG)


def trace(folder: Path, seconds: float = TRACE_SECONDS) -> None:
    """Writes what the devices do for some seconds, for XProf or Perfetto to show."""
    import jax

    jax.profiler.start_trace(str(folder))
    time.sleep(seconds)
    jax.profiler.stop_trace()
    print(f"trace in {folder}", file=sys.stderr, flush=True)
