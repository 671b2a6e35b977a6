"""The same numbers on any number of devices, each of which does its share."""

import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn.initializers import lecun_normal
from jax.sharding import PartitionSpec as P

from jaxgen.data.batches import minibatch
from jaxgen.objectives.adversarial import NON_SATURATING
from jaxgen.objectives.penalties import unpenalized
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import FSDP, study
from jaxgen.training import dispatch
from jaxgen.training.compile import compile
from jaxgen.training.dispatch import feed, repeat, scan
from jaxgen.training.gradients import microbatched
from jaxgen.training.learner import Learner
from jaxgen.training.replicate import grid, replicate
from learners import POINTS, regression, ring_gan

BATCH = 160
ONE = {"data": 1}


def program_of(learner, sizes, rules=FSDP):
    mesh = mesh_of(sizes, jax.devices()[: np.prod(list(sizes.values()))])
    return compile(learner, jnp.asarray(POINTS), mesh, rules)


def ran(program):
    data = jax.device_put(POINTS, program.data)
    return program.update(program.init(jax.random.key(0), data), data)


def rows(program):
    """Rows in the products of matrices on each device."""
    return set(re.findall(r"= f32\[(\d+),\d+\]\S* dot\(", program.update.as_text()))


def flops(program):
    return program.update.cost_analysis()["flops"]


def fed(learner):
    return feed(learner, minibatch(BATCH))


def network():
    """Twenty steps of a network whose middle layer is worth splitting."""
    return repeat(fed(regression(width=32)), 20)


@pytest.fixture(scope="module")
def alone():
    program = program_of(network(), ONE)
    return program, ran(program)


@pytest.fixture(scope="module")
def split():
    """The network over eight devices."""
    return {axis: program_of(network(), {axis: 8}) for axis in ("data", "fsdp")}


def assert_same(results, others):
    # 20 steps of Adam with eps 1e-3: 4e-7 was seen
    (state, metrics), (other, told) = jax.device_get(results), jax.device_get(others)
    numbers = state._replace(key=None), metrics
    chex.assert_trees_all_close(numbers, (other._replace(key=None), told), atol=2e-6)


@pytest.mark.parametrize("axis", ["data", "fsdp"])
def test_eight_devices_compute_what_one_does(axis, alone, split):
    state, metrics = ran(split[axis])
    assert_same((state, metrics), alone[1])
    assert int(state.step) == 20 and float(metrics["loss"]) > 0


@pytest.mark.parametrize("sizes", [{"data": 2}, {"fsdp": 4}, {"data": 2, "fsdp": 4}])
def test_any_mesh_computes_what_one_device_does(sizes, alone):
    assert_same(ran(program_of(network(), sizes)), alone[1])


@pytest.fixture(scope="module")
def rates():
    """A study of eight learning rates, and what it comes to on one device."""
    axis = grid(seed=(0,), rate=np.geomspace(1e-3, 1e-1, 8).tolist())
    learner = repeat(replicate(lambda rate: regression(rate=rate), axis), 20)
    return learner, ran(program_of(learner, {"replica": 1}, study()))


@pytest.mark.parametrize("sizes", [{"replica": 8}, {"replica": 2, "data": 2}])
def test_rows_on_any_mesh_are_rows_on_one_device(sizes, rates):
    learner, expected = rates
    state, metrics = ran(program_of(learner, sizes, study()))
    assert_same((state, metrics), expected)
    for leaf in jax.tree.leaves(state.params):
        held = {shard.data.shape[0] for shard in leaf.addressable_shards}
        assert held == {8 // sizes["replica"]}


@pytest.mark.parametrize("axis", ["data", "fsdp"])
def test_each_device_computes_its_share_of_the_batch(axis, alone, split):
    assert str(BATCH) in rows(alone[0])
    assert str(BATCH // 8) in rows(split[axis]) and str(BATCH) not in rows(split[axis])
    assert "all-reduce(" in split[axis].update.as_text()
    assert "all-reduce(" not in alone[0].update.as_text()
    assert flops(split[axis]) < 0.2 * flops(alone[0])


def test_without_spreading_every_device_computes_the_whole_batch(monkeypatch, alone):
    monkeypatch.setattr(dispatch, "spread", lambda batch: batch)
    program = program_of(network(), {"data": 8})
    assert str(BATCH) in rows(program)
    assert "all-reduce(" not in program.update.as_text()
    assert flops(program) > 0.9 * flops(alone[0])


def parts():
    return fed(regression(value_and_grad=microbatched(4)))


def stacks():
    def draw(data, key):
        return data[jax.random.randint(key, (3, BATCH // 4), 0, len(data))]

    return feed(scan(regression()), draw)


@pytest.mark.parametrize("learner", [parts, stacks])
def test_devices_share_each_batch_of_a_loop(learner):
    program = program_of(learner(), {"data": 8})
    assert str(BATCH // 4 // 8) in rows(program)
    assert not rows(program) & {str(BATCH // 4), str(BATCH)}
    assert "all-gather(" not in program.update.as_text()


def test_devices_share_the_batches_of_both_players():
    gan = ring_gan(pair=NON_SATURATING, penalty=unpenalized)
    program = program_of(fed(gan), {"data": 8})
    assert str(BATCH // 8) in rows(program) and str(BATCH) not in rows(program)


def test_split_parameters_are_nowhere_whole(split):
    state, _ = ran(split["fsdp"])
    kernel = state.params["Hidden_0"]["Dense_1"]["kernel"]
    assert kernel.sharding.spec == P("fsdp")
    assert {shard.data.shape for shard in kernel.addressable_shards} == {(4, 32)}
    moment = state.opt[0].mu["Hidden_0"]["Dense_1"]["kernel"]
    assert {shard.data.shape for shard in moment.addressable_shards} == {(4, 32)}


def test_parameters_are_split_as_they_are_made():
    learner = regression(width=32, kernel_init=lecun_normal())
    still = Learner(learner.init, lambda state, data: (state, {}))
    init = program_of(still, {"fsdp": 8}).init.as_text()
    assert "f32[4,32]" in init
    assert "f32[32,32]" not in init and "all-gather" not in init
