"""How a program is started as one of many, watched, and how its end is told."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import pytest

from tpu import watching
from tpu.bootstrap import ALONE, code_of, left_alone, require_sane_slices
from tpu.exit_codes import verdict
from tpu.watching import Newest, Stillness

ROOT = Path(__file__).parents[2]


@pytest.fixture
def argv(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["before"])
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.mark.usefixtures("argv")
@pytest.mark.parametrize(
    "text, code",
    [
        ("import sys; assert sys.argv == ['-c', 'a b', '--x']", 0),
        ("import sys; sys.exit(42)", 42),
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit('words')", 1),
        ("raise ValueError('a fault')", 1),
    ],
)
def test_the_end_of_a_program_is_its_exit_code(text, code):
    assert code_of(("-c", text, "a b", "--x")) == code


@pytest.mark.usefixtures("argv")
def test_a_module_and_a_file_see_their_arguments(tmp_path):
    file = tmp_path / "program.py"
    file.write_text("import sys; sys.exit(len(sys.argv[1:]) + 50)")
    assert code_of((str(file), "a", "b")) == 52
    assert code_of(("-m", "this")) == 0


def test_who_is_left_alone_is_no_fault():
    for word in ALONE:
        assert left_alone(jax.errors.JaxRuntimeError(f"{word}: peer"))
    assert not left_alone(jax.errors.JaxRuntimeError("INVALID_ARGUMENT: shape"))
    assert not left_alone(jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: memory"))
    assert not left_alone(ValueError("UNAVAILABLE"))


@pytest.mark.parametrize(
    "count, index, wrong",
    [
        ("2", "2", "no such slice"),
        ("2", None, "two numbers"),
        ("x", "0", "two numbers"),
    ],
)
def test_numbers_of_slices_that_would_wait_for_ever_are_refused(count, index, wrong):
    given = {"MEGASCALE_NUM_SLICES": count, "MEGASCALE_SLICE_ID": index}
    with pytest.raises(ValueError, match=wrong):
        require_sane_slices({name: value for name, value in given.items() if value})
    require_sane_slices({})
    require_sane_slices({"MEGASCALE_NUM_SLICES": "2", "MEGASCALE_SLICE_ID": "1"})


@pytest.mark.parametrize(
    "codes, said",
    [
        ((0, 0), "done"),
        ((42, 42), "lost"),
        ((137, 134), "lost"),
        ((139, "running"), "lost"),
        ((0, "running"), "running"),
        (("none", "none"), "none"),
        (("none", "running"), "lost"),
        ((1, 134), "fault"),
        ((2, 0), "fault"),
    ],
)
def test_what_exit_codes_say(codes, said):
    assert verdict(codes) == said


def test_stillness_ends_with_every_new_line(tmp_path):
    now = [0.0]
    stillness = Stillness(Newest(tmp_path, 0.0), lambda: now[0])
    now[0] = 10.0
    assert stillness.seconds() == 10
    (tmp_path / "deep").mkdir()
    for moment in (20.0, 30.0):
        now[0] = moment
        with (tmp_path / "deep" / "record.jsonl").open("a") as file:
            file.write("{}\n")
        assert stillness.seconds() == 0
    now[0] = 37.0
    assert stillness.seconds() == 7


def test_a_record_that_grows_is_all_that_is_looked_at(tmp_path, monkeypatch):
    """Folders are searched once it is still, and then now and then."""
    now, searches, search = [0.0], [], watching.latest
    monkeypatch.setattr(
        watching, "latest", lambda at: searches.append(at) or search(at)
    )
    newest = Newest(tmp_path, 90.0, lambda: now[0])
    assert newest() is None and len(searches) == 1
    for name in ("first", "second"):
        now[0] += 90.0
        (tmp_path / name).mkdir()
        file = tmp_path / name / "record.jsonl"
        for lines in range(1, 4):
            file.write_text("{}\n" * lines)
            os.utime(file, (now[0] + lines,) * 2)
            assert newest() == (file, 3 * lines)
    assert len(searches) == 3
    now[0] += 80.0
    assert newest() == (file, 9) and len(searches) == 3
    now[0] += 10.0
    assert newest() == (file, 9) and len(searches) == 4


def test_who_hangs_tells_where_and_ends(tmp_path):
    text = f"""
        import time
        from pathlib import Path
        from tpu.watching import watch

        def stuck():
            time.sleep(60)

        watch(Path({str(tmp_path)!r}), patience=0.3)
        stuck()
    """
    program = [sys.executable, "-c", textwrap.dedent(text)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 134
    assert "no line in a record" in done.stderr and "in stuck" in done.stderr
