"""What is sent to machines: the code; and what is not, by name and with the reason."""

import tarfile
from pathlib import Path

import pytest

from tpu.bundle import LARGEST, bundle, pack, reason_against

ROOT = Path(__file__).parents[2]
SENT = ("jaxgen/keys.py", "locks/py3.12.txt", "tokens.py", "README.md")


@pytest.fixture
def folder(tmp_path):
    for name in SENT:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        ".netrc",
        "deploy/server.pem",
        "id_ed25519",
        "ID_RSA",
        "application_default_credentials.json",
        "my-service-account.json",
        "client_secret_1.json",
        "hub.token",
        "kubeconfig.yaml",
        "prod.env",
        "main.tfstate.backup",
    ],
)
def test_what_is_named_like_a_secret_stays(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x")
    assert bundle(folder).left_out == {name: "named like a secret"}


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN OPENSSH PRIVATE" + " KEY-----\nb3Bl",
        '{"type": "service' + '_account", "project_id": "x"}',
        "key = 'AKIA" + "ABCDEFGHIJKLMNOP'",
        "token: ghp" + "_" + "a" * 36,
        "hf" + "_" + "b" * 34,
        "-----BEGIN PGP PRIVATE" + " KEY BLOCK-----\nlQ",
        '{"type": "authorized' + '_user", "client_id": "x"}',
        "github" + "_pat_" + "c" * 60,
    ],
)
def test_what_holds_a_secret_stays(folder, text):
    (folder / "settings.py").write_text(text)
    assert bundle(folder).left_out == {"settings.py": "holds a secret"}


@pytest.mark.parametrize("name", ["secrets", "Credentials", "my_passwords"])
def test_folders_that_are_named_like_secrets_are_not_entered(folder, name):
    (folder / name).mkdir()
    (folder / name / "x.txt").write_text("x")
    assert bundle(folder).left_out == {name: "named like a secret"}
    assert set(bundle(folder).sent) == set(SENT)


def test_folders_links_and_large_files_stay(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "passwords.txt").write_text("x")
    for name in (".git", ".venv-3.13", "runs", "jaxgen/__pycache__"):
        (folder / name).mkdir()
        (folder / name / "inside").write_text("x")
    (folder / "away").symlink_to(outside)
    (folder / "one").symlink_to(outside / "passwords.txt")
    (folder / "large.bin").write_bytes(b"0" * (LARGEST + 1))
    found = bundle(folder)
    assert set(found.sent) == set(SENT)
    assert found.left_out == {
        ".git": "a folder that is not sent",
        ".venv-3.13": "a folder that is not sent",
        "runs": "a folder that is not sent",
        "jaxgen/__pycache__": "a folder that is not sent",
        "away": "a link",
        "one": "a link",
        "large.bin": "larger than 2 MiB",
    }


def test_an_archive_holds_what_is_sent_and_tells_nobody_who_packed_it(folder):
    archive = folder / "runs" / "code.tar.gz"
    pack(folder, archive)
    with tarfile.open(archive) as file:
        assert set(file.getnames()) == set(SENT)
        assert {(entry.uid, entry.uname) for entry in file} == {(0, "")}


def test_this_very_project_can_be_sent():
    """All of its sources; the lists of secrets are not taken for secrets."""
    sources = [
        path
        for top in ("jaxgen", "experiments", "tpu", "locks", "tests/tpu")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert len(sources) > 300
    assert {str(path): why for path in sources if (why := reason_against(path))} == {}
