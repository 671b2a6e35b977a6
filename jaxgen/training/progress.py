"""What a person sees while a run is running."""

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

QUIET_SECONDS = 10.0
"""How often a line is printed where there is no terminal to draw a bar on."""


class ProgressBar:
    """A bar with steps per second and time left; plain lines without a terminal.

    Args:
      title: what is running.
      total: dispatches of the whole run.
    """

    def __init__(self, title: str, total: int):
        self.console = Console(stderr=True)
        self.title, self.total, self.told = title, total, time.monotonic()
        self.first: tuple[float, int, int] | None = None
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("step {task.fields[step]}  {task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(
            *columns, console=self.console, disable=not self.console.is_terminal
        )
        self.task = self.bar.add_task(title, total=total, step=0, rate="")

    def __enter__(self) -> "ProgressBar":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def say(self, text: str) -> None:
        """Prints a line that stays."""
        self.console.print(
            f"{self.title}: {text}", highlight=False, markup=False, soft_wrap=True
        )

    def advance(self, done: int, step: int) -> None:
        """Tells that so many dispatches are done, and the step they led to."""
        now = time.monotonic()
        self.first = self.first or (now, step, done)
        seconds, steps = now - self.first[0], step - self.first[1]
        rate = rate_text(steps / seconds) if steps and seconds else ""
        self.bar.update(self.task, completed=done, step=step, rate=rate)
        if rate and not self.console.is_terminal and now - self.told > QUIET_SECONDS:
            self.told = now
            left = seconds * (self.total - done) / max(done - self.first[2], 1)
            self.say(f"step {step}, {rate}, {left:.0f} s left")


def rate_text(rate: float) -> str:
    """Steps per second, with a digit behind the point where they are few.

    Example:
      >>> rate_text(0.4), rate_text(12_345.6)
      ('0.4 steps/s', '12,346 steps/s')
    """
    return f"{rate:,.{1 if rate < 10 else 0}f} steps/s"


class Silence:
    """The same calls, and nothing to see: for tests and for other processes."""

    def __enter__(self) -> "Silence":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        """Prints nothing."""

    def advance(self, done: int, step: int) -> None:
        """Tells nothing."""


Watcher = ProgressBar | Silence
"""Who may watch a run."""
