"""Meshes that the devices fill, and batches laid over them."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from jaxgen.sharding.mesh import AXES, batch_spec, largest_divisor, mesh_of, spread


@pytest.mark.parametrize(
    "sizes, filled",
    [
        ({"data": 8}, {"data": 8}),
        ({"data": -1}, {"data": 8}),
        ({"fsdp": -1, "data": 2}, {"data": 2, "fsdp": 4}),
        (
            {"tensor": 2, "fsdp": 2, "replica": 2},
            {"replica": 2, "fsdp": 2, "tensor": 2},
        ),
        ({"sequence": 1, "data": -1}, {"data": 8, "sequence": 1}),
    ],
)
def test_axes_stand_in_order_and_the_open_one_is_filled(sizes, filled):
    mesh = mesh_of(sizes)
    assert list(mesh.shape.items()) == list(filled.items())
    assert mesh.axis_types == (AxisType.Auto,) * len(filled)
    assert set(mesh.devices.flat) == set(jax.devices())


def test_a_mesh_can_have_some_of_the_devices():
    devices = jax.devices()[2:5]
    mesh = mesh_of({"data": -1}, devices)
    assert list(mesh.devices.flat) == devices


@pytest.mark.parametrize(
    "sizes, complaint",
    [
        ({"model": 8}, "mesh axis 'model': expected one of " + ", ".join(AXES)),
        ({"data": -1, "fsdp": -1}, "data -1 x fsdp -1: .* at most one of them -1"),
        ({"data": 0}, "data 0: expected positive sizes"),
        ({"data": -2, "fsdp": -4}, "data -2 x fsdp -4: expected positive sizes"),
        ({"data": 4}, "data 4: .* number of devices, 8; make one of them -1"),
        ({"data": 16}, "data 16: .* number of devices, 8"),
        ({"data": 3, "fsdp": -1}, "data 3 x fsdp -1: .* number of devices, 8"),
        ({"data": 16, "fsdp": -1}, "data 16 x fsdp -1: .* number of devices, 8"),
        ({}, "mesh.*: .* number of devices, 8"),
    ],
)
def test_meshes_that_the_devices_cannot_fill_are_refused(sizes, complaint):
    with pytest.raises(ValueError, match=complaint):
        mesh_of(sizes)


def test_the_largest_divisor_is_the_largest():
    for rows in range(1, 25):
        for limit in range(1, 30):
            size = largest_divisor(rows, limit)
            assert size <= limit and rows % size == 0
            assert not any(rows % more == 0 for more in range(size + 1, limit + 1))


def test_examples_lie_over_the_axes_of_a_batch():
    assert batch_spec(AXES) == P(("data", "fsdp"))
    assert batch_spec(("fsdp", "data"), leading=1) == P(None, ("data", "fsdp"))
    assert batch_spec(("fsdp", "tensor"), leading=2) == P(None, None, ("fsdp",))
    assert batch_spec(("replica", "tensor"), leading=1) == P()


@pytest.mark.parametrize(
    "sizes, rows", [({"data": 8}, 2), ({"data": 2, "fsdp": 4}, 2), ({"fsdp": -1}, 2)]
)
def test_a_drawn_batch_is_spread_over_the_devices(sizes, rows):
    def draw(n):
        return {"x": n + jnp.zeros((16, 3)), "y": n + jnp.zeros(16)}

    with jax.set_mesh(mesh_of(sizes)):
        batch = jax.jit(lambda n: spread(draw(n)))(1.0)
        whole = jax.jit(draw)(1.0)
    for name, leaf in batch.items():
        assert {s.data.shape[0] for s in leaf.addressable_shards} == {rows}
        assert {s.data.shape[0] for s in whole[name].addressable_shards} == {16}


def test_where_nothing_is_spread_the_batch_is_left_alone():
    batch = {"x": jnp.zeros((16, 3))}
    assert spread(batch) is batch
    with jax.set_mesh(mesh_of({"replica": 4, "tensor": 2})):
        assert spread(batch) is batch
