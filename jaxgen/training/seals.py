"""Seals of checkpoints: by digests of its files damage is seen before it is read."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

SEAL = "seal.json"


def seal(folder: Path) -> None:
    """Writes down what the files in the folders of a folder are."""
    (folder / SEAL).write_text(json.dumps(digests(folder), indent=0))


def broken_seal(folder: Path) -> str | None:
    """What has changed since the folder was sealed; None if nothing, or no seal.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> (folder / "state").mkdir()
      >>> file = folder / "state" / "numbers"
      >>> _ = file.write_bytes(b"123")
      >>> seal(folder)
      >>> broken_seal(folder)
      >>> _ = file.write_bytes(b"124")
      >>> broken_seal(folder)
      'state/numbers is not as it was saved'
    """
    if not (folder / SEAL).exists():
        return None
    try:
        then = json.loads((folder / SEAL).read_text())
    except ValueError:
        return f"{SEAL} cannot be read"
    now = digests(folder)
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            return f"{name} is not as it was saved"
    return None


def digests(folder: Path) -> dict[str, str]:
    """Of each file that lies in a folder of the folder; those beside are not told of."""
    return {str(file.relative_to(folder)): _digest(file) for file in _inner(folder)}


def _inner(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.parent != folder and path.is_file():
            yield path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
