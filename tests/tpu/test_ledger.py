"""Where the seconds went: each counted once, whatever was interrupted."""

import json

import numpy as np
import pytest

from tpu.ledger import Event, events_of, ledger, main


def step(end, number):
    return Event(end, "step", 0.0, ("record", number))


TWO_ATTEMPTS = [
    Event(0, "start"),
    Event(8, "compile", 5),
    step(10, 0),
    step(12, 1),
    Event(15, "save", 1.5),
    step(16, 2),
    step(18, 3),  # made again
    Event(21, "save", 1.0),  # after which it was killed
    Event(50, "start"),
    Event(53, "restore", 2),
    step(54, 2.5),
    step(57, 3),
    step(59, 4),
]


def test_an_interrupted_run_by_hand():
    assert ledger(TWO_ATTEMPTS) == {
        "compile": 5,
        "start": 5 + 2,
        "productive": 2 + 2.5 + 3 + 2,
        "save": 2.5,
        "lost": 2 + 2,
        "waiting": 29,
        "restore": 2,
    }


def test_every_second_is_counted_once():
    rng = np.random.default_rng(0)
    for _ in range(50):
        ends = np.sort(rng.uniform(0, 100, size=30))
        events = [Event(-1.0, "start")]
        for end in ends:
            kind = rng.choice(["start", "step", "save", "compile", "restore"])
            number = ("record", int(rng.integers(10))) if kind == "step" else None
            seconds = 0.0 if kind in ("start", "step") else float(rng.uniform(0, 9))
            events.append(Event(float(end), str(kind), seconds, number))
        found = ledger([events[place] for place in rng.permutation(len(events))])
        assert sum(found.values()) == pytest.approx(ends[-1] + 1)
        assert min(found.values()) >= 0


def test_lines_are_read_and_told(tmp_path, capsys):
    (tmp_path / "a").mkdir()
    lines = ({"kind": "start", "end": 0.0, "seconds": 0.0},)
    (tmp_path / "ledger.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"ki')
    record = ({"step": 0, "wall_time": 5.0}, {"step": 1, "wall_time": 8.0})
    (tmp_path / "a" / "record.jsonl").write_text("\n".join(map(json.dumps, record)))
    assert len(events_of(tmp_path / "ledger.jsonl", tmp_path)) == 3
    assert main([str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "productive        3.0 s  37.5%" in told
    assert main([str(tmp_path / "a")]) == 2
    assert "no ledger" in (said := capsys.readouterr().err) and said.count("\n") == 1


def test_a_ledger_without_a_start_is_refused():
    with pytest.raises(ValueError, match="no start"):
        ledger([step(1, 1)])
