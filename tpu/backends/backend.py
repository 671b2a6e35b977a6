"""What every way to get machines can be asked: pure functions from a job to a plan."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from tpu.actions import Command, Plan
from tpu.exit_codes import Code
from tpu.job import Job

MachineState = Literal["absent", "waiting", "active", "failed", "suspended"]
"""Of the machines of a job, as one: they are had and lost together."""

Machines = tuple[str, ...]
"""Their names, in order; a whole slice counts as one where one command reaches it."""


class Answer(NamedTuple):
    """What a command answered."""

    code: int
    output: str
    errors: str = ""


class Unreachable(Exception):
    """Machines did not answer, or not as expected."""


def here(job: Job) -> Path:
    """The folder on this machine with all that is written for a job."""
    return Path("runs") / "jobs" / job.name


def always(answer: Answer) -> MachineState:
    """The state of machines that nobody has to ask for."""
    return "active"


def require_found(answer: Answer, *missing: str) -> bool:
    """Whether what was asked about is there.

    Raises:
      Unreachable: the command failed for another reason than that it is not.
    """
    if answer.code == 0:
        return True
    if any(word in answer.errors for word in missing):
        return False
    raise Unreachable(answer.errors.strip() or f"exit code {answer.code}")


def codes_of(answers: list[Answer]) -> list[Code]:
    """What the machines told about their programs, whatever else ssh told beside.

    Raises:
      Unreachable: one did not answer.

    Example:
      >>> codes_of([Answer(0, "code=0\\ncode=running\\n"), Answer(0, "code=42\\n")])
      [0, 'running', 42]
    """
    words = []
    for answer in answers:
        require_found(answer)
        told = re.findall(r"^code=(\d+|running|none)$", answer.output, re.MULTILINE)
        if not told:
            raise Unreachable(f"no exit code in {answer.output!r}")
        words += told
    return [int(word) if word.isdigit() else word for word in words]


class Backend(NamedTuple):
    """A way to get machines.

    Attributes:
      up: ``(job, seconds) -> plan``: asks for them, for so long at most.
      status: ``job -> command`` that tells whether they are there; none needed where
        they always are.
      state: of its answer.
      members: ``job -> command`` that lists their names, one a line; or the names.
      sync: sends the code.
      run: ``(job, machines, until) -> plan``: starts the program, which is to end by
        that second since 1970.
      codes: commands that tell how the programs are.
      read: a ``Code`` for each machine, of their answers.
      logs: ``(job, machines, lines, follow) -> plan``.
      profile: asks the program for a trace.
      down: deletes all that ``up`` made; also what is there in part, or not at all.
      stale: ``job -> command`` that lists dead requests which still take up quota, one
        a line, or none where there are no such things.
      bury: ``(job, name) -> plan``: deletes one of those.
    """

    up: Callable[[Job, int], Plan]
    status: Callable[[Job], Command | None]
    state: Callable[[Answer], MachineState]
    members: Callable[[Job], Command | Machines]
    sync: Callable[[Job, Machines], Plan]
    run: Callable[[Job, Machines, int], Plan]
    codes: Callable[[Job, Machines], tuple[Command, ...]]
    logs: Callable[[Job, Machines, int, bool], Plan]
    profile: Callable[[Job, Machines], Plan]
    down: Callable[[Job], Plan]
    read: Callable[[list[Answer]], list[Code]] = codes_of
    stale: Callable[[Job], Command | None] = lambda job: None
    bury: Callable[[Job, str], Plan] = lambda job, name: ()
