"""What a person sees where there is no terminal: plain lines, and few of them."""

import re

import pytest

from jaxgen.training import progress
from jaxgen.training.progress import ProgressBar, Silence

DEATH = (
    "seed=3 learning_rate=0.0001 penalty=0.5 died at step 12345: its parameters were "
    "no longer finite [see the record]"
)


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def printed(capsys) -> list[str]:
    out, err = capsys.readouterr()
    assert out == "" and "\x1b" not in err
    return err.splitlines()


def test_a_line_every_ten_seconds_with_speed_and_time_left(clock, capsys):
    with ProgressBar("ring", 100) as bar:
        for done in range(0, 30):
            bar.advance(done, 10 * done)
            clock[0] += 1.0
    assert printed(capsys) == [
        "ring: step 110, 10 steps/s, 89 s left",
        "ring: step 220, 10 steps/s, 78 s left",
    ]


def test_a_run_that_goes_on_counts_its_own_steps_alone(clock, capsys):
    with ProgressBar("ring", 100) as bar:
        bar.advance(50, 5000)
        clock[0] += 20
        bar.advance(60, 6000)
    assert printed(capsys) == ["ring: step 6000, 50 steps/s, 80 s left"]


def test_a_slow_start_promises_nothing(clock, capsys):
    with ProgressBar("ring", 100) as bar:
        clock[0] += 20
        bar.advance(0, 0)
    assert not any(re.search(r", ,|\b0 s left", line) for line in printed(capsys))


@pytest.mark.parametrize("text", ["short", DEATH])
def test_what_is_said_is_one_line_as_it_is(text, capsys):
    with ProgressBar("ring, [packed]", 100) as bar:
        bar.say(text)
    assert printed(capsys) == [f"ring, [packed]: {text}"]


def test_silence_is_silent(capsys):
    with Silence() as silence:
        silence.say("a word")
        silence.advance(1, 10)
    assert printed(capsys) == []
