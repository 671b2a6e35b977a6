"""``python -m tpu.bootstrap ... -- -m MODULE ARGUMENTS``: a program, as one of many.

The processes of all machines are brought together before the program starts, each chip
is asked for a sum, and how it ends is told by an exit code that a launcher understands:
0 done, 42 preempted and saved, 134 hung or left alone, else a fault of the program.
"""

import faulthandler
import os
import runpy
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tpu.exit_codes import DONE, FAULT, HUNG, PREEMPTED

ALONE = (
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "ABORTED",
    "CANCELLED",
    "Gloo",
    "Connection",
    "heartbeat",
    "coordination",
)
"""Words of errors that say: the others are gone."""


@dataclass(frozen=True)
class Together:
    """How this process finds the others, and how long it has patience.

    Attributes:
      together: there are others, and JAX finds them, as on TPU machines.
      coordinator: ``address:port`` of the first process, where JAX cannot find it.
      processes: how many, with a coordinator.
      process: which this is.
      patience: seconds without any line in a record, after which it counts as hung;
        longer than the longest compilation.
      heartbeat: seconds without a sign of another process, after which it counts as
        lost; a process gives signs while it compiles, too.
      alive: folder with the records.
      cache: folder of compiled programs, which all processes share.
      check: ask every chip for a sum before the program starts.
      ledger: JSON lines of what the seconds were for; the first process writes them.
    """

    together: bool = False
    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None
    patience: float = 1800.0
    heartbeat: int = 100
    alive: Path = Path("runs")
    cache: str | None = "runs/compiled"
    check: bool = True
    ledger: Path = Path("runs/ledger.jsonl")


def main(arguments: Sequence[str]) -> int:
    """Runs the program behind ``--``; returns its exit code."""
    import tyro

    place = list(arguments).index("--")
    options = tyro.cli(Together, args=arguments[:place], prog="python -m tpu.bootstrap")
    require_sane_slices(os.environ)
    if options.cache:
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", options.cache)
    born = time.time()
    bring_together(options)

    from tpu.ledger import listen
    from tpu.watching import watch

    listen(options.ledger, born)
    watch(options.alive, options.patience)
    if options.check:
        try:
            check_health()
        except RuntimeError as error:
            print(f"not well: {error}", file=sys.stderr, flush=True)
            return HUNG  # of the machine, which others can take the place of
    code = code_of(arguments[place + 1 :])
    if code not in (DONE, PREEMPTED, HUNG) and (
        options.together or options.coordinator
    ):
        await_loss(options.heartbeat)
    return code


def await_loss(heartbeat: int) -> None:
    """Waits for as long as the loss of another process could stay unknown.

    What looks like a fault may come of it; then JAX ends this process meanwhile, by a
    signal that tells so.
    """
    time.sleep(heartbeat + 5)


def require_sane_slices(variables) -> None:
    """Raises:
    ValueError: variables of several slices contradict each other, as they do where a
      machine keeps those of a former slice; JAX would wait for ever.
    """
    names = ("MEGASCALE_NUM_SLICES", "MEGASCALE_SLICE_ID")
    count, index = (variables.get(name) for name in names)
    if count is None and index is None:
        return
    told = f"{names[0]}={count}, {names[1]}={index}"
    if not (count and index and count.isdigit() and index.isdigit()):
        raise ValueError(f"{told}: expected two numbers, of a job with several slices")
    if int(index) >= int(count):
        raise ValueError(f"{told}: there is no such slice; recreate the machines")


def bring_together(options: Together) -> None:
    """Waits for all processes; from here on each knows of the loss of another."""
    if not (options.together or options.coordinator):
        return
    import jax

    jax.distributed.initialize(
        options.coordinator,
        options.processes,
        options.process,
        heartbeat_timeout_seconds=options.heartbeat,
    )


def check_health() -> None:
    """Asks every device for a product, and all together for a sum.

    Raises:
      RuntimeError: a device computes something else.
    """
    import jax
    import numpy as np
    from jax.sharding import Mesh, NamedSharding
    from jax.sharding import PartitionSpec as P

    start = time.monotonic()
    for device in jax.local_devices():
        ones = jax.device_put(np.ones((256, 256), np.float32), device)
        if not np.all(np.asarray(ones @ ones) == 256):
            raise RuntimeError(f"{device} cannot multiply: it is broken")
    devices = np.array(jax.devices())
    split = NamedSharding(Mesh(devices, ("all",)), P("all"))
    numbers = jax.make_array_from_callback(
        (devices.size,), split, np.arange(devices.size, dtype=np.float32).__getitem__
    )
    total = float(jax.jit(lambda x: x.sum())(numbers))
    if total != devices.size * (devices.size - 1) / 2:
        raise RuntimeError(f"{devices.size} devices sum to {total}: a link is broken")
    print(
        f"process {jax.process_index()} of {jax.process_count()}: {devices.size} devices "
        f"({devices[0].device_kind}) are well, {time.monotonic() - start:.1f} s; "
        f"jax {jax.__version__}",
        file=sys.stderr,
        flush=True,
    )


def code_of(command: Sequence[str]) -> int:
    """Runs a program as ``python COMMAND`` would; returns how it ended."""
    try:
        run(command)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return FAULT
        return end.code or DONE
    except Exception as error:
        return told(error)
    return DONE


def told(error: Exception) -> int:
    """Shows an error, where it can be shown; returns what it means."""
    with suppress(OSError):
        traceback.print_exception(error)
    return HUNG if left_alone(error) else FAULT


def run(command: Sequence[str]) -> None:
    """Runs ``-m MODULE``, ``-c TEXT`` or a file, with the arguments that follow."""
    first, *rest = command
    sys.path.insert(0, os.getcwd())
    if first in ("-m", "-c"):
        what, *rest = rest
        sys.argv = [first if first == "-c" else what, *rest]
        if first == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")


def left_alone(error: Exception) -> bool:
    """Whether an error says that other processes are gone."""
    from jax.errors import JaxRuntimeError

    words = str(error)
    return isinstance(error, JaxRuntimeError) and any(word in words for word in ALONE)


def leave(code: int) -> None:
    """Ends this process: with the others where all is well, else at once.

    Who waits for the others after a fault keeps them waiting, too.
    """
    with suppress(OSError):  # a full disk takes no words, either
        sys.stdout.flush()
        sys.stderr.flush()
    if code not in (DONE, PREEMPTED):
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    faulthandler.enable()
    try:
        code = main(sys.argv[1:])
    except Exception as error:
        code = told(error)
    leave(code)
