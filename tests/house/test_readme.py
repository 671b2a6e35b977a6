"""The README's examples run: the first from the wheel, where nothing else is."""

import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(
    r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
)
FAMILY = "py3.11" if sys.version_info[:2] == (3, 11) else "py3.12"


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_runs_the_first_example_in_an_empty_environment(tmp_path):
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        tmp_path,
        cwd=ROOT,
    )
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    pinned = tmp_path / "constraints.txt"
    lock = (ROOT / "locks" / f"{FAMILY}.txt").read_text()
    pinned.write_text(re.sub(r" \\\n( +--hash=\S+( \\)?\n)+", "\n", lock))
    run(
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-compile",
        "-c",
        pinned,
        wheel,
        cwd="/",
    )
    (tmp_path / "example.py").write_text(EXAMPLES[0])
    assert run(python, "example.py", cwd=tmp_path) == "300 (4,)\n"


def test_the_other_examples_run():
    for example in EXAMPLES[1:]:
        exec(compile(example, "README.md", "exec"), {})


def test_every_command_of_the_readme_exists():
    text = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"`?make (\w+)`?", text)) - {"make"}
    known = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets <= known
    for module in set(re.findall(r"python -m (experiments[\w.]+)", text)):
        run(sys.executable, "-m", module, "--help", cwd=ROOT)


def test_every_picture_of_the_readme_is_there():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture
