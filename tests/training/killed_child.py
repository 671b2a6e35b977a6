"""A small run in a process of its own, for ``test_killed`` to interrupt.

Called as ``killed_child.py FOLDER HOLD``: a run that is told to hold waits, once it
has made that many dispatches, to be interrupted. The last line says how it ended.
"""

import hashlib
import sys
import time
from pathlib import Path

import jax

from jaxgen.data.batches import Resident
from jaxgen.training.directory import run_directory
from jaxgen.training.loop import fit
from jaxgen.training.preemption import Preempted
from jaxgen.training.progress import Silence
from wanderers import POINTS, bits, wandering_study

DISPATCHES = 60


class Slow(Silence):
    """Leaves the one who interrupts the time to do so."""

    def __init__(self, hold: int):
        self.hold = hold

    def advance(self, done, step):
        time.sleep(0.005)
        while done == self.hold:
            time.sleep(0.005)


def main(folder: Path, hold: int) -> int:
    jax.config.update("jax_num_cpu_devices", 2)
    program = wandering_study()
    key, data, watcher = jax.random.key(0), Resident(POINTS), Slow(hold)
    try:
        with run_directory(folder, {"dispatches": DISPATCHES}):
            state = fit(
                program, key, data, DISPATCHES, folder, save_every=3, watcher=watcher
            )
    except Preempted as error:
        print(f"stopped: {error}")
        return 42
    print(f"finished: {hashlib.sha256(b''.join(bits(state))).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
