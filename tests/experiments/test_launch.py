"""The command line: presets, help, and what a wrong word is answered."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments.devices import device_environment
from experiments.launch import DONE, FAILED, PREEMPTED, launch
from jaxgen.training.preemption import Preempted

ROOT = Path(__file__).parents[2]
CLAIM = "experiments.mode_collapse.claim"


@dataclass(frozen=True)
class Toy:
    """A toy."""

    size: int = 1
    """Of the toy."""


PRESETS = {"laptop": Toy(), "paper": Toy(10)}


def ask(*arguments, run=lambda toy: f"size {toy.size}"):
    return launch(PRESETS, run, "A toy.", arguments=arguments)


def test_a_preset_is_the_first_word_and_options_change_it(capsys):
    assert ask() == DONE
    assert ask("paper") == DONE
    assert ask("paper", "--size", "3") == DONE
    assert capsys.readouterr().out == "size 1\nsize 10\nsize 3\n"


def test_an_unknown_preset_is_answered_with_its_neighbour(capsys):
    assert ask("papre") == FAILED
    assert "did you mean paper?" in capsys.readouterr().err


def test_an_unknown_option_is_answered_with_its_neighbour(capsys):
    with pytest.raises(SystemExit):
        ask("--sise", "3")
    assert "--size" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [ValueError, OSError, ImportError, FloatingPointError]
)
def test_what_a_user_can_mend_is_said_without_a_traceback(error, capsys):
    def run(toy):
        raise error("mend this")

    assert ask(run=run) == FAILED
    told = capsys.readouterr().err
    assert told.startswith("error: mend this")
    assert "Traceback" not in told


def test_a_fault_of_ours_keeps_its_traceback():
    def run(toy):
        raise KeyError("ours")

    with pytest.raises(KeyError):
        ask(run=run)


def test_a_preempted_run_asks_to_be_started_again(capsys):
    def run(toy):
        raise Preempted("saved at step 7")

    assert ask(run=run) == PREEMPTED
    assert "saved at step 7; the same command continues it" in capsys.readouterr().err


def test_devices_share_the_rows_evenly():
    for rows in range(1, 13):
        for cores in range(1, 9):
            count = int(device_environment(rows, cores)["JAX_NUM_CPU_DEVICES"])
            assert rows % count == 0
            assert count <= cores
            assert not any(rows % more == 0 for more in range(count + 1, cores + 1))


def test_help_does_not_wait_for_jax():
    code = f"import sys; import {CLAIM}; sys.exit('jax' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("module", ["experiments.mode_collapse", "tpu try"])
def test_a_reader_of_the_help_may_leave(module):
    reading, writing = os.pipe()
    os.close(reading)
    ask = [sys.executable, "-m", *module.split(), "--help"]
    found = subprocess.run(ask, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert found.returncode == 128 + signal.SIGPIPE and not found.stderr


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--seeds", "1"], "2 or more"),
        (["--mixtures.steps", "100", "--mixtures.dispatch", "30"], "dividing"),
        (["--mixtures.methods", "hinge", "hinge"], "each once"),
        (["--parts", "digits", "--digits.file", "/nowhere.npz"], "'/nowhere.npz'"),
        (["--out", "/dev/null/run"], "/dev/null/run"),
    ],
)
def test_wrong_input_is_refused_before_anything_runs(
    arguments, answer, tmp_path, capsys
):
    from experiments.mode_collapse import claim

    out = [] if "--out" in arguments else ["--out", str(tmp_path / "run")]
    try:
        code = launch(
            claim.PRESETS, claim.run, "", arguments=["tiny", *out, *arguments]
        )
    except SystemExit as stop:
        code = stop.code
    assert code
    assert answer in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
