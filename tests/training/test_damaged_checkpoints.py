"""Damaged checkpoints: never other numbers, never deleted, and the run goes on."""

import gc
import os
import shutil
from pathlib import Path

import pytest

from jaxgen.training.checkpoints import Checkpoints
from saved_states import alone, require_same, state_at, wanted, write


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run" / "checkpoints"


@pytest.fixture
def leftovers():
    yield
    gc.collect()


def damaging(test):
    """Of a read that fails, orbax leaves the other parts unawaited, which Python tells."""
    unawaited = "ignore::pytest.PytestUnraisableExceptionWarning"
    return pytest.mark.usefixtures("leftovers")(
        pytest.mark.filterwarnings(unawaited)(test)
    )


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def damage_numbers(checkpoint: Path) -> None:
    """Cuts short all that holds numbers."""
    files = [path for path in checkpoint.rglob("*") if path.is_file()]
    large = [path for path in files if path.stat().st_size > 1000]
    assert large
    for file in large:
        cut(file)


@damaging
def test_a_broken_checkpoint_is_moved_aside_and_the_one_before_is_used(folder):
    write(folder, [1, 2, 3], alone())
    damage_numbers(folder / "3")
    with Checkpoints(folder) as checkpoints:
        with pytest.warns(UserWarning, match=r"checkpoint 3 cannot be read .* from 2"):
            state, position = checkpoints.restore(wanted(alone()))
        require_same(state, state_at(2))
        assert position == 20
        aside = folder.parent / "unreadable" / "3"
        assert (aside / "state").is_dir() and not (folder / "3").exists()
        assert checkpoints.steps() == [1, 2]
        checkpoints.save(state_at(3), position=30)
        checkpoints.wait()
        require_same(checkpoints.restore(wanted(alone())).state, state_at(3))


@damaging
def test_a_step_that_breaks_twice_is_kept_twice(folder):
    for _ in range(2):
        write(folder, [1, 2], alone())
        damage_numbers(folder / "2")
        with Checkpoints(folder) as checkpoints, pytest.warns(UserWarning, match="2"):
            assert checkpoints.restore(wanted(alone())).position == 10
    aside = folder.parent / "unreadable"
    assert sorted(path.name for path in aside.iterdir()) == ["2", "2+"]


@damaging
@pytest.mark.filterwarnings("ignore:checkpoint 2 cannot be read")
@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_whatever_file_is_damaged_no_other_numbers_come_back(folder, damage):
    write(folder, [1, 2], alone())
    files = [path for path in (folder / "2").rglob("*") if path.is_file()]
    positions = []
    for number, file in enumerate(files):
        copy = folder.parent / str(number) / "checkpoints"
        shutil.copytree(folder, copy)
        damage(copy / file.relative_to(folder))
        with Checkpoints(copy) as checkpoints:
            state, position = checkpoints.restore(wanted(alone()))
        assert position in (10, 20), file
        require_same(state, state_at(position // 10))
        positions.append(position)
    assert positions.count(10) > 3


@damaging
def test_where_all_are_broken_nothing_is_moved(folder):
    write(folder, [1, 2], alone())
    for step in ("1", "2"):
        damage_numbers(folder / step)
    with (
        Checkpoints(folder) as checkpoints,
        pytest.raises(OSError, match=rf"{folder}: none of .*\[1, 2\] can be read"),
    ):
        checkpoints.restore(wanted(alone()))
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]
    assert not (folder.parent / "unreadable").exists()


def test_a_damage_without_words_is_told_by_its_name(folder, monkeypatch):
    write(folder, [1, 2], alone())
    with Checkpoints(folder) as checkpoints:
        read = checkpoints._read

        def wordless(step, shapes):
            if step == 2:
                raise AssertionError
            return read(step, shapes)

        monkeypatch.setattr(checkpoints, "_read", wordless)
        with pytest.warns(UserWarning, match="AssertionError"):
            assert checkpoints.restore(wanted(alone())).position == 10
