"""Seals: any one changed bit of a checkpoint is seen, and the one before is used."""

import json

import numpy as np
import pytest

from jaxgen.training.checkpoints import Checkpoints
from jaxgen.training.seals import SEAL, broken_seal, seal
from saved_states import alone, require_same, state_at, wanted, write


@pytest.fixture
def sealed(tmp_path):
    (tmp_path / "state" / "d").mkdir(parents=True)
    for name in ("state/a", "state/d/b"):
        (tmp_path / name).write_bytes(bytes(range(256)))
    (tmp_path / "beside").write_text("may change")
    seal(tmp_path)
    return tmp_path


def test_every_change_is_seen_and_told(sealed):
    assert broken_seal(sealed) is None
    (sealed / "beside").write_text("has changed")
    assert broken_seal(sealed) is None
    rng = np.random.default_rng(0)
    file = sealed / "state" / "d" / "b"
    for _ in range(20):
        numbers = bytearray(range(256))
        numbers[rng.integers(256)] ^= 1 << rng.integers(8)
        file.write_bytes(numbers)
        assert broken_seal(sealed) == "state/d/b is not as it was saved"
    file.unlink()
    assert broken_seal(sealed) == "state/d/b is not as it was saved"
    file.write_bytes(bytes(range(256)))
    (sealed / "state" / "c").write_text("")
    assert broken_seal(sealed) == "state/c is not as it was saved"


def test_a_broken_seal_is_a_damage_and_none_is_an_older_checkpoint(sealed):
    (sealed / SEAL).write_text('{"state')
    assert broken_seal(sealed) == "seal.json cannot be read"
    (sealed / SEAL).unlink()
    assert broken_seal(sealed) is None


def test_a_flipped_bit_of_a_number_is_no_number(tmp_path):
    folder = tmp_path / "checkpoints"
    write(folder, [1, 2], alone())
    names = json.loads((folder / "2" / SEAL).read_text())
    largest = max(names, key=lambda name: (folder / "2" / name).stat().st_size)
    numbers = bytearray((folder / "2" / largest).read_bytes())
    numbers[len(numbers) // 2] ^= 4
    (folder / "2" / largest).write_bytes(numbers)
    with Checkpoints(folder) as checkpoints:
        with pytest.warns(UserWarning, match=f"2 cannot be read .{largest} is not as"):
            state, position = checkpoints.restore(wanted(alone()))
        assert position == 10
        require_same(state, state_at(1))
