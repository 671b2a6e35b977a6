"""The folder of a run: whose it is, and that one process at a time writes there."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from jaxgen.training.processes import is_first, the_firsts

SETTINGS, DRAFT, LOCK = "settings.json", "settings.draft", ".lock"


@contextmanager
def run_directory(path: Path, settings: Mapping[str, Any]) -> Iterator[Path]:
    """Holds the folder of the run that has these settings.

    A new folder becomes the run's; the folder of the same run is continued. Nothing is
    ever overwritten: another run's folder, or one with other files, is refused. Of
    several processes of one run the first holds it for all, and the others wait until
    it does.

    Args:
      path: the folder, made if absent.
      settings: what decides the run's results, as JSON could hold it.

    Raises:
      ValueError: the folder belongs to other settings (the differences are listed), or
        holds files of something else.
      OSError: it cannot be written, or another process is running there.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp()) / "run"
      >>> with run_directory(folder, {"steps": 100}): pass
      >>> with run_directory(folder, {"steps": 200}): pass
      Traceback (most recent call last):
      ...
      ValueError: ...
        steps: 100 there, 200 here
      ...
    """
    with ExitStack() as held:
        if is_first():
            try:
                held.enter_context(_held(path, settings))
            except (ValueError, OSError):
                the_firsts(False)
                raise
        if not the_firsts(True):
            raise OSError(f"run directory {path}: the first process may not have it")
        yield path


@contextmanager
def _held(path: Path, settings: Mapping[str, Any]) -> Iterator[None]:
    ours = json.loads(json.dumps(settings))
    _require_ours(path, ours)
    with _told_of(path):
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / LOCK, os.O_CREAT | os.O_RDWR)
    try:
        with _told_of(path):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _require_ours(path, ours)  # another may have come first by a moment
        with _told_of(path):
            _write_once(path / SETTINGS, json.dumps(ours, indent=2) + "\n")
        yield
    finally:
        os.close(lock)


def differences(there: Any, here: Any, name: str = "") -> list[str]:
    """Where two settings differ, one line for each place.

    Example:
      >>> differences({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}})
      ['b.c: 2 there, 3 here']
    """
    if isinstance(there, dict) and isinstance(here, dict):
        return [
            line
            for key in sorted(there.keys() | here.keys())
            for line in differences(
                there.get(key, "nothing"),
                here.get(key, "nothing"),
                f"{name}.{key}" if name else key,
            )
        ]
    return [] if there == here else [f"{name}: {there} there, {here} here"]


def _require_ours(path: Path, settings: dict[str, Any]) -> None:
    if not path.is_dir() or not any(path.iterdir()):
        return
    try:
        there = json.loads((path / SETTINGS).read_text())
    except (FileNotFoundError, ValueError):
        if {entry.name for entry in path.iterdir()} <= {LOCK, DRAFT}:
            return  # a start that was cut short
        raise ValueError(
            f"run directory {path}: it holds files, and no {SETTINGS} that says of "
            "which run; choose another, or a new one"
        ) from None
    lines = differences(there, settings)
    if lines:
        listing = "\n".join(f"  {line}" for line in lines)
        raise ValueError(
            f"run directory {path} belongs to a run with other settings:\n{listing}\n"
            "Choose another directory, or the settings it was made with"
        )


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError as error:
        raise OSError(
            error.errno, f"run directory {path}: another process is running there"
        ) from error
    except OSError as error:
        raise OSError(
            error.errno,
            f"run directory {path}: {error.strerror or error}; choose another",
        ) from error


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        draft = path.with_name(DRAFT)
        draft.write_text(text)
        draft.rename(path)
