"""Who sends what to whom, in each of XLA's spellings."""

import pytest

from tpu.hlo import executions, instruction, module
from tpu.hlo_collectives import (
    DCN,
    ICI,
    Collective,
    axes_of,
    bytes_sent,
    collectives,
    groups_of,
)

NEIGHBOURS = {frozenset((0, 1)), frozenset((2, 3))}
STRANGERS = {frozenset((0, 2)), frozenset((1, 3))}


def collective(opcode: str, text: str):
    return instruction("c", f"f32[8]{{0}} {opcode}(%x), {text}, dimensions={{0}}")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("replica_groups=mesh['axis_0'=2,'axis_1'=2] {'axis_0'}", STRANGERS),
        ("replica_groups=mesh['replica'=2,'data'=2] {'data'}", NEIGHBOURS),
        ("replica_groups=mesh['a'=2,'b'=1,'c'=2] {'c'}", NEIGHBOURS),
        (
            "replica_groups=mesh['a'=2,'c'=2], device_ids=([2,2]T(1,0)) {'a'}",
            NEIGHBOURS,
        ),
        ("replica_groups=mesh['a'=2,'c'=2], device_ids=(0,2,1,3) {'c'}", STRANGERS),
        ("replica_groups={{0,1},{2,3}}", NEIGHBOURS),
        ("replica_groups=[2,2]<=[4]", NEIGHBOURS),
        ("replica_groups=[2,2]<=[2,2]T(1,0)", STRANGERS),
        ("replica_groups={}", {frozenset(range(4))}),
        ("source_target_pairs={{0,1},{2,3}}", NEIGHBOURS),
    ],
)
def test_every_spelling_of_groups_is_read(text, expected):
    assert groups_of(collective("all-gather", text), 4) == expected


def test_a_spelling_that_is_unknown_is_not_taken_for_all():
    with pytest.raises(ValueError, match="c: expected groups of devices"):
        groups_of(collective("all-gather", "replica_groups=those of a ring"), 4)


def test_axes_are_those_along_which_members_differ():
    mesh = {"data": 2, "fsdp": 2}
    assert axes_of(NEIGHBOURS, mesh) == ("fsdp",)
    assert axes_of(STRANGERS, mesh) == ("data",)
    assert axes_of({frozenset(range(4))}, mesh) == ("data", "fsdp")
    assert axes_of({frozenset((0,))}, mesh) == ()


@pytest.mark.parametrize(
    "kind, share", [("all-gather", 3), ("all-reduce", 1.5), ("reduce-scatter", 0.75)]
)
def test_what_a_device_sends_on_a_ring_of_four(kind, share):
    given = {"x": instruction("x", "bf16[16]{0} parameter(0)")}
    one = collective(kind, "replica_groups={}")
    assert bytes_sent(kind, one, given, {frozenset(range(4))}) == share * 32


TEXT = """HloModule m, num_partitions=4

%spread (x: f32[4]) -> f32[16] {
  %x = f32[4]{0} parameter(0)
  ROOT %g.1 = f32[16]{0} all-gather(%x), channel_id=3, replica_groups={{0,1,2,3}}, dimensions={0}
}

%all-reduce-scatter (y: f32[16]) -> f32[4] {
  %y = f32[16]{0} parameter(0)
  %s = f32[16]{0} all-reduce(%y), channel_id=5, replica_groups={{0,1,2,3}}, to_apply=%add
  ROOT %d = f32[4]{0} dynamic-slice(%s), dynamic_slice_sizes={4}
}

%all-reduce-scatter.1 (z: f32[8]) -> f32[2] {
  %z = f32[8]{0} parameter(0)
  %s.1 = f32[8]{0} all-reduce(%z), channel_id=5, replica_groups={{0,1,2,3}}, to_apply=%add
  ROOT %d.1 = f32[2]{0} dynamic-slice(%s.1), dynamic_slice_sizes={2}
}

ENTRY %main (a: f32[4]) -> f32[4] {
  %a = f32[4]{0} parameter(0)
  %begin = f32[16]{0} fusion(%a), kind=kLoop, calls=%spread
  %g.2 = f32[16]{0} all-gather(%a), channel_id=3, replica_groups={{0,1,2,3}}, dimensions={0}
  %p = f32[4]{0} collective-permute(%a), channel_id=9, source_target_pairs={{0,1},{1,0}}
  %sent = (f32[4]{0}, u32[], token[]) send(%a), channel_id=7, is_host_transfer=true, frontend_attributes={_xla_host_transfer_handler_name="xla_megascale_runtime",_xla_megascale_transfer_type="ALL_REDUCE"}
  %other = f32[2]{0} fusion(%p), kind=kCustom, calls=%all-reduce-scatter.1
  ROOT %r = f32[4]{0} fusion(%begin), kind=kCustom, calls=%all-reduce-scatter
}
"""  # noqa: E501


def test_one_that_is_spread_over_steps_is_one_and_slices_are_told_apart():
    program = module(TEXT)
    found = collectives(program, executions(program), {"data": 4, "fsdp": 2}, slices=2)
    both = ("data", "fsdp")
    assert found == [
        Collective("all-gather", both, ICI, 1, 3 * 16),
        Collective("all-reduce", ("data",), DCN, 1, 16),
        Collective("collective-permute", ("fsdp",), ICI, 1, 16),
        Collective("reduce-scatter", both, ICI, 2, 48 + 24),
    ]
