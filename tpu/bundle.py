"""Which files of a folder are sent to machines: no secrets, nothing large."""

import fnmatch
import gzip
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LARGEST = 2 * 2**20
"""Bytes of a file that is still sent."""

SECRET_FOLDERS = ("*secret*", "*credential*", "*password*")

UNSENT_FOLDERS = (
    ".*",
    "__pycache__",
    "runs",
    "dist",
    "build",
    "venv",
    "node_modules",
    "*.egg-info",
)

SECRET_NAMES = (
    ".*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.kdbx",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*credential*",
    "*secret*",
    "*password*",
    "*service?account*",
    "*.token",
    "token",
    "kubeconfig*",
    "*.env",
    "*.ppk",
    "*_netrc",
    "kaggle.json",
    "*.tfstate*",
    "*.tfvars",
)

# words are parted, or this file would hold what it looks for
SECRET_TEXTS = re.compile(
    b"|".join(
        (
            rb"-----BEGIN [A-Z ]*PRIVATE" + rb" KEY( BLOCK)?-----",
            rb'"type": *"service' + rb'_account"',
            rb'"type": *"authorized' + rb'_user"',
            rb'"refresh' + rb'_token" *:',
            rb"\bAKIA[0-9A-Z]{16}\b",
            rb"\bgh[pousr]_[A-Za-z0-9]{36}",
            rb"\bgithub_pat_[A-Za-z0-9_]{40}",
            rb"\bhf_[A-Za-z0-9]{30}",
            rb"\bsk-[A-Za-z0-9_-]{32}",
            rb"\bxox[baprs]-[A-Za-z0-9-]{20}",
            rb"\bAIza[0-9A-Za-z_-]{35}\b",
        )
    )
)


class Bundle(NamedTuple):
    """What is sent, and what is not.

    Attributes:
      sent: files, named from the folder.
      left_out: files and folders, each with the reason.
    """

    sent: tuple[str, ...]
    left_out: dict[str, str]


def bundle(folder: Path) -> Bundle:
    """Looks at every file of a folder, and never through a link.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> for name in ("a.py", ".env"): _ = (folder / name).write_text("x = 1")
      >>> bundle(folder)
      Bundle(sent=('a.py',), left_out={'.env': 'named like a secret'})
    """
    found = {name: reason_against(folder / name) for name in sorted(_entries(folder))}
    return Bundle(
        tuple(name for name, reason in found.items() if not reason),
        {name: reason for name, reason in found.items() if reason},
    )


def reason_against(path: Path) -> str | None:
    """Why a file or folder is not sent, if there is a reason."""
    if path.is_symlink():
        return "a link"
    if path.is_dir():
        secret = _like(path.name.lower(), SECRET_FOLDERS)
        return "named like a secret" if secret else "a folder that is not sent"
    if not path.is_file():
        return "neither file nor folder"
    if _like(path.name.lower(), SECRET_NAMES):
        return "named like a secret"
    if path.stat().st_size > LARGEST:
        return f"larger than {LARGEST // 2**20} MiB"
    try:
        text = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "holds a secret" if SECRET_TEXTS.search(text) else None


def pack(folder: Path, archive: Path) -> Bundle:
    """Writes the archive of what is sent; the same files make the same bytes."""
    found = bundle(folder)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        gzip.GzipFile(archive, "wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as file,
    ):
        for name in found.sent:
            file.add(folder / name, name, recursive=False, filter=_nobody)
    return found


def _entries(folder: Path) -> Iterator[str]:
    """Files, links, and the folders that are not entered, named from the folder."""
    for place, folders, files in os.walk(folder):
        here = Path(place)
        for name in files:
            yield str((here / name).relative_to(folder))
        for name in list(folders):
            unsent = _like(name, UNSENT_FOLDERS) or _like(name.lower(), SECRET_FOLDERS)
            if unsent or (here / name).is_symlink():
                folders.remove(name)
                yield str((here / name).relative_to(folder))


def _like(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
