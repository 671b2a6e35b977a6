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
    before = [signal.signal(one, lambda *_: asked.set()) for one in signals]
    try:
        yield asked.is_set
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)
