"""Studies over several processes: the same batches, the same results, one record."""

import json
from pathlib import Path

import study_child

from tpu.cluster import Cluster
from tpu.evidence import close, compared


def test_two_processes_of_two_devices_come_to_what_one_does(tmp_path):
    """Two rows share four devices by rows and by their batches."""
    there, here = tmp_path / "alone", tmp_path / "run"
    alone = study_child.told(there)
    command = (str(Path(study_child.__file__)), "--out", str(here))
    with Cluster(command, tmp_path, 2, 2, patience=300) as cluster:
        assert cluster.codes(300) == (0, 0), (tmp_path / "log").read_text()
    for index in range(2):
        assert close(alone, json.loads((here / f"told-{index}.json").read_text()))
    assert compared(there, here, exact=False) == ""
    lines = (here / "study" / "record.jsonl").read_text().splitlines()
    assert len(lines) == 4, "of both processes"
