"""Texts of compiled programs: how often what runs, and what work it is."""

import math
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tpu.hlo import Shape, executions, instruction, module, trips, unknown_loops
from tpu.hlo_products import (
    cycles,
    flops_of,
    host_transfers,
    kernels,
    pairs,
    products,
    unknown_cycles,
)

LOOPS = """HloModule loops, is_scheduled=true

%inner_body (p: (s32[], f32[8,8])) -> (s32[], f32[8,8]) {
  %p = (s32[]{:T(128)}, f32[8,8]{1,0:T(8,128)}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%p), index=0
  %x = f32[8,8]{1,0:T(8,128)S(1)} get-tuple-element(%p), index=1
  %two = s32[]{:T(128)} constant(2)
  %next = s32[]{:T(128)} add(%i, %two)
  %y = f32[8,8]{1,0} fusion(%x), kind=kOutput, calls=%square, backend_config={"window_config":{"estimated_cycles":"100"}}
  ROOT %t = (s32[], /*index=1*/f32[8,8]{1,0}) tuple(%next, %y)
}

%square (x.1: f32[8,8]) -> f32[8,8] {
  %x.1 = f32[8,8]{1,0} parameter(0)
  ROOT %d = f32[8,8]{1,0} dot(%x.1, %x.1), lhs_contracting_dims={1}, rhs_contracting_dims={0}, metadata={op_name="jit(f)/square"}
}

%inner_condition (p.1: (s32[], f32[8,8])) -> pred[] {
  %p.1 = (s32[], f32[8,8]{1,0}) parameter(0)
  %i.1 = s32[] get-tuple-element(%p.1), index=0
  %end = s32[] constant(7)
  ROOT %lt = pred[] compare(%i.1, %end), direction=LT
}

%outer_body (q: (s32[], f32[8,8])) -> (s32[], f32[8,8]) {
  %q = (s32[], f32[8,8]{1,0}) parameter(0)
  %j = s32[] get-tuple-element(%q), index=0
  %z = f32[8,8]{1,0} get-tuple-element(%q), index=1
  %one = s32[] constant(1)
  %first = s32[] copy(%one)
  %start = (s32[], f32[8,8]{1,0}) tuple(%first, %z)
  %loop = (s32[], f32[8,8]{1,0}) while(%start), condition=%inner_condition, body=%inner_body
  %w = f32[8,8]{1,0} get-tuple-element(%loop), index=1
  %k = f32[8,8]{1,0} custom-call(%w), custom_call_target="tpu_custom_call"
  %more = s32[] add(%j, %one)
  ROOT %u = (s32[], f32[8,8]{1,0}) tuple(%more, %k)
}

%outer_condition (q.1: (s32[], f32[8,8])) -> pred[] {
  %q.1 = (s32[], f32[8,8]{1,0}) parameter(0)
  %j.1 = s32[] get-tuple-element(%q.1), index=0
  %last = s32[] constant(4)
  ROOT %le = pred[] compare(%j.1, %last), direction=LE
}

ENTRY %main (a: f32[8,8]) -> f32[8,8] {
  %a = f32[8,8]{1,0} parameter(0)
  %zero = s32[] constant(0)
  %begin = (s32[], f32[8,8]{1,0}) tuple(%zero, %a)
  %outer = (s32[], f32[8,8]{1,0}) while(%begin), condition=%outer_condition, body=%outer_body
  %s = (f32[8,8]{1,0}, u32[], token[]) send(%a), channel_id=1, is_host_transfer=true, frontend_attributes={_xla_host_transfer_handler_name="tf_rendezvous"}
  %g = (f32[8,8]{1,0}, u32[], token[]) send(%a), channel_id=2, is_host_transfer=true, frontend_attributes={_xla_host_transfer_handler_name="xla_megascale_runtime"}
  ROOT %r = f32[8,8]{1,0} get-tuple-element(%outer), index=1
}
"""  # noqa: E501


@pytest.fixture(scope="module")
def loops():
    return module(LOOPS)


def test_each_computation_runs_as_often_as_its_loops(loops):
    """From 1 to below 7 by 2 are three; from 0 to 4 with its end are five."""
    counts = executions(loops)
    assert counts["main"] == 1
    assert counts["outer_body"] == 5
    assert counts["inner_body"] == counts["square"] == 15
    assert not unknown_loops(loops, counts)


def test_work_and_cycles_are_of_all_rounds(loops):
    counts = executions(loops)
    (one,) = products(loops, counts)
    assert (one.flops, one.times) == (2 * 8**3, 15)
    assert one.source == "jit(f)/square" and one.dtypes == ("f32", "f32")
    assert cycles(loops, counts) == 1500
    assert kernels(loops, counts) == {"k": 5}
    assert unknown_cycles(loops, counts) == 0


def test_cycles_that_the_compiler_cannot_tell_are_counted_apart():
    unknown = module(LOOPS.replace('"100"', f'"{2**63 - 1}"'))
    counts = executions(unknown)
    assert cycles(unknown, counts) == 0
    assert unknown_cycles(unknown, counts) == 15


def test_a_transfer_to_the_host_is_seen_and_one_between_slices_is_none(loops):
    assert host_transfers(loops, executions(loops)) == ["s"]


def test_a_loop_that_a_number_of_the_run_ends_is_told():
    text = LOOPS.replace("%last = s32[] constant(4)", "%last = s32[] parameter(1)")
    unknown = module(text)
    loop = unknown.computations["main"]["outer"]
    assert trips(unknown, "main", loop) is None
    counts = executions(unknown)
    assert unknown_loops(unknown, counts) == 1
    assert counts["outer_body"] == 1 and counts["square"] == 3


def test_what_jax_compiles_is_counted_like_what_it_computes():
    def looped(x, w):
        def step(x, _):
            return jnp.tanh(x @ w), None

        x, _ = lax.scan(step, x, length=6)
        return lax.fori_loop(2, 5, lambda i, x: x @ w, x)

    shapes = [jax.ShapeDtypeStruct(s, np.float32) for s in ((32, 48), (48, 48))]
    program = module(jax.jit(looped).lower(*shapes).compile().as_text())
    counts = executions(program)
    work = sum(one.flops * one.times for one in products(program, counts))
    assert work == (6 + 3) * 2 * 32 * 48 * 48


def test_an_entry_is_needed():
    with pytest.raises(ValueError, match="with an ENTRY"):
        module("HloModule nothing")


@pytest.mark.parametrize(
    "dtype, sizes, expected",
    [("bf16", (3, 5), 30), ("f32", (), 4), ("s4", (3,), 2), ("pred", (7,), 7)],
)
def test_bytes_of_a_shape(dtype, sizes, expected):
    assert Shape(dtype, sizes).bytes == expected


def met(given, kernel, made, step, apart, between, before):
    """One after the other: does this output's kernel place meet a number of the input?"""
    count = 0
    for output, place in product(range(made), range(kernel)):
        at = output * step + place * between - before
        count += any(at == number * apart for number in range(given))
    return count


@pytest.mark.parametrize(
    "step, apart, between", [(1, 1, 1), (2, 1, 1), (3, 2, 1), (1, 3, 2)]
)
@pytest.mark.parametrize("before", [0, 2])
def test_places_of_a_kernel_that_meet_the_input(step, apart, between, before):
    window = {
        "stride": str(step),
        "lhs_dilate": str(apart),
        "rhs_dilate": str(between),
        "pad": f"{before}_1",
    }
    found = pairs(5, 3, 6, window)
    assert found == met(5, 3, 6, step, apart, between, before)


def test_a_product_of_stacks_spelled_as_a_convolution_is_no_more_work():
    """As XLA for TPUs has 4 x 2 products of (2, 256, 32) and (256, 32) matrices."""
    text = (
        "f32[4,2,2,256,256]{4,3,2,1,0} convolution(%q, %k), "
        "window={size=4x2x1 stride=3x1x1 lhs_dilate=4x2x1}, "
        "dim_labels=012bf_0o1i2->012bf"
    )
    shapes = {"q": "f32[4,2,2,256,32]", "k": "f32[4,256,2,32,1]"}
    computation = {
        name: instruction(name, f"{shape}{{0}} parameter(0)")
        for name, shape in shapes.items()
    }
    one = instruction("c", text)
    assert flops_of(one, computation) == 2 * math.prod((4, 2, 2, 256, 256, 32))
