"""The first rule that matches lays an array; none may be forgotten."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec as P

from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import FSDP, WHOLE, fsdp, shardings, study


@pytest.fixture(scope="module")
def mesh():
    return mesh_of({"replica": 2, "fsdp": 4})


def shape(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


def specs(shapes, mesh, rules=FSDP):
    return jax.tree.map(lambda sharding: sharding.spec, shardings(shapes, mesh, rules))


def test_the_first_rule_that_matches_wins(mesh):
    shapes = {"a": {"kernel": shape(8, 8), "bias": shape(8)}, "kernel": shape(8, 8)}
    rules = (
        ("a/kernel", P("fsdp")),
        (".*kernel", P("replica")),
        ("a/bias", P(("replica", "fsdp"))),
        (".*", P()),
    )
    expected = {
        "a": {"kernel": P("fsdp"), "bias": P(("replica", "fsdp"))},
        "kernel": P("replica"),
    }
    assert specs(shapes, mesh, rules) == expected
    assert specs(shapes, mesh, rules[::-1])["a"]["kernel"] == P()


def test_patterns_match_from_the_start_of_the_path(mesh):
    rules = (("kernel", P("fsdp")), (".*", P()))
    shapes = {"a": {"kernel": shape(8)}, "kernel_2": shape(8)}
    assert specs(shapes, mesh, rules) == {"a": {"kernel": P()}, "kernel_2": P("fsdp")}


def test_an_array_without_a_rule_is_refused(mesh):
    with pytest.raises(ValueError, match=r"no rule for 'a/bias'"):
        shardings({"a": {"bias": shape(8)}}, mesh, ((".*kernel", P()),))


@pytest.mark.parametrize(
    "sizes, spec, complaint",
    [
        ((6, 8), P("fsdp"), "a/w: 6 does not divide over the 4 devices of 'fsdp'"),
        ((8, 6), P(None, "fsdp"), "a/w: 6 does not divide"),
        ((4,), P(("replica", "fsdp")), "a/w: 4 does not divide over the 8 devices"),
        ((8,), P(None, "fsdp"), r"a/w: layout .* has more axes than shape \(8,\)"),
        ((), P("fsdp"), r"a/w: layout .* has more axes than shape \(\)"),
        ((8, 8), P("tensor"), "a/w: .*tensor"),
    ],
)
def test_layouts_that_do_not_fit_are_refused(sizes, spec, complaint, mesh):
    with pytest.raises(ValueError, match=complaint):
        shardings({"a": {"w": shape(*sizes)}}, mesh, ((".*", spec),))


@pytest.mark.parametrize(
    "sizes, spec",
    [
        ((64, 128), P(None, "fsdp")),
        ((128, 64), P("fsdp")),
        ((64, 64), P("fsdp")),
        ((63, 130, 64), P(None, None, "fsdp")),
        ((4096,), P("fsdp")),
        ((31, 63), P()),
        ((32, 32), P("fsdp")),
        ((31, 32), P()),
        ((), P()),
    ],
)
def test_the_longest_axis_that_divides_is_split(sizes, spec, mesh):
    assert fsdp(sizes, mesh) == spec


def test_without_its_axis_nothing_is_split():
    assert fsdp((64, 128), mesh_of({"data": 8})) == P()


def test_small_is_what_one_says_it_is(mesh):
    assert fsdp((8, 8), mesh, smallest=65) == P()
    assert fsdp((8, 8), mesh, smallest=64) == P("fsdp")


def test_the_rows_of_a_study_lie_over_the_replicas(mesh):
    shapes = {
        "step": shape(),
        "key": shape(2),
        "params": {"kernel": shape(2, 64, 128), "bias": shape(2, 64), "v": shape(2, 8)},
    }
    rules = study((("params/v", P("fsdp")), *FSDP))
    assert specs(shapes, mesh, rules) == {
        "step": P(),
        "key": P("replica"),
        "params": {
            "kernel": P("replica", None, "fsdp"),
            "bias": P("replica"),
            "v": P("replica", "fsdp"),
        },
    }
    whole = specs(shapes, mesh, study(((".*", WHOLE),)))
    assert whole["params"]["kernel"] == P("replica")


def test_a_study_can_run_without_an_axis_of_replicas():
    mesh = mesh_of({"fsdp": 8})
    assert specs({"w": shape(3, 64, 64)}, mesh, study()) == {"w": P(None, "fsdp")}


def test_rows_that_do_not_divide_are_refused(mesh):
    with pytest.raises(ValueError, match="w: 3 does not divide over the 2 devices"):
        shardings({"w": shape(3, 4)}, mesh, study())
