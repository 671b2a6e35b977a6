"""Killed for real, at moments nobody chose, a run still ends with the same bits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from wanderers import told

CHILD = Path(__file__).with_name("killed_child.py")
ROOT = CHILD.parents[2]


def start(folder, hold: int = -1) -> subprocess.Popen:
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    return subprocess.Popen(
        (sys.executable, str(CHILD), str(folder), str(hold)),
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(child: subprocess.Popen) -> tuple[int, str]:
    out, err = child.communicate(timeout=120)
    assert child.returncode in (0, 42), err
    return child.returncode, out.splitlines()[-1]


def entries(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


def whole(folder: Path) -> set[str]:
    return {name for name in entries(folder / "checkpoints") if name.isdigit()}


def saving(folder: Path) -> bool:
    return any("tmp" in name for name in entries(folder / "checkpoints"))


def lines(folder: Path) -> int:
    record = folder / "record.jsonl"
    return record.read_bytes().count(b"\n") if record.exists() else 0


def wait_for(condition, child: subprocess.Popen, patience: float = 120) -> bool:
    deadline = time.monotonic() + patience
    while not condition() and time.monotonic() < deadline:
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.001)
    return condition()


def interrupt(folder, sent: signal.Signals, rng, hold: int, in_a_save: bool):
    """Starts the run, lets it save at least once more, and interrupts it."""
    before, told_before = whole(folder), lines(folder)
    more = int(rng.integers(1, 6))
    child = start(folder, hold)
    assert wait_for(lambda: whole(folder) - before, child)
    assert wait_for(lambda: lines(folder) >= told_before + more, child)
    if in_a_save:
        wait_for(lambda: saving(folder), child, patience=3)
    else:
        time.sleep(rng.uniform(0, 0.02))
    child.send_signal(sent)
    return child


def test_killed_thrice_and_stopped_once_a_run_ends_with_the_same_bits(tmp_path):
    unbroken, folder = tmp_path / "unbroken", tmp_path / "broken"
    code, words = ended(start(unbroken))
    assert code == 0 and words.startswith("finished: ")

    rng = np.random.default_rng(0)
    for hold, in_a_save in ((13, False), (26, True), (39, False)):
        child = interrupt(folder, signal.SIGKILL, rng, hold, in_a_save)
        child.communicate()
        assert child.returncode == -signal.SIGKILL
        assert whole(folder)

    stopped = ended(interrupt(folder, signal.SIGTERM, rng, 52, False))
    step = told(folder)[-1]["step"]
    assert stopped == (42, f"stopped: saved at step {step}")
    assert str(step) in whole(folder)

    assert ended(start(folder)) == (0, words)
    assert told(folder) == told(unbroken)
    assert not saving(folder)
