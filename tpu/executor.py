"""Carries plans out, looks, and lives the life of a job: where the world is touched."""

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tpu.actions import Action, Command, Pack, Plan, Write
from tpu.backends.backend import (
    Answer,
    Backend,
    Machines,
    MachineState,
    Unreachable,
    here,
)
from tpu.bundle import pack
from tpu.exit_codes import Code
from tpu.job import Job
from tpu.supervisor import Life, Move, Seen, next_move, pause, remaining

PATIENCE = 1800.0
"""Seconds after which a command that has not answered is ended."""


class World(NamedTuple):
    """All that touches the world, so that tests can give another one.

    Attributes:
      act: carries out one action.
      clock: seconds since 1970.
      sleep: waits.
      say: tells a person.
    """

    act: Callable[[Action], Answer]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    say: Callable[[str], None]


class Failed(Exception):
    """A command of a plan failed, and what followed it was not tried."""


def act(action: Action) -> Answer:
    """Carries out one action for real."""
    if isinstance(action, Write):
        action.path.parent.mkdir(parents=True, exist_ok=True)
        action.path.write_text(action.text)
        return Answer(0, "")
    if isinstance(action, Pack):
        found = pack(action.folder, action.archive)
        reasons = "".join(
            f"  not sent: {name} ({why})\n" for name, why in found.left_out.items()
        )
        return Answer(0, f"  {len(found.sent)} files are sent\n{reasons}")
    return _answered(action)


def _answered(command: Command) -> Answer:
    try:
        done = subprocess.run(
            command.argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
        )
    except FileNotFoundError:
        return Answer(127, "", f"{command.argv[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Answer(124, "", f"no answer within {PATIENCE:.0f} s")
    except OSError as error:
        return Answer(126, "", str(error))
    return Answer(done.returncode, done.stdout, done.stderr)


REAL = World(act, time.time, time.sleep, print)


def carry_out(plan: Plan, world: World) -> None:
    """Every action of a plan, in order, each told before; and what failed, after it.

    Raises:
      Failed: one failed that may not.
    """
    for action in plan:
        world.say(str(action))
        answer = world.act(action)
        for line in worth_telling(action, answer):
            world.say(line)
        if not answer.code:
            continue
        why = f"exit code {answer.code}: {(answer.errors or answer.output).strip()}"
        if not (isinstance(action, Command) and action.may_fail):
            raise Failed(f"{action}\n  {why}")
        world.say(f"  {why}")


def worth_telling(action: Action, answer: Answer) -> list[str]:
    """What is packed, and what machines have installed."""
    lines = answer.output.splitlines()
    if isinstance(action, Pack):
        return lines
    return [f"  {line}" for line in lines if line.startswith("installed: ")]


def machines_of(job: Job, backend: Backend, world: World) -> Machines:
    """The names of the machines.

    Raises:
      Unreachable: they cannot be listed.
    """
    found = backend.members(job)
    if not isinstance(found, Command):
        return found
    answer = world.act(found)
    if answer.code:
        raise Unreachable(answer.errors.strip())
    return tuple(sorted(answer.output.split()))


def state_of(
    job: Job, backend: Backend, world: World, otherwise: MachineState
) -> MachineState:
    """The state of the machines; ``otherwise`` where nobody has to be asked.

    Raises:
      Unreachable: there is no answer.
    """
    question = backend.status(job)
    return backend.state(world.act(question)) if question else otherwise


def look(
    job: Job, backend: Backend, world: World, known: MachineState, trouble: str
) -> Seen:
    """What is to be seen now; where nobody answers, what was known before."""
    codes = ()
    try:
        known = state_of(job, backend, world, known)
        if known == "active":
            machines = machines_of(job, backend, world)
            answers = [world.act(one) for one in backend.codes(job, machines)]
            codes = tuple(backend.read(answers))
            require_all(job, codes)
    except Unreachable as error:
        trouble = trouble or str(error) or "no answer"
    return Seen(world.clock(), known, codes, trouble)


def require_all(job: Job, codes: Sequence[Code]) -> None:
    """Raises:
    Unreachable: fewer machines have answered than were asked for, or more.
    """
    if job.backend not in ("queued", "group"):
        return
    wanted = job.wanted.hosts * job.wanted.slices
    if len(codes) != wanted:
        raise Unreachable(f"{len(codes)} of {wanted} machines have answered")


def supervise(
    job: Job, backend: Backend, world: World, life: Life | None = None
) -> Life:
    """Lives the life of a job to its end, and tells of each move.

    Args:
      job: whose.
      backend: who has the machines.
      world: where all this happens.
      life: what another client remembered of it; it is written down at each move.
    """
    life, known, trouble = life or Life(), "absent", ""
    while True:
        seen = look(job, backend, world, known, trouble)
        life, move = next_move(job, life, seen)
        world.say(told(job, life, seen, move))
        written = remembered(job, life, world)
        if move == "over":
            return life
        trouble = attempted(job, backend, world, life, move)
        known = seen.machines
        if backend.status(job) is None:
            known = expected(known, move, trouble)
        if move in ("look", "down") or trouble or written:
            world.sleep(pause(life))


def remembered(job: Job, life: Life, world: World) -> str:
    """Writes a life down, for another client; returns why it could not be."""
    try:
        world.act(Write(here(job) / "life.json", json.dumps(life._asdict()) + "\n"))
    except OSError as error:
        world.say(f"the life of {job.name} could not be written down: {error}")
        return str(error)
    return ""


def gone(job: Job, backend: Backend, world: World, looks: int = 20) -> bool:
    """Whether no machines are there, or soon none are.

    Raises:
      Unreachable: there is no answer.
    """
    for _ in range(looks):
        if state_of(job, backend, world, "absent") == "absent":
            return True
        world.sleep(15.0)
    return False


def attempted(job: Job, backend: Backend, world: World, life: Life, move: Move) -> str:
    """Makes a move; returns why it failed, if it did."""
    try:
        carry_out(plan_of(job, backend, world, life, move), world)
    except (Failed, Unreachable, OSError) as error:
        return str(error)
    return ""


def plan_of(job: Job, backend: Backend, world: World, life: Life, move: Move) -> Plan:
    """What a move means to those who have the machines."""
    left = remaining(job, life)
    if move == "up":
        return backend.up(job, left)
    if move == "down":
        return backend.down(job)
    if move in ("sync", "run"):
        machines = machines_of(job, backend, world)
        until = int(world.clock()) + left
        return (
            backend.sync(job, machines)
            if move == "sync"
            else backend.run(job, machines, until)
        )
    return ()


def expected(known: MachineState, move: Move, trouble: str) -> MachineState:
    """The state after a move, for machines that nobody is asked about."""
    if trouble or move not in ("up", "down"):
        return known
    return "active" if move == "up" else "absent"


def told(job: Job, life: Life, seen: Seen, move: Move) -> str:
    """One line for a person."""
    codes = f", programs {', '.join(map(str, seen.codes))}" if seen.codes else ""
    trouble = f"; trouble: {seen.trouble}" if seen.trouble else ""
    spent = f"{life.spent / 3600:.2f} of {job.seconds() / 3600:.2f} hours"
    return f"[{spent}] {job.name}: {seen.machines}{codes}{trouble} -> {move}"
