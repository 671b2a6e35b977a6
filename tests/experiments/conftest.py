"""The tiny preset of a claim, run for real once for all tests of its module."""

import dataclasses
import json

import pytest


@pytest.fixture(scope="module")
def folder(request, tmp_path_factory):
    """Of the run of the module's ``claim``, with the settings of its ``TINY``."""
    out = tmp_path_factory.mktemp("tiny") / "run"
    request.module.claim.run(dataclasses.replace(request.module.TINY, out=out))
    return out


@pytest.fixture(scope="module")
def results(folder):
    """What the run found."""
    return json.loads((folder / "results.json").read_text())


@pytest.fixture
def second_start(request, folder):
    """Starts the run again; tells its files before and after."""

    def files():
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = files()
    request.module.claim.run(dataclasses.replace(request.module.TINY, out=folder))
    return before, files()
