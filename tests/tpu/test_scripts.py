"""The scripts that machines run, run here: lives, deaths, deadlines, hostile words."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from test_plans import HOSTILE

from tpu.actions import Command
from tpu.job import Job
from tpu.startup import startup_script

FOLDER = Path(__file__).parents[2] / "tpu"
FAR = "4000000000"


def host(verb: str, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["bash", str(FOLDER / "host.sh"), verb, str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"GRACE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "code").mkdir()
    yield tmp_path
    host("stop", tmp_path)


def code_of(folder: Path) -> str:
    return host("code", folder).removeprefix("code=")


def lines_of_processes() -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            found.append(file.read_text())
    return found


def awaited(folder: Path, unlike: str = "running") -> str:
    for _ in range(200):
        code = code_of(folder)
        if code != unlike:
            return code
        time.sleep(0.02)
    raise AssertionError(code)


@pytest.mark.parametrize("name", ["host.sh", "startup.sh"])
def test_scripts_are_bash(name):
    subprocess.run(["bash", "-n", str(FOLDER / name)], check=True)


def test_a_program_is_started_and_its_end_is_told(folder):
    assert code_of(folder) == "none"
    words = (
        'import sys, os; print(sys.argv[1:], os.environ["JOB_FOLDER"]); sys.exit(42)'
    )
    host("start", folder, FAR, sys.executable, "-c", words, *HOSTILE)
    assert awaited(folder) == "42"
    told = host("logs", folder, "10")
    assert told == f"{list(HOSTILE)} {folder}"
    host("start", folder, FAR, "true")
    assert awaited(folder) == "0"


def test_stopping_asks_first_and_insists_after(folder):
    counting = "n=40; trap 'n=$((n+1)); end=1' TERM; echo ready; "
    heeding = counting + 'until [ -n "$end" ]; do sleep 0.05; done; sleep 0.3; exit $n'
    deaf = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    for program, expected in ((heeding, "41"), (deaf, "137")):
        (folder / "log").unlink(missing_ok=True)
        host("start", folder, FAR, "bash", "-c", program)
        while "ready" not in (folder / "log").read_text():
            time.sleep(0.02)
        assert code_of(folder) == "running"
        host("stop", folder)
        assert awaited(folder) == expected


def test_starting_again_ends_what_runs(folder):
    host("start", folder, FAR, "sleep", "1000")
    first = (folder / "pid").read_text().split()[0]
    host("start", folder, FAR, "true")
    assert awaited(folder) == "0"
    groups = [line.split(") ")[-1].split() for line in lines_of_processes()]
    assert first not in [group for state, _, group, *_ in groups if state != "Z"]


def test_a_number_that_another_process_has_by_now_is_not_the_program(folder):
    """As after a machine has started again: nothing runs, and nobody is killed."""
    other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        (folder / "pid").write_text(f"{other.pid} 1\n")
        assert code_of(folder) == "137"
        host("stop", folder)
        assert other.poll() is None
        began = Path(f"/proc/{other.pid}/stat").read_text().split(") ")[-1].split()[19]
        (folder / "pid").write_text(f"{other.pid} {began}\n")
        assert code_of(folder) == "running"
    finally:
        other.kill()
        other.wait()


def installed(folder: Path, version: str, *arguments: str) -> tuple[str, str]:
    """What install says where uv only writes down its words, and Python its version."""
    tools, venv = folder / "tools", folder / "venv" / "bin"
    for path in (tools, venv, folder / "code" / "locks"):
        path.mkdir(parents=True, exist_ok=True)
    for lock in ("py3.11", "py3.12"):
        (folder / "code" / "locks" / f"{lock}.txt").write_text(f"of {lock}\n")
    said = f"import sys; sys.version_info = {version}; exec(sys.argv[1])"
    scripts = {
        tools / "uv": 'echo uv "$@" >&2',
        tools / "mountpoint": "exit 0",
        venv / "python": f'exec {sys.executable} -c "{said}" "$2"',
    }
    for path, body in scripts.items():
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder)}
    words = ["bash", str(FOLDER / "host.sh"), "install", str(folder), *arguments]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    return done.stdout, done.stderr


def test_the_lock_is_that_of_the_python_there_and_versions_are_told(folder):
    for version, lock in ("(3, 11)", "py3.11"), ("(3, 13)", "py3.12"):
        said, words = installed(folder, version, "tpu")
        assert (folder / "pins").read_text() == f"of {lock}\n", words
        assert said.startswith("installed: Python 3.") and ", jax 0." in said, words
        assert f"-c {folder}/pins {folder}/code[tpu]" in words
    said, words = installed(folder, "(3, 10)", "tpu")
    assert said == "" and "expected 3.11 or newer" in words


def test_each_job_has_a_folder_in_the_bucket(folder):
    mount = folder / "mount"
    mount.mkdir()
    _, words = installed(folder, "(3, 12)", "tpu", str(mount), "runs/ring")
    assert os.readlink(folder / "code" / "runs") == f"{mount}/runs/ring", words
    assert (mount / "runs" / "ring").is_dir()


def test_the_deadline_ends_the_program(folder):
    host("start", folder, str(int(time.time()) + 2), "sleep", "1000")
    assert code_of(folder) == "running"
    for _ in range(100):
        if code_of(folder) != "running":
            break
        time.sleep(0.1)
    assert code_of(folder) == "143"
    host("start", folder, str(int(time.time()) - 1), "true")
    assert awaited(folder) == "1"
    assert "the deadline is past" in host("logs", folder, "1")


def started(script: str, state: Path) -> str:
    """Runs a startup script where systemd and gcsfuse only write down their words."""
    tools = state.parent / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("systemd-run", "gcsfuse", "mountpoint", "mkdir"):
        body = f'echo {name} "$@" >> {state.parent}/told; '
        body += (
            f'[ "$1" != /mnt/jaxgen ] && {shutil.which("mkdir")} "$@"'
            if name == "mkdir"
            else ""
        )
        body += "exit 1" if name == "mountpoint" else ""
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "STATE_FOLDER": str(state)}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True)
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    told = (state.parent / "told").read_text()
    (state.parent / "told").unlink()
    return told


def test_a_machine_sets_its_deadline_once(tmp_path):
    job = Job("ring", ("-m", "x"), bucket="gs://my-bucket")
    owned = tmp_path / "owned"
    deletion = Command(("gcloud", "delete", f"$(touch {owned})", "it's"))
    script, state = startup_script(job, 3600, deletion), tmp_path / "state"
    first = started(script, state)
    assert (
        "systemd-run --unit=jaxgen-deadline --on-active=3600s" in first
        or "=3599s" in first
    )
    assert "gcsfuse -o allow_other" in first and "my-bucket /mnt/jaxgen" in first
    (state / "deadline").write_text(str(int(time.time()) + 100))
    assert "--on-active=100s" in (again := started(script, state)) or "=99s" in again
    (state / "deadline").write_text("1")
    assert "--on-active=1s" in started(script, state)
    deleting = (state / "delete.sh").read_text()
    assert f"\n{deletion} && break\n" in deleting and "shutdown -h now" in deleting
    subprocess.run(["bash", "-n", str(state / "delete.sh")], check=True)
    assert not owned.exists()
