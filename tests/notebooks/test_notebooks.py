"""Every notebook runs from top to bottom, in its tiny preset."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_was_left_without_output(path, tmp_path, monkeypatch):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in cells)
    monkeypatch.setenv("JAXGEN_PRESET", "tiny")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    where = {"metadata": {"path": str(tmp_path)}}
    done = NotebookClient(notebook, timeout=300, resources=where).execute()
    told = [output for cell in done.cells for output in cell.get("outputs", [])]
    assert any("image/svg+xml" in output.get("data", {}) for output in told)
    assert any("claim:" in output.get("text", "") for output in told)


def test_each_claim_has_its_notebook():
    assert [path.stem for path in NOTEBOOKS] == [
        "attention_scaling",
        "domain_generalization",
        "latent_spaces",
        "mode_collapse",
    ]
