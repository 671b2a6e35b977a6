"""From a command line to a run: presets, messages for people, exit codes."""

import difflib
import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import tyro

from jaxgen.training.preemption import Preempted

Experiment = TypeVar("Experiment")

DONE, FAILED, PREEMPTED = 0, 1, 42
"""Exit codes: finished; stopped by what the message says; saved, start me again."""


def launch(
    presets: Mapping[str, Experiment],
    run: Callable[[Experiment], Any],
    description: str,
    default: str = "laptop",
    arguments: Sequence[str] | None = None,
) -> int:
    """Runs the experiment that a command line asks for.

    The first argument may name a preset; options change its fields.

    Args:
      presets: complete experiments by name.
      run: what to do with one; returns what to print last, where the results are.
      description: of the experiment, shown by ``--help``.
      default: the preset where none is named.
      arguments: by default those of the process.

    Returns:
      The exit code.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    named = bool(arguments) and not arguments[0].startswith("-")
    preset = arguments.pop(0) if named else default
    if preset not in presets:
        return _refused(_unknown("preset", preset, presets))
    base = presets[preset]
    names = ", ".join(
        f"{name} (default)" if name == default else name for name in presets
    )
    try:
        try:
            experiment = tyro.cli(
                type(base),
                prog=shlex.join(command([])),
                default=base,
                args=arguments,
                description=f"{description}\n\nPresets, as a first argument: {names}. "
                f"The defaults below are those of {preset!r}.",
            )
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        return reader_left()
    return _ran(run, experiment)


def command(arguments: Sequence[str] | None = None) -> list[str]:
    """What to type to run this process again."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    name = module.name if module else "experiments"
    return [
        "python",
        "-m",
        name.removesuffix(".__main__"),
        *(sys.argv[1:] if arguments is None else arguments),
    ]


def reader_left() -> int:
    """The exit code where who reads the help, as ``head`` does, has read enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE


def _ran(run: Callable[[Experiment], Any], experiment: Experiment) -> int:
    try:
        print(run(experiment))
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        if sys.flags.dev_mode:
            raise
        return _refused(f"{error}\n(python -X dev shows where)")
    except Preempted as error:
        print(f"stopped: {error}; the same command continues it", file=sys.stderr)
        return PREEMPTED
    return DONE


def _refused(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return FAILED


def _unknown(what: str, word: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{what} {word!r} is unknown: expected one of {', '.join(known)}{hint}"
