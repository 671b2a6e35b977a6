"""Requests to stop, and the word that they were heeded."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Preempted(Exception):
    """The run was asked to stop. It is saved; the same command continues it."""


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Listens for SIGTERM and SIGINT; yields whether one has come.

    Elsewhere than in the main thread, where Python hears no signals, none ever comes.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {one: signal.getsignal(one) for one in signals}

    def heed(number, frame):
        asked.set()
        signal.signal(number, before[number])  # who asks twice will not wait

    try:
        for one in signals:
            signal.signal(one, heed)
        yield asked.is_set
    finally:
        for one in signals:
            signal.signal(one, before[one])
