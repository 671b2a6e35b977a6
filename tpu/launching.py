"""The verbs about machines. Each prints its plan, and carries it out where told --yes."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import tyro

from tpu.actions import Command, Plan, printed
from tpu.backends.all import BACKENDS
from tpu.backends.backend import Machines, Unreachable
from tpu.executor import (
    REAL,
    Failed,
    World,
    carry_out,
    gone,
    machines_of,
    state_of,
    supervise,
)
from tpu.job import Job, require_possible
from tpu.kept_jobs import end, keep, kept
from tpu.pins import versions_note

DONE, FAILED, REFUSED = 0, 1, 2
UNCHANGED = "nothing was done: add --yes, before any --, to carry this out"


@dataclass(frozen=True)
class New:
    """A new job; what it runs stands at the end, behind ``--``.

    Attributes:
      job: what, where, and for how much at most.
      yes: carry it out; otherwise the plan is printed.
    """

    job: tyro.conf.OmitArgPrefixes[Job]
    yes: bool = False


@dataclass(frozen=True)
class Known:
    """A job that was made by ``up`` or ``launch``.

    Attributes:
      name: of the job.
      yes: carry it out; otherwise the plan is printed.
    """

    name: Annotated[str, tyro.conf.arg(name="name")]
    yes: bool = False


@dataclass(frozen=True)
class Start(Known):
    """As `Known`.

    Attributes:
      patience: another than the job's.
      heartbeat: another than the job's.
    """

    patience: float | None = None
    heartbeat: int | None = None


@dataclass(frozen=True)
class Logs(Known):
    """As `Known`.

    Attributes:
      lines: of the end.
      follow: go on until interrupted.
    """

    lines: int = 100
    follow: bool = False


@dataclass(frozen=True)
class Down:
    """What is to be deleted.

    Attributes:
      name: of a job, whatever state its machines are in.
      stale: instead, all dead requests of ours in a zone, which take up quota.
      project: where to look for those.
      zone: where to look for those.
      yes: carry it out; otherwise the plan is printed.
    """

    name: tyro.conf.Positional[str] = ""
    stale: bool = False
    project: str | None = None
    zone: str | None = None
    yes: bool = False


def refusing(verb: Callable[..., int]) -> Callable[..., int]:
    """The verb, with errors as words for people."""

    @wraps(verb)
    def told(arguments: Sequence[str], world: World = REAL) -> int:
        try:
            return verb(list(arguments), world)
        except (ValueError, OSError, Failed, Unreachable) as error:
            print(f"error: {error}", file=sys.stderr)
            return REFUSED
        except KeyboardInterrupt:
            print("stopped watching; machines keep their deadline", file=sys.stderr)
            return FAILED

    return told


def asked(arguments: list[str], verb: str) -> New:
    """The new job of a command line."""
    options, command = _divided(arguments)
    default = Job(default_name(command), tuple(command))
    return tyro.cli(
        New, args=options, default=New(default), prog=f"python -m tpu {verb}"
    )


def default_name(command: Sequence[str]) -> str:
    """A name after what runs.

    Example:
      >>> default_name(("-m", "experiments.mode_collapse", "tiny"))
      'mode-collapse'
    """
    words = [word for word in command if not word.startswith("-")] or ["job"]
    last = Path(words[0]).stem if "/" in words[0] else words[0].rpartition(".")[2]
    plain = "".join(sign if sign.isalnum() else "-" for sign in last.lower())
    return plain.strip("-0123456789")[:40].strip("-") or "job"


@refusing
def launch(arguments: list[str], world: World = REAL) -> int:
    """The whole life of a job: up, sync, run, watched, anew where lost, down."""
    new = asked(arguments, "launch")
    require_possible(new.job)
    if not new.yes:
        print(printed_life(new.job, int(world.clock())))
        return DONE
    life = supervise(new.job, BACKENDS[new.job.backend], world, keep(new.job))
    world.say(f"{new.job.name}: {life.outcome}")
    return DONE if life.outcome == "done" else FAILED


@refusing
def up(arguments: list[str], world: World = REAL) -> int:
    """Asks for machines."""
    new = asked(arguments, "up")
    require_possible(new.job)
    plan = BACKENDS[new.job.backend].up(new.job, new.job.seconds())
    if new.yes:
        keep(new.job)
    return told_or_done(plan, new.yes, world)


@refusing
def sync(arguments: list[str], world: World = REAL) -> int:
    """Sends the code of this folder, without secrets."""
    wish = known(Known, arguments, "sync")
    return on_machines(kept(wish.name), wish.yes, "sync", world)


@refusing
def run(arguments: list[str], world: World = REAL) -> int:
    """Starts the program, ending it first where it runs."""
    wish = known(Start, arguments, "run")
    others = {name: getattr(wish, name) for name in ("patience", "heartbeat")}
    given = {name: value for name, value in others.items() if value is not None}
    job = replace(kept(wish.name), **given)
    until = int(world.clock()) + job.seconds()
    return on_machines(job, wish.yes, "run", world, until)


@refusing
def profile(arguments: list[str], world: World = REAL) -> int:
    """Asks for a trace, which the program writes into ``runs/profile``."""
    wish = known(Known, arguments, "profile")
    return on_machines(kept(wish.name), wish.yes, "profile", world)


@refusing
def status(arguments: list[str], world: World = REAL) -> int:
    """Tells the state of machines and programs."""
    wish = known(Known, arguments, "status")
    job = kept(wish.name)
    backend = BACKENDS[job.backend]
    if not wish.yes:
        question = backend.status(job)
        machines = names(job, world, asking=False)
        plan = (*((question,) if question else ()), *backend.codes(job, machines))
        return told_or_done(plan, False, world)
    state = state_of(job, backend, world, "active")
    codes: list[Any] = []
    if state == "active":
        machines = machines_of(job, backend, world)
        codes = backend.read([world.act(one) for one in backend.codes(job, machines)])
    print(f"{job.name}: {state} {' '.join(map(str, codes))}".rstrip())
    return DONE


@refusing
def logs(arguments: list[str], world: World = REAL) -> int:
    """Shows what the first machine tells."""
    wish = known(Logs, arguments, "logs")
    if wish.lines < 1:
        raise ValueError(f"--lines {wish.lines}: expected 1 or more")
    job = kept(wish.name)
    machines = names(job, world, wish.yes)
    plan = BACKENDS[job.backend].logs(job, machines, wish.lines, wish.follow)
    if not wish.yes:
        return told_or_done(plan, False, world)
    return max(subprocess.call(step.argv) for step in plan if isinstance(step, Command))


@refusing
def down(arguments: list[str], world: World = REAL) -> int:
    """Deletes machines and all that was made for them."""
    wish = known(Down, arguments, "down")
    if wish.stale:
        return bury(wish, world)
    if not wish.name:
        raise ValueError("nothing to delete: name a job, or give --stale")
    job = kept(wish.name)
    backend = BACKENDS[job.backend]
    told_or_done(backend.down(job), wish.yes, world)
    if not wish.yes:
        return DONE
    if not gone(job, backend, world):
        print(f"{job.name}: machines are still there; delete again", file=sys.stderr)
        return FAILED
    end(job)
    return DONE


def bury(wish: Down, world: World) -> int:
    """Deletes dead requests; which they are has to be asked first."""
    job = Job("stale", ("-",), project=wish.project, zone=wish.zone)
    require_possible(job)
    backend = BACKENDS["queued"]
    question = backend.stale(job)
    assert question
    if not wish.yes:
        each = backend.bury(job, "EACH-OF-THEM")
        return told_or_done((question, *each), False, world)
    answer = world.act(question)
    if answer.code:
        raise Unreachable(answer.errors.strip())
    plan = [step for name in answer.output.split() for step in backend.bury(job, name)]
    world.say(f"{len(plan)} dead requests")
    return told_or_done(tuple(plan), True, world)


def on_machines(job: Job, yes: bool, verb: str, world: World, *arguments: Any) -> int:
    machines = names(job, world, yes)
    plan = getattr(BACKENDS[job.backend], verb)(job, machines, *arguments)
    return told_or_done(plan, yes, world)


def names(job: Job, world: World, asking: bool) -> Machines:
    """The machines; where they are not asked for, what they could be called."""
    found = BACKENDS[job.backend].members(job)
    if not isinstance(found, Command):
        return found
    if asking:
        return machines_of(job, BACKENDS[job.backend], world)
    return tuple(f"{job.name}-{index}" for index in range(job.wanted.hosts))


def told_or_done(plan: Plan, yes: bool, world: World) -> int:
    if yes:
        carry_out(plan, world)
    else:
        print(printed(plan), UNCHANGED, sep="\n")
    return DONE


def printed_life(job: Job, now: int) -> str:
    """All that a launch would do, if nothing went wrong."""
    backend = BACKENDS[job.backend]
    machines = names(job, REAL, asking=False)
    question, until = backend.status(job), now + job.seconds()
    looks = (*((question,) if question else ()), *backend.codes(job, machines))
    parts = {
        f"up, for {job.seconds()} s at most, here and on the machines": backend.up(
            job, job.seconds()
        ),
        "sync": backend.sync(job, machines),
        "run": backend.run(job, machines, until),
        "look, every half minute; lost machines are asked for again": looks,
        "down, whatever happened": backend.down(job),
    }
    texts = [f"# --- {title}\n{printed(plan)}" for title, plan in parts.items()]
    note = () if job.backend == "local" else (f"# {versions_note()}",)
    return "\n".join((*texts, *note, UNCHANGED))


def known(kind: Any, arguments: list[str], verb: str) -> Any:
    if kind is not Down:
        kind = tyro.conf.configure(tyro.conf.PositionalRequiredArgs)(kind)
    return tyro.cli(kind, args=arguments, prog=f"python -m tpu {verb}")


def _divided(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The words before and behind the first ``--``."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]
