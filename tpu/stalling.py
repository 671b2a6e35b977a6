"""``python -m tpu.stalling ...``: as `tpu.bootstrap`, and stands still once told to.

What stands still is the program: of the process there are signs of life.
"""

import runpy
import signal
import time

STALL = signal.SIGUSR1
"""Tells it to."""


def stand_still(*_: object) -> None:
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    signal.signal(STALL, stand_still)
    runpy.run_module("tpu.bootstrap", run_name="__main__", alter_sys=True)
