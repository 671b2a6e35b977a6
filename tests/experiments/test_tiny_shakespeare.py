"""The small model of Shakespeare: its text is cut as told, and its loss as published."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.tiny_shakespeare import protocol
from experiments.tiny_shakespeare.training import text_of
from tpu.cluster import Cluster
from tpu.evidence import compared

TINY = protocol.PRESETS["tiny"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(
        "To be, or not to be: that is the question.\n" * 9, encoding="utf-8"
    )
    return path


def test_the_last_tenth_is_told_but_once(text):
    found, whole = text_of(text, 8), text.read_text()
    assert len(found.train) == int(0.9 * len(whole))
    said = "".join(found.letters[x] for x in found.train)
    told = "".join(found.letters[x] for x in found.rows[:, 1:].ravel())
    assert whole.startswith(said)
    rest = whole[len(said) :]
    assert rest[1:].startswith(told) and len(rest) - 1 - len(told) < 8
    np.testing.assert_array_equal(found.rows[1:, 0], found.rows[:-1, -1])


@pytest.fixture(scope="module")
def alone(text, tmp_path_factory):
    """The folder of a run of one process, and what it said."""
    out = tmp_path_factory.mktemp("alone") / "run"
    return out, protocol.run(dataclasses.replace(TINY, out=out, text=text))


def test_a_tiny_run_tells_what_it_came_to(alone):
    out, told = alone
    found = json.loads((out / "results.json").read_text())
    assert [one["step"] for one in found["evaluations"]] == [2, 4]
    last = found["evaluations"][-1]["validation"]
    assert 1 < last < 6 and f"{last:.4f} nats" in told
    assert [len(row) for row in found["drawn"]] == [7, 7]
    assert found["published"] == 1.88


@pytest.mark.slow
def test_two_processes_come_to_the_same_and_the_first_tells(alone, text, tmp_path):
    """The batch is shared out over them, and is the same batch."""
    module, out = "experiments.tiny_shakespeare", tmp_path / "run"
    command = ("-m", module, "tiny", f"--text={text}", f"--out={out}")
    with Cluster(command, tmp_path, 2, 1, patience=300) as cluster:
        assert cluster.codes(300) == (0, 0), (tmp_path / "log").read_text()
    assert compared(alone[0], out, exact=False) == ""
    assert len((out / "record.jsonl").read_text().splitlines()) == 3


def test_a_text_that_was_changed_is_another_run(alone, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("x" * 500)
    with pytest.raises(ValueError, match="text: "):
        protocol.run(dataclasses.replace(TINY, out=alone[0], text=other))


def test_texts_and_settings_that_cannot_be_are_refused(text, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"--text .*karpathy/char-rnn"):
        text_of(tmp_path / "none.txt", 8)
    with pytest.raises(ValueError, match="more than 400 characters"):
        text_of(text, 40)
    with pytest.raises(ValueError, match="--every 3"):
        dataclasses.replace(TINY, every=3)


@pytest.mark.slow
def test_two_thousand_steps_reach_the_published_loss(tmp_path):
    """In a process of its own: here programs are compiled to be compiled soon."""
    path = Path("input.txt")
    if not path.is_file():
        pytest.skip(
            f"needs {path.absolute()}: data/tinyshakespeare/input.txt of "
            "github.com/karpathy/char-rnn, 1,115,394 bytes"
        )
    command = ["-m", "experiments.tiny_shakespeare", "--text", path, "--out", tmp_path]
    own = {name: x for name, x in os.environ.items() if name != "XLA_FLAGS"}
    subprocess.run([sys.executable, *map(str, command)], check=True, env=own)
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["evaluations"][-1]["step"] == 2_000
    assert found["evaluations"][-1]["validation"] <= protocol.PUBLISHED
