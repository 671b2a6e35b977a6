"""Interruptions are naught: raised, asked for or in between, the bits are the same."""

import json
import os
import signal
import threading

import pytest

from jaxgen.data.batches import Resident
from jaxgen.training import preemption, processes
from jaxgen.training.loop import fit
from jaxgen.training.preemption import Preempted, stop_requests
from jaxgen.training.progress import Silence
from wanderers import (
    POINTS,
    Counted,
    bits,
    refuse,
    saved,
    told,
    wandering,
    wandering_study,
)

DISPATCHES = 11


class Interrupted(Exception):
    pass


class Interruption(Silence):
    """Does something once so many dispatches are told."""

    def __init__(self, at: int, act):
        self.at, self.act = at, act

    def advance(self, done, step):
        if done == self.at:
            self.act()


def interrupt():
    raise Interrupted


@pytest.fixture(params=["Shuffled", "Resident"])
def run(request, key):
    """Runs one program or the other in a folder, as the same command would."""
    if request.param == "Shuffled":
        program, batches = wandering(), Counted
    else:
        program, batches = wandering_study(), lambda: Resident(POINTS)

    def start(folder, watcher=None, **options):
        options = {"evaluate_every": 2, "save_every": 3} | options
        return fit(
            program, key, batches(), DISPATCHES, folder, watcher=watcher, **options
        )

    return start


def test_an_interrupted_run_ends_with_the_same_bits(run, tmp_path):
    unbroken = run(tmp_path / "unbroken")
    for at in (0, 1, 5, 9):
        with pytest.raises(Interrupted):
            run(tmp_path / "broken", Interruption(at, interrupt))
    broken = run(tmp_path / "broken")
    assert bits(broken) == bits(unbroken)
    assert told(tmp_path / "broken") == told(tmp_path / "unbroken")
    lines = (tmp_path / "broken" / "record.jsonl").read_text().splitlines()
    assert len(lines) > len({json.loads(line)["step"] for line in lines})


def test_sigterm_saves_and_the_same_command_continues(run, tmp_path):
    handlers = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    unbroken = run(tmp_path / "unbroken", save_every=100)
    for at, one in ((4, signal.SIGTERM), (7, signal.SIGINT)):
        act = Interruption(at, lambda one=one: os.kill(os.getpid(), one))
        with pytest.raises(Preempted, match="saved at step"):
            run(tmp_path / "broken", act, save_every=100)
        last = told(tmp_path / "broken")[-1]["step"]
        assert saved(tmp_path / "broken")[-1] == last
    broken = run(tmp_path / "broken", save_every=100)
    assert bits(broken) == bits(unbroken)
    assert told(tmp_path / "broken") == told(tmp_path / "unbroken")
    assert handlers == [
        signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)
    ]


def test_who_is_asked_at_the_very_end_has_saved_and_stops(run, tmp_path):
    """A program of several runs would go on with the next one."""
    act = Interruption(DISPATCHES, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Preempted, match="saved at step"):
        run(tmp_path, act)
    watcher = Interruption(DISPATCHES, refuse)
    state = run(tmp_path, watcher)
    assert saved(tmp_path)[-1] == int(state.step)


def test_questions_of_several_processes_are_counted_through_all_runs(monkeypatch):
    asked = []
    monkeypatch.setattr(
        processes.multihost_utils, "reached_preemption_sync_point", asked.append
    )
    for _ in range(2):
        stopping = processes.agreed_stop()
        stopping(0), stopping(1)
    assert [number - asked[0] for number in asked] == [0, 1, 2, 3]


def test_a_resumed_run_reads_the_batches_that_follow(tmp_path, key):
    first, second = Counted(), Counted()
    options = {"save_every": 3, "folder": tmp_path}
    fit(wandering(), key, first, 6, **options)
    fit(wandering(), key, second, 8, **options)
    assert first.asked == [0, *range(6)]
    assert second.asked == [6, 7]


def test_a_finished_run_returns_its_state_without_another_dispatch(run, tmp_path, key):
    state = run(tmp_path)
    before = (tmp_path / "record.jsonl").read_bytes()
    watcher = Interruption(DISPATCHES, refuse)
    again = run(tmp_path, watcher)
    assert bits(again) == bits(state)
    assert (tmp_path / "record.jsonl").read_bytes() == before


def test_who_asks_twice_at_once_asks_once_and_later_does_not_wait(monkeypatch):
    now, before = [0.0], signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(preemption.time, "monotonic", lambda: now[0])
    with stop_requests() as stopping:
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        assert stopping(0)
        now[0] = 3.0
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)  # which a shell may have set to be ignored


def test_no_signal_is_heard_in_another_thread():
    heard = []

    def listen():
        with stop_requests() as stopping:
            heard.append(stopping(0))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert heard == [False]
