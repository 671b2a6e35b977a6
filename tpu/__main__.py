"""``python -m tpu VERB``: from a proof on a laptop to a finished run on Cloud TPU.

Each verb is a function ``arguments -> exit code``, whose module is imported when it is
asked for: the list of verbs needs none of them.
"""

import difflib
import importlib
import sys
from collections.abc import Sequence

VERBS = {
    "prove": ("tpu.proving:main", "compile an experiment for pods, without one"),
    "try": ("tpu.chaos:main", "run, kill, stop and damage it here, and compare"),
    "launch": ("tpu.launching:launch", "all of the verbs below, watched to the end"),
    "up": ("tpu.launching:up", "ask for machines"),
    "sync": ("tpu.launching:sync", "send them the code of this folder"),
    "run": ("tpu.launching:run", "start the program on all of them"),
    "logs": ("tpu.launching:logs", "show what the program tells"),
    "status": ("tpu.launching:status", "tell how machines and programs are"),
    "profile": ("tpu.launching:profile", "ask the program for a trace"),
    "down": ("tpu.launching:down", "delete the machines; --stale: dead requests"),
    "ledger": ("tpu.ledger:main", "tell what the seconds of a run were for"),
}
"""Where each verb lives, and what it does."""

DONE, REFUSED = 0, 2


def usage() -> str:
    """What can be asked for."""
    width = max(map(len, VERBS))
    lines = [f"  {name:<{width}}  {does}" for name, (_, does) in VERBS.items()]
    return "\n".join(
        ("usage: python -m tpu VERB ...   (VERB --help for its options)", "", *lines)
    )


def main(arguments: Sequence[str]) -> int:
    """Runs the verb that is named first."""
    verb, *rest = arguments or ["--help"]
    if verb in ("-h", "--help"):
        print(usage())
        return DONE
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        print(f"error: verb {verb!r} is unknown{hint}\n{usage()}", file=sys.stderr)
        return REFUSED
    module, _, function = VERBS[verb][0].partition(":")
    try:
        try:
            return getattr(importlib.import_module(module), function)(rest)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        from experiments.launch import reader_left

        return reader_left()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
