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


def test_a_tiny_run_tells_what_it_came_to(text, tmp_path):
    told = protocol.run(dataclasses.replace(TINY, out=tmp_path / "run", text=text))
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert [one["step"] for one in found["evaluations"]] == [2, 4]
    last = found["evaluations"][-1]["validation"]
    assert 1 < last < 6 and f"{last:.4f} nats" in told
    assert [len(row) for row in found["drawn"]] == [7, 7]
    assert found["published"] == 1.88


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
