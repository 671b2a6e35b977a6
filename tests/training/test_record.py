"""The record: whole lines in order, to the bit, whatever cut the writer short."""

import errno
import json
import os
import resource
import struct
import time
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from jaxgen.training.record import Record, json_ready, recorded


@pytest.fixture
def path(tmp_path):
    return tmp_path / "record.jsonl"


def told(path):
    """The record without its clock."""
    lines = recorded(path)
    return [{k: v for k, v in line.items() if k != "wall_time"} for line in lines]


def test_one_line_a_step_is_on_disk_when_written(path):
    before = time.time()
    with Record(path) as record:
        for step in range(3):
            record.write(step, {"loss": np.float32(0.1), "rows": np.arange(2)})
            assert path.read_text().count("\n") == step + 1
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert all(before <= line.pop("wall_time") <= time.time() for line in lines)
    assert lines == [{"step": n, "loss": 0.1, "rows": [0, 1]} for n in range(3)]


def test_the_last_line_of_a_step_wins_and_steps_are_in_order(path):
    with Record(path) as record:
        for step, loss in [(0, 1), (2, 2), (10, 3), (2, 4), (1, 5)]:
            record.write(step, {"loss": loss})
    found = [(line["step"], line["loss"]) for line in told(path)]
    assert found == [(0, 1), (1, 5), (2, 4), (10, 3)]


@pytest.mark.parametrize("kept", [1, 10, -2])
def test_a_line_cut_short_is_ended_and_left_out(path, kept):
    with Record(path) as record:
        record.write(1, {"loss": 1})
        first = path.stat().st_size
        record.write(2, {"loss": 2})
    cut = first + kept if kept > 0 else path.stat().st_size + kept
    os.truncate(path, cut)
    with Record(path) as record:
        record.write(3, {"loss": 3})
    with pytest.warns(UserWarning, match=r"record\.jsonl: 1 line\(s\) were cut short"):
        assert told(path) == [{"step": 1, "loss": 1}, {"step": 3, "loss": 3}]


def test_a_line_that_lacks_its_end_alone_is_whole(path):
    path.write_text('{"step": 1}')
    with Record(path) as record:
        record.write(2, {})
    assert told(path) == [{"step": 1}, {"step": 2}]


@pytest.mark.parametrize(
    "garbage",
    [b"\0\0\0\0", b"\xff\xfe\x80", b"[1, 2]", b'{"loss": 1}', b"7", b'{"step": null}'],
)
def test_garbage_in_the_middle_is_left_out(path, garbage):
    path.write_bytes(b'{"step": 1}\n' + garbage + b'\n{"step": 2}\n')
    with pytest.warns(UserWarning, match="1 line"):
        assert told(path) == [{"step": 1}, {"step": 2}]


def test_there_is_no_record(path):
    with pytest.raises(FileNotFoundError, match=r"record\.jsonl"):
        recorded(path)


def test_what_json_lacks_is_null(path):
    bad = np.array([[1, np.nan], [np.inf, -np.inf]], np.float32)
    values = {"a": bad, "b": float("nan"), "c": np.float32("inf"), "d": None}
    with Record(path) as record:
        record.write(1, {"nested": values})
    assert told(path)[0]["nested"] == {
        "a": [[1, None], [None, None]],
        "b": None,
        "c": None,
        "d": None,
    }


def test_integers_booleans_and_text_stay_what_they_are():
    values = {"n": np.int32(3), "yes": np.bool_(True), "rows": np.array([True, False])}
    ready = json_ready(values | {"name": "ring", 5: (1, 2.5)})
    expected = {
        "n": 3,
        "yes": True,
        "rows": [True, False],
        "name": "ring",
        "5": [1, 2.5],
    }
    assert json.dumps(ready) == json.dumps(expected)


def test_float32_comes_back_bit_by_bit_in_its_shortest_form():
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32)
    floats = bits.view(np.float32)
    floats = floats[np.isfinite(floats)]
    edges = np.array([0.0, -0.0, 1e-45, 1.1754944e-38, 3.4028235e38, 0.1], np.float32)
    values = np.concatenate([edges, floats])
    text = json.dumps(json_ready(values))
    assert np.array(json.loads(text), np.float32).tobytes() == values.tobytes()
    assert text.startswith("[0.0, -0.0, 1e-45, 1.1754944e-38, 3.4028235e+38, 0.1, ")


def test_every_bfloat16_comes_back():
    values = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16)
    values = values[np.isfinite(values.astype(np.float32))]
    back = np.array(json.loads(json.dumps(json_ready(values))), np.float32)
    assert back.astype(ml_dtypes.bfloat16).tobytes() == values.tobytes()


def test_float64_comes_back_too():
    values = np.array([1 / 3, 1e300, 5e-324, 0.1])
    assert json_ready(values) == values.tolist()
    assert json_ready(np.asarray(1 / 3)) == 1 / 3


def events(folder):
    """The scalars of all event files: TFRecords of length, checksum, event, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for file in folder.iterdir():
        rest = file.read_bytes()
        while rest:
            (size,) = struct.unpack("<Q", rest[:8])
            event = Event.FromString(rest[12 : 12 + size])
            found += [(event.step, v.tag, v.simple_value) for v in event.summary.value]
            rest = rest[16 + size :]
    return sorted(found)


def test_scalars_are_told_to_tensorboard(path, tmp_path):
    pytest.importorskip("tensorboardX")
    with Record(path, tmp_path / "events") as record:
        record.write(1, {"loss": np.float32(0.5), "deep": {"rate": 2}})
        record.write(2, {"rows": np.array([1.0, 4.0], np.float32), "grid": np.eye(2)})
    assert events(tmp_path / "events") == [
        (1, "deep/rate", 2.0),
        (1, "loss", 0.5),
        (2, "rows/0", 1.0),
        (2, "rows/1", 4.0),
    ]


def test_what_is_no_number_is_not_told_to_tensorboard(path, tmp_path):
    pytest.importorskip("tensorboardX")
    with Record(path, tmp_path / "events") as record:
        record.write(1, {"loss": 0.5, "stage": "warm-up", "nothing": None})
    assert events(tmp_path / "events") == [(1, "loss", 0.5)]


def test_a_full_disk_is_told_with_the_file(path):
    path.symlink_to("/dev/full")
    with (
        pytest.raises(OSError, match=r"record\.jsonl") as caught,
        Record(path) as record,
    ):
        record.write(1, {"loss": 1})
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.filterwarnings("ignore:.* cut short")
def test_a_line_that_fits_in_part_only_is_told(path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Record(path) as record:
        record.write(1, {})
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
            with pytest.raises(OSError, match=r"record\.jsonl"):
                record.write(2, {"text": "x" * 100})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with Record(path) as record:
        record.write(3, {})
    assert {line["step"] for line in told(path)} >= {1, 3}


def test_the_processes_that_keep_no_record_write_to_nowhere():
    with Record(Path(os.devnull)) as record:
        record.write(1, {"loss": 1})
