"""What the exit code of a program means to the one who started it."""

from collections.abc import Sequence
from typing import Literal

Code = int | Literal["running", "waiting", "none"]
"""How the program of a machine ended; that it has not; that it was started and waits for
a machine, which costs nothing; that it was not started."""

DONE, FAULT, PREEMPTED, HUNG = 0, 1, 42, 134
"""Finished; a fault of the program; saved, start me again; a peer or a chip is gone."""

RESTARTABLE = frozenset({PREEMPTED, *range(128, 256)})
"""Preempted and saved, or ended by a signal, as all are who lose a peer."""

Verdict = Literal["running", "none", "done", "lost", "fault"]


def verdict(codes: Sequence[Code]) -> Verdict:
    """What the exit codes of all machines say of the run.

    One fault outweighs everything: the machines that lost their peer by it end by
    signals. Next, one that is lost takes all with it, for they only run together; and
    so does one that has ended well while another was never started.

    Example:
      >>> verdict([0, "running"]), verdict([134, "running"]), verdict([1, 134])
      ('running', 'lost', 'fault')
    """
    numbers = [code for code in codes if isinstance(code, int)]
    if any(code not in RESTARTABLE and code != DONE for code in numbers):
        return "fault"
    if any(code in RESTARTABLE for code in numbers):
        return "lost"
    if "none" in codes:
        return "lost" if len(set(codes)) > 1 else "none"
    return "running" if {"running", "waiting"} & set(codes) else "done"
