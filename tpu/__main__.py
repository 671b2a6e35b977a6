"""``python -m tpu VERB``: from a proof on a laptop to a finished run on Cloud TPU.

Each verb is a module with a ``main(arguments) -> exit code``, imported when it is asked
for: the list of verbs needs none of them.
"""

import difflib
import importlib
import sys
from collections.abc import Sequence

VERBS = {
    "prove": ("tpu.proving", "compile an experiment for pods, without one"),
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
    return importlib.import_module(VERBS[verb][0]).main(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
