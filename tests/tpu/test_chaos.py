"""Runs of real processes that are killed, stopped and damaged, and end the same."""

import random
from collections import Counter
from pathlib import Path

import pytest

from tpu.chaos import Try, after, compared, main, planned, table
from tpu.faults import KINDS, Fault, aftermath, drawn, parsed


def test_a_run_that_is_killed_stopped_and_damaged_ends_the_same(capsys):
    """Two processes, three attempts: one is killed, one asked to stop, and a bit flips."""
    code = main(["--chaos", "term:1@8,flip@21"])
    told = capsys.readouterr().out
    assert code == 0, told
    assert "term:1@8 -> (42, 42)" in told
    assert "flip@21 -> (137, 137) checkpoints/" in told
    assert "run 0: the same result" in told


def test_a_fault_that_never_came_is_told(tmp_path):
    """By a run that was over, and by a checkpoint that is the only one."""
    over = after(Fault("kill", 1000), (0, 0), False, tmp_path, random.Random(0))
    alone = after(Fault("flip", 3), (137, 137), True, tmp_path, random.Random(0))
    assert over.outcome == alone.outcome == "too late to strike"
    soft = after(Fault("kill", 3), (1, 1), True, tmp_path, random.Random(0))
    assert soft.outcome == "WRONG"
    told = table(Counter({("kill", one.outcome): 1 for one in (over, soft)}))
    assert "0 as it must be, 1 WRONG, 1 too late to strike" in told


def test_every_kind_can_be_said_and_is_drawn():
    for kind in KINDS:
        assert parsed(f"{kind}@7") == Fault(kind, 7)
        assert parsed(str(Fault(kind, 7, 1))) == Fault(kind, 7, 1)
    faults = [drawn(random.Random(seed), 2, 40) for seed in range(60)]
    kinds = {fault.kind for plan in faults for fault in plan}
    assert kinds == set(KINDS) - {"fewer", "more"}
    assert all(list(plan) == sorted(plan, key=lambda one: one.step) for plan in faults)


@pytest.mark.parametrize("text", ["kill", "kill@", "kil@3", "kill:x@3", "kill@-1"])
def test_other_words_are_no_fault(text, capsys):
    assert main(["--chaos", text]) == 2
    assert f"fault {text!r}: expected KIND@STEP" in capsys.readouterr().err


def test_as_many_faults_as_asked_for_are_planned():
    plans = planned(Try(random=100, seed=3))
    assert sum(map(len, plans)) >= 100
    assert plans == planned(Try(random=100, seed=3))


def record(folder: Path, losses, bits="a") -> Path:
    folder.mkdir()
    lines = [
        f'{{"step": {step}, "loss": {loss}, "wall_time": {step}}}\n'
        for step, loss in enumerate(losses)
    ]
    (folder / "record.jsonl").write_text("".join(lines))
    (folder / "final.json").write_text(f'{{"bits": "{bits}", "params": [1.0, 2.0]}}')
    return folder


def test_differences_are_seen(tmp_path):
    first = record(tmp_path / "first", [1.0, 0.5])
    assert compared(first, record(tmp_path / "same", [1.0, 0.5]), True) == ""
    near = record(tmp_path / "near", [1.0, 0.50001], bits="b")
    assert compared(first, near, True) == "record.jsonl step 1 differs"
    assert compared(first, near, False) == ""
    far = record(tmp_path / "far", [1.0, 0.6])
    assert "differs by more than" in compared(first, far, False)
    short = record(tmp_path / "short", [1.0])
    assert "other files" in compared(first, short, True)
    other = record(tmp_path / "other", [1.0, 0.5], bits="b")
    assert compared(first, other, True) == "final.json differs"


def test_damages_change_the_newest_checkpoint_and_no_other(tmp_path):
    for step in (5, 10):
        state = tmp_path / "checkpoints" / str(step) / "state"
        state.mkdir(parents=True)
        (state / "numbers").write_bytes(bytes(100))
    for kind in ("cut", "flip"):
        before = (tmp_path / "checkpoints/10/state/numbers").read_bytes()
        told = aftermath(Fault(kind, 3), tmp_path, random.Random(0))
        assert told == "checkpoints/10/state/numbers"
        assert (tmp_path / told).read_bytes() != before
    assert (tmp_path / "checkpoints/5/state/numbers").read_bytes() == bytes(100)
