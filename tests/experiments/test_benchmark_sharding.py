"""The benchmark of sharding: all devices do the same work, and growth is what it says."""

import dataclasses
import functools
import json
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from experiments.benchmarks import accelerator, processes, sharding, sharding_works
from experiments.benchmarks.accelerator import training
from experiments.benchmarks.sharding_figure import curves, drawing
from experiments.benchmarks.sharding_rows import rows as device_rows
from experiments.benchmarks.sharding_table import table, verdict
from experiments.benchmarks.sharding_tasks import ShardingTask, axes_of
from experiments.benchmarks.timing import Measurement
from experiments.benchmarks.weak_scaling import grown, growth, rows
from installed import with_libtpu
from jaxgen.models.language_model import parameter_count
from tpu.chips import CHIPS
from tpu.programs import programs_of
from tpu.prove import proof

TINY = sharding.PRESETS["tiny"]


class Here:
    """As `Pool` and what is built in it, in this process."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def built(self, contender, place):
        return Built(contender.name, *contender.builds[0]())


class Built(NamedTuple):
    name: str
    advance: Callable
    units: int
    compile_seconds: float

    def timed(self, calls):
        start = time.process_time()
        self.advance(calls)
        return 1.0, time.process_time() - start

    def calls_in(self, seconds):
        return 1


@pytest.fixture(scope="module")
def programs():
    """By task, each compiled once."""
    return functools.cache(sharding_works.training)


@pytest.fixture(scope="module")
def found(tmp_path_factory, programs):
    """What the tiny preset writes."""
    out = tmp_path_factory.mktemp("benchmark") / "deep" / "found.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["sharding", "tiny", "--out", str(out)])
        patch.setattr(processes, "Pool", Here)
        patch.setattr(sharding_works, "training", programs)
        patch.setattr(sharding_works, "one_thread_environment", lambda devices: {})
        assert sharding.main() == 0
    return json.loads(out.read_text())


def test_results_say_what_was_measured(found):
    assert {"jax", "numpy", "python"} <= set(found["versions"])
    told = [(row["way"], row["devices"]) for row in found["devices"]]
    assert told == [("together", 1), ("together", 8)]
    one, eight = found["devices"]
    assert one["times_one_device"]["estimate"] == 1
    assert 0 < eight["times_one_device"]["low"] <= eight["times_one_device"]["high"]
    assert len(eight["measurements"]) == 2 and found["slices"] == []


def losses(programs, way, devices):
    """Of the first three steps."""
    (tasks,) = sharding.tasks(TINY)
    program, _, tokens = programs(tasks[0]._replace(way=way, devices=devices))
    state, told = program.init(jax.random.key(0), tokens), []
    for _ in range(3):
        state, metrics = program.update(state, tokens)
        told.append(float(metrics["loss"]))
    return told


@pytest.mark.parametrize("way, devices", [("together", 8), ("sequence", 2)])
def test_devices_train_what_one_does(way, devices, programs):
    alone = losses(programs, "together", 1)
    assert alone[0] > alone[-1]
    np.testing.assert_allclose(losses(programs, way, devices), alone, rtol=2e-5)


def task_of(way, devices):
    return ShardingTask(way, devices, 1, 4, 16, 16, 4, 32)


def test_ratios_to_one_device_are_taken_within_a_round():
    one, four = task_of("fsdp", 1), task_of("fsdp", 4)
    took = {one.title: [1.0, 2.0], four.title: [3.0, 6.0]}
    of = {
        name: [Measurement(name, turn, 2, 9.0, 2 * each) for turn, each in enumerate(x)]
        for name, x in took.items()
    }
    found = device_rows([one, four], of, dict.fromkeys(took, 5.0))
    assert found[1]["times_one_device"] == {"low": 3, "estimate": 3, "high": 3}
    assert found[0]["cpu_seconds"] == {"median": 1.5, "lowest": 1, "highest": 2}
    assert "fsdp              4" in table(found, [])
    assert "3.00 (3.00 to 3.00)" in table(found, [])


def test_devices_of_several_axes_are_their_product():
    for devices in (1, 2, 4, 8, 16, 64):
        assert np.prod(list(axes_of("together", devices).values())) == devices


def made_up(way, chips, cycles, flops, collectives, kind="v5litepod"):
    """A proof, in what is read of it."""
    chip = CHIPS[kind]
    update = {"cycles": cycles, "flops": flops, "unread": cycles is None}
    names = ("flops", "bandwidth", "link", "network", "clock")
    return {
        "program": f"weak_{way}",
        "target": f"{kind}-{chips}",
        "mesh": {"data": chips},
        "fits": True,
        "needs": 2**30,
        "limit": chip.memory,
        "speeds": {name: getattr(chip, name) for name in names},
        "model_flops": flops,
        "parts": {"update": {**update, "collectives": collectives}},
        "complaints": [],
    }


def all_reduce(chips, size, link="ICI"):
    """Of a ring: each chip sends its part to all others, twice."""
    sent = round(2 * size * (chips - 1) / chips)
    kind, axes = "all-reduce", ["data"]
    return {"kind": kind, "axes": axes, "link": link, "count": 1, "bytes": sent}


def test_growth_is_that_of_cycles_for_the_same_work():
    proofs = [
        made_up("tensor", 256, 3_600, 20, [all_reduce(256, 1 << 20)]),
        made_up("tensor", 16, 1_500, 10, [all_reduce(16, 1 << 20)]),
        made_up("data", 16, 1_500_000, 10, []),
        made_up("tensor", 64, None, 10, []),
    ]
    found = rows(proofs)
    told = [(one["way"], one["chips"], one["growth"]) for one in found]
    assert told == [
        ("tensor", 16, 0),
        ("tensor", 64, None),
        ("tensor", 256, 0.2),
        ("data", 16, 0),
    ]
    more = 2 * (1 << 20) * (1 / 16 - 1 / 256)  # what a ring of more chips sends more
    assert grown(found[2], found[0]) == {"all-reduce over data": more}
    assert growth(found[2] | {"made_flops": 25}, found[0], "made_flops") == 0.25
    told = verdict(found[0], found[2])
    assert told.startswith("cycles grow by +20.0%, at most 10% was the aim: missed")
    assert told.endswith(
        "2 and 2 MB, and most of the change is all-reduce over data, +0 MB"
    )
    assert "aim: hit" in verdict(found[0], found[2] | {"growth": 0.1})
    assert told in table([], found)
    assert "memory alone" in verdict(found[0], found[1])


def test_bounds_are_those_of_cycles_and_links():
    fast, slow = all_reduce(4, 200e9), all_reduce(4, 3.125e9 / 3, "DCN")
    (one,) = rows([made_up("data", 4, 1_500_000_000, 10, [fast, slow])])
    # a second of cycles, 300 GB over 200 GB/s of links, half of the network's second
    assert one["seconds"] == pytest.approx({"compute": 1, "ICI": 1.5, "DCN": 0.5})
    assert one["bounds"] == pytest.approx({"least": 1.5, "none_hidden": 3.0})
    assert "data by ICI" in one["sent"] and "data by DCN" in one["sent"]


def test_the_clock_makes_the_peak():
    for kind, units in (("v5litepod", 4), ("v5p", 8)):
        chip = CHIPS[kind]
        assert chip.clock * units * 2 * 128**2 == pytest.approx(chip.flops, rel=0.01)


def test_the_figure_is_of_each_way_beside_its_smallest_slice():
    sizes = (16, 100, 10), (64, 220, 20)
    found = rows([made_up("data", *size, []) for size in sizes])
    values = curves(found, lambda row: row["cycles"])["data"].estimate
    np.testing.assert_allclose(values, [1, 1.1])
    assert "v5litepod: cycles" in drawing(found)
    assert drawing(found[:1]) == ""


def test_chips_have_the_same_work_on_every_slice():
    """By the formula: six operations for each weight and token, and attention's."""
    for name, propose in programs_of("benchmarks").items():
        few, many = (propose(chips, 1) for chips in (16, 64))
        for chips, proposal in ((16, few), (64, many)):
            assert np.prod(list(proposal.axes.values())) == chips, name
        share = many.flops / 64 / (few.flops / 16)
        if name == "weak_tensor":  # weights of layers grow by 4, the rest by 2
            tokens, wide = 2 * 1024, np.array([8192, 16_384])
            layers = 4 * (4 + 3 * 2) * wide**2
            attention = 4 * 2 * 1024 * wide * 36 / 64  # of 64 tiles 36 are live
            expected = 6 * tokens * (layers + attention + 32_768 * wide)
            assert [few.flops, many.flops] == pytest.approx(expected.tolist())
        elif name == "weak_sequence":  # the first tokens see fewer
            assert 1 <= share < 1.01
        else:
            assert share == 1


@with_libtpu
@pytest.mark.usefixtures("any_speed")
def test_a_program_is_proved_and_told(monkeypatch):
    """A small one, on the smallest slice of several chips."""
    monkeypatch.setattr(accelerator, "LAYERS", 1)
    model = accelerator.model_of(256, accelerator.causal(), accelerator.Dense())

    def propose(devices, _):
        return training({"data": devices}, model, 4, 128, P("data"))

    found = proof("weak_data", propose, "v5litepod-4", parts=("update",))
    (one,) = rows([found])
    table_of, weights = 32_768 * 256, parameter_count(model)
    # sums in half precision, and of the output in full; those of what is read, apart
    numbers = 2 * weights + 4 * table_of
    assert one["sent"]["data by ICI"] == pytest.approx(2 * 3 / 4 * numbers, rel=1e-3)
    assert one["cycles"] > 0 and one["growth"] == 0
    assert one["seconds"]["compute"] == one["cycles"] / 1.5e9
    assert "v5litepod-4" in table([], [one])


def test_slices_without_their_compiler_are_left_out(monkeypatch):
    told = []
    monkeypatch.setattr(sharding.importlib.util, "find_spec", lambda name: None)
    assert sharding.on_slices(sharding.Sharding(), told.append) == []
    assert "pip install 'jaxgen[prove]'" in told[0]


def test_settings_that_cannot_be_are_refused():
    change = functools.partial(dataclasses.replace, sharding.Sharding())
    with pytest.raises(ValueError, match="--rounds 1"):
        change(rounds=1)
    with pytest.raises(ValueError, match="--devices 1 3: expected 1 and larger powers"):
        change(devices=(1, 3))
    with pytest.raises(ValueError, match="--devices 2 4"):
        change(devices=(2, 4))
    with pytest.raises(ValueError, match="--ways: expected one or more, each once"):
        change(ways=())
