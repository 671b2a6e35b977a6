"""Runs of real processes that are killed, stopped and damaged, and end the same."""

import random
from collections import Counter
from pathlib import Path

import pytest

from tpu.chaos import Struck, Try, after, agreeing, main, planned, require_within, table
from tpu.evidence import compared, evidence
from tpu.faults import ELASTIC, KINDS, Fault, aftermath, drawn, parsed


def test_a_run_that_is_killed_stopped_and_damaged_ends_the_same(capsys):
    """Two processes, four attempts: one is asked to stop, a bit flips, devices come."""
    code = main(["--chaos", "term:1@8,flip@21,more@30"])
    told = capsys.readouterr().out
    assert code == 0, told
    assert "term:1@8 -> (42, 42)" in told
    assert "flip@21 -> (137, 137) checkpoints/" in told
    assert "more@30 -> (137, 137)" in told
    assert "run 0: the same result" in told


def test_a_fault_that_never_came_is_told(tmp_path):
    """By a run that was over, and by a checkpoint that is the only one."""
    over = after(Fault("kill", 1000), (0, 0), False, tmp_path, random.Random(0))
    alone = after(Fault("flip", 3), (137, 137), True, tmp_path, random.Random(0))
    assert over.outcome == "too late to strike"
    assert alone.outcome == "with nothing to damage"
    soft = after(Fault("kill", 3), (1, 1), True, tmp_path, random.Random(0))
    assert soft.outcome == "WRONG"
    told = table(Counter({("kill", one.outcome): 1 for one in (over, alone, soft)}))
    assert "0 as it must be, 1 WRONG, 1 too late to strike, 1 with nothing" in told


def test_every_kind_can_be_said_and_is_drawn():
    for kind in KINDS:
        assert parsed(f"{kind}@7") == Fault(kind, 7)
        assert parsed(str(Fault(kind, 7, 1))) == Fault(kind, 7, 1)
    faults = [drawn(random.Random(seed), 2, 40) for seed in range(60)]
    kinds = {fault.kind for plan in faults for fault in plan}
    assert kinds == set(KINDS)
    assert not any(fault.kind in ELASTIC for plan in faults for fault in plan[:-1])
    assert all(list(plan) == sorted(plan, key=lambda one: one.step) for plan in faults)


@pytest.mark.parametrize("text", ["kill", "kill@", "kil@3", "kill:x@3", "kill@-1"])
def test_other_words_are_no_fault(text, capsys):
    assert main(["--chaos", text]) == 2
    assert f"fault {text!r}: expected KIND@STEP" in capsys.readouterr().err


def test_as_many_faults_as_asked_for_are_planned():
    plans = planned(Try(random=100, seed=3))
    assert sum(map(len, plans)) >= 100
    assert plans == planned(Try(random=100, seed=3))


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--processes", "0"], "--processes 0: expected 1 or more"),
        (["--devices", "-1"], "--devices -1: expected 1 or more"),
        (["--random", "-3"], "--random -3: expected 0 or more"),
        (["--patience", "nan"], "--patience nan: expected more than 0"),
        (["--chaos", "kill:2@3"], "fault kill:2@3: expected a process below 2"),
        (["experiments.mode_colapse"], "did you mean experiments.mode_collapse?"),
        (["no.such"], "module 'no.such' is unknown"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_a_line(arguments, told, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1


def test_a_step_beyond_the_end_is_refused():
    require_within([(Fault("kill", 40),)], 40)
    with pytest.raises(ValueError, match="kill@41: the records end at 40 steps"):
        require_within([(Fault("kill", 40), Fault("kill", 41))], 40)


def test_what_was_told_before_devices_changed_must_be_the_same_to_the_bit(tmp_path):
    whole = evidence(record(tmp_path / "whole", [1.0, 0.5]))
    struck = Struck(Fault("more", 1), (137,), "", "", False)
    part = {"record.jsonl step 0": {"step": 0, "loss": 1.0}}
    assert agreeing(struck, whole, part) == struck
    part["record.jsonl step 1"] = {"step": 1, "loss": 0.5000001}
    assert agreeing(struck, whole, part).wrong == "record.jsonl step 1 differs"


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
    run = record(tmp_path / "run", [1.0])
    for step in (5, 10):
        state = run / "checkpoints" / str(step) / "state"
        state.mkdir(parents=True)
        (state / "numbers").write_bytes(bytes(100))
    for kind in ("cut", "flip"):
        before = (run / "checkpoints/10/state/numbers").read_bytes()
        told = aftermath(Fault(kind, 3), tmp_path, random.Random(0))
        assert told == "run/checkpoints/10/state/numbers"
        assert (tmp_path / told).read_bytes() != before
    assert (run / "checkpoints/5/state/numbers").read_bytes() == bytes(100)


@pytest.mark.slow
@pytest.mark.parametrize(
    "module, arguments, chaos",
    [
        ("mode_collapse", "tiny --parts mixtures", "kill@22,term@60"),
        ("domain_generalization", "tiny --parts diversity", "kill@2,term@3"),
    ],
)
def test_an_experiment_of_several_processes_ends_the_same(
    module, arguments, chaos, capsys
):
    wish = ["--patience", "300", "--limit", "600", "--chaos", chaos, "--"]
    code = main([f"experiments.{module}", *wish, *arguments.split()])
    told = capsys.readouterr().out
    assert code == 0, told
    assert "run 0: the same result" in told
