"""The life of a job on machines that come and go: a pure function from seen to done."""

from typing import Literal, NamedTuple

from tpu.backends.backend import MachineState
from tpu.exit_codes import Code, verdict
from tpu.job import Job

Move = Literal["up", "sync", "run", "look", "down", "over"]

SILENCES = 5
"""How often in a row machines may not answer before they count as lost."""

DELETIONS = 20
"""How often deletion is tried."""

LEFT = "MACHINES ARE LEFT"
"""Words of an outcome that somebody has to look into."""

LEAST = 60.0
"""Seconds of machines that are still worth asking for."""


class Seen(NamedTuple):
    """What is known at one moment.

    Attributes:
      now: seconds, on any clock.
      machines: their state.
      codes: of their programs, where they are active and answered.
      trouble: why the last move or look failed, if it did.
    """

    now: float
    machines: MachineState
    codes: tuple[Code, ...] = ()
    trouble: str = ""


class Life(NamedTuple):
    """What is remembered from moment to moment.

    Attributes:
      last: the move before.
      seen: when that was.
      paid: whether machines cost since then.
      spent: seconds in which they did.
      waited: seconds without any, since they were there.
      active: whether this attempt had its machines once.
      synced: whether they have the code.
      started: whether the program was started on them.
      lost: whether that they are lost was counted already.
      preemptions: how often they were.
      failures: how often anything else failed.
      silences: in a row.
      deletions: tried since the end was decided.
      outcome: how it ended; empty while it goes on.
    """

    last: Move = "look"
    seen: float | None = None
    paid: bool = False
    spent: float = 0.0
    waited: float = 0.0
    active: bool = False
    synced: bool = False
    started: bool = False
    lost: bool = False
    preemptions: int = 0
    failures: int = 0
    silences: int = 0
    deletions: int = 0
    outcome: str = ""


def next_move(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    """What to do next, and what to remember.

    Machines are asked for, given the code, started, watched; asked for again where they
    are lost, as often as the job allows; and deleted, whatever happened. A fault of the
    program ends it at once. Money and time count in every state.
    """
    life = within_limits(job, metered(life, seen))
    if not life.outcome and seen.trouble:
        life = troubled(job, life, seen)
    if life.outcome:
        life, move = leaving(life, seen)
    else:
        life, move = REACTIONS[seen.machines](job, life, seen)
        if life.outcome:
            life, move = leaving(life, seen)
    return life._replace(last=move), move


def remaining(job: Job, life: Life) -> int:
    """Seconds for which machines may still cost."""
    return max(int(job.seconds() - life.spent), 1)


def pause(life: Life, seconds: float = 30.0) -> float:
    """Seconds until the next look: longer after each failure in a row, or deletion."""
    tried = max(life.silences, life.deletions - 1)
    return min(seconds * 2 ** min(tried, 5), 900.0)


def metered(life: Life, seen: Seen) -> Life:
    """The time since the last look, as cost or as waiting."""
    passed = seen.now - (seen.now if life.seen is None else life.seen)
    return life._replace(
        seen=seen.now,
        paid=costs(life, seen),
        spent=life.spent + (passed if life.paid else 0.0),
        waited=0.0 if there(seen) else life.waited + passed,
    )


def costs(life: Life, seen: Seen) -> bool:
    """Whether machines cost; of a group that has lost one, the others do."""
    return there(seen) or (life.active and seen.machines == "waiting")


def there(seen: Seen) -> bool:
    """Whether there are machines, and not only a pool that may have some."""
    return seen.machines == "active" and "waiting" not in seen.codes


def within_limits(job: Job, life: Life) -> Life:
    if life.outcome:
        return life
    left = job.seconds() - life.spent
    if left <= (0 if life.paid else LEAST):
        return life._replace(outcome=f"the limit of {job.seconds()} s is reached")
    if life.waited >= job.max_wait_hours * 3600:
        return life._replace(outcome=f"no machines in {job.max_wait_hours:g} hours")
    return life


def troubled(job: Job, life: Life, seen: Seen) -> Life:
    """A failed move is a failure; a look without an answer is one only if it lasts."""
    life = life._replace(silences=life.silences + 1)
    if life.last == "look" and life.silences < SILENCES:
        return life
    return failed(job, life._replace(synced=False, started=False), seen.trouble)


def failed(job: Job, life: Life, why: str) -> Life:
    life = life._replace(failures=life.failures + 1)
    if life.failures <= job.failures:
        return life
    return life._replace(outcome=f"{life.failures} failures, the last: {why}")


def preempted(job: Job, life: Life) -> Life:
    """Counts machines or programs that were lost, once for each loss."""
    if life.lost:
        return life
    life = life._replace(lost=True, started=False, preemptions=life.preemptions + 1)
    if life.preemptions <= job.preemptions:
        return life
    return life._replace(outcome=f"{life.preemptions} preemptions")


def anew(life: Life) -> Life:
    """The next attempt has other machines."""
    return life._replace(active=False, synced=False, started=False, lost=False)


def when_absent(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    """What was made beside machines that are gone, or never came, is deleted first."""
    if life.active:
        return anew(preempted(job, life)), "down"
    if life.last != "up":
        return anew(life), "up"
    if not seen.trouble:
        life = failed(job, life, "machines that were asked for are not there")
    return anew(life), "down"


def when_waiting(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    if not seen.trouble:
        life = life._replace(silences=0)
    return life, "look"


def when_dead(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    """A dead request takes up quota until it is deleted."""
    if life.last == "down":
        return life, "down"
    if life.active:
        return anew(preempted(job, life)), "down"
    return anew(failed(job, life, f"the request is {seen.machines}")), "down"


def when_active(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    life = life._replace(active=True)
    if not seen.codes:
        if life.silences < SILENCES:
            return life, "look"
        return anew(life), "down"
    life = life._replace(silences=0 if not seen.trouble else life.silences)
    said = verdict(seen.codes)
    if not life.started and said in ("done", "lost", "fault"):
        said = "none"  # of an earlier start
    return SAID[said](job, life, seen)


def unstarted(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    if not life.synced:
        return life._replace(synced=True), "sync"
    return life._replace(started=True, lost=False), "run"


def running(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    return life._replace(synced=True, started=True, lost=False), "look"


def done(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    return life._replace(outcome="done"), "down"


def lost(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    return preempted(job, life), "look"


def at_fault(job: Job, life: Life, seen: Seen) -> tuple[Life, Move]:
    told = ", ".join(map(str, seen.codes))
    return life._replace(outcome=f"the program failed, exit codes {told}"), "down"


def leaving(life: Life, seen: Seen) -> tuple[Life, Move]:
    """Deletes, once at least, until an answer says that nothing is there."""
    if seen.machines == "absent" and life.deletions and not seen.trouble:
        return life, "over"
    if life.deletions == DELETIONS:
        return life._replace(outcome=f"{life.outcome}; {LEFT}"), "over"
    return life._replace(deletions=life.deletions + 1), "down"


REACTIONS = {
    "absent": when_absent,
    "waiting": when_waiting,
    "failed": when_dead,
    "suspended": when_dead,
    "active": when_active,
}

SAID = {
    "none": unstarted,
    "running": running,
    "done": done,
    "lost": lost,
    "fault": at_fault,
}
