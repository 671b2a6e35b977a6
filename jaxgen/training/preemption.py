"""Requests to stop, and the word that they were heeded."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SAME_MOMENT = 2.0
"""Seconds in which signals are one request: a system that goes down sends several."""


class Preempted(Exception):
    """The run was asked to stop. It is saved; the same command continues it."""


@contextmanager
def stop_requests() -> Iterator[Callable[[int], bool]]:
    """Listens for SIGTERM and SIGINT; yields whether to stop after so many dispatches.

    Of several processes, where SIGTERM may come to any, all stop after the same. And
    elsewhere than in the main thread, where Python hears no signals, none ever comes.
    """
    import jax  # late: who only asks for --help knows of preemption too

    from jaxgen.training.processes import agreed_stop

    asked = threading.Event()
    if jax.process_count() > 1:
        yield agreed_stop()
        return
    if threading.current_thread() is not threading.main_thread():
        yield lambda done: False
        return
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {one: signal.getsignal(one) for one in signals}
    first = 0.0

    def heed(number, frame):
        nonlocal first
        if not asked.is_set():
            first = time.monotonic()
            asked.set()
        elif time.monotonic() - first > SAME_MOMENT:  # who asks twice will not wait
            signal.signal(number, before[number])
            signal.raise_signal(number)

    try:
        for one in signals:
            signal.signal(one, heed)
        yield lambda done: asked.is_set()
    finally:
        for one in signals:
            signal.signal(one, before[one])
