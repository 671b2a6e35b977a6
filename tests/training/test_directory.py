"""The folder of a run: continued by the same settings, refused to all others."""

import errno
import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jaxgen.training import directory
from jaxgen.training.directory import SETTINGS, differences, run_directory

OURS = {"steps": 100, "model": {"width": 8, "depth": 2}, "rates": (0.1, 0.2)}

HOLDER = """
import sys
from pathlib import Path
from jaxgen.training.directory import run_directory
with run_directory(Path(sys.argv[1]), {"steps": 100}):
    print("holding", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "run"


def contents(folder):
    """Every file of a folder, byte by byte."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def make(folder, settings, **files):
    with run_directory(folder, settings) as held:
        for name, text in files.items():
            (held / name).write_text(text)


def test_the_same_settings_continue(folder):
    make(folder, OURS, record="a line")
    before = contents(folder)
    make(folder, dict(reversed(OURS.items())) | {"rates": [0.1, 0.2]})
    assert contents(folder) == before
    assert before["record"] == b"a line"


def test_others_wait_for_the_first_and_heed_its_refusal(folder, monkeypatch):
    monkeypatch.setattr(directory, "is_first", lambda: False)
    for held in (True, False):
        monkeypatch.setattr(directory, "the_firsts", lambda ours, held=held: held)
        if held:
            make(folder, OURS)
        else:
            with pytest.raises(OSError, match="the first process may not have it"):
                make(folder, OURS)
    assert not folder.exists()


def test_other_settings_are_refused_with_every_difference(folder):
    make(folder, OURS, record="a line")
    before = contents(folder)
    other = {"steps": 200, "model": {"width": 16, "depth": 2}, "seed": 1}
    with pytest.raises(ValueError) as caught:
        make(folder, other)
    message = str(caught.value)
    assert str(folder) in message
    assert [line.strip() for line in message.splitlines() if "there" in line] == [
        "model.width: 8 there, 16 here",
        "rates: [0.1, 0.2] there, nothing here",
        "seed: nothing there, 1 here",
        "steps: 100 there, 200 here",
    ]
    assert contents(folder) == before


def test_differences_are_none_of_a_thing_to_itself():
    assert differences(OURS, OURS) == []


@pytest.mark.parametrize("name", ["thesis.tex", SETTINGS])
def test_a_folder_with_files_of_something_else_is_refused(folder, name):
    folder.mkdir(parents=True)
    (folder / name).write_text("forty pages")
    with pytest.raises(ValueError, match=rf"deep/run.*{SETTINGS}"):
        make(folder, OURS)
    assert contents(folder) == {name: b"forty pages"}


def test_an_empty_folder_will_do(folder):
    folder.mkdir(parents=True)
    make(folder, OURS)
    assert SETTINGS in contents(folder)


@pytest.mark.parametrize("left", [[], ["settings.draft"]])
def test_a_start_that_was_killed_can_be_repeated(folder, left):
    folder.mkdir(parents=True)
    for name in (".lock", *left):
        (folder / name).write_text("")
    make(folder, OURS)
    make(folder, OURS)


def test_a_second_process_is_refused_until_the_first_is_gone(folder):
    command = (sys.executable, "-c", HOLDER, str(folder))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, **pipes) as holder:
        assert holder.stdout.readline() == "holding\n"
        with pytest.raises(
            OSError, match=r"deep/run.*another process is running there"
        ):
            make(folder, {"steps": 100})
        holder.send_signal(signal.SIGKILL)
    make(folder, {"steps": 100})


def test_a_start_that_failed_lets_go_of_the_folder(folder):
    folder.mkdir(parents=True)
    draft = folder / "settings.draft"
    draft.symlink_to("/dev/full")
    with pytest.raises(OSError, match="deep/run") as caught:
        make(folder, OURS)
    assert caught.value.errno == errno.ENOSPC
    draft.unlink()
    make(folder, OURS)


def test_a_run_that_came_first_by_a_moment_keeps_its_folder(folder, monkeypatch):
    def another_was_faster(*_):
        (folder / SETTINGS).write_text('{"steps": 7}')

    monkeypatch.setattr(fcntl, "flock", another_was_faster)
    with pytest.raises(ValueError, match="steps: 7 there, 100 here"):
        make(folder, {"steps": 100})


def test_a_path_under_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("kept")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(OSError, match=f"run directory {path}: .*choose another"):
            make(path, OURS)
    assert contents(tmp_path) == {"file": b"kept"}


def test_a_path_that_cannot_be_written_is_refused():
    path = Path("/proc/nowhere/run")
    with pytest.raises(OSError, match=f"run directory {path}: .*choose another"):
        make(path, OURS)
