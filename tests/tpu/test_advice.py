"""What the compiler says where there is no room, and what to do about it."""

import pytest

from tpu.advice import Allocation, advice, change

EARLY = (
    "RESOURCE_EXHAUSTED: E1000: CompileTimeHbmOom: Ran out of memory on HBM, the total "
    "memory required for HLO temporaries (52.85G) exceeds available HBM (15.75G). HLO "
    "module: jit_updated."
)
LATE = """RESOURCE_EXHAUSTED: E1000: CompileTimeHbmOom: XLA:TPU compile permanent error. \
Ran out of memory in memory space hbm. Used 16.25G of 15.75G hbm. Exceeded by 512.00M.

  Largest program allocations in hbm:

  1. Size: 5.50G
     Operator: op_name="jit(step)/jvp()/broadcast_in_dim" source_file="a.py"
     Shape: f32[8,11,16,1024,1024]{4,3,2,1,0:T(8,128)}
     Unpadded size: 5.50G
     ==========================

  2. Size: 512.0M
     Operator: op_name="jit(step)/btd,vd->btv/dot_general"
     Shape: f32[4,1024,32768]{2,1,0:T(8,128)}
     ==========================
"""


def test_needed_and_available_are_read_of_both_stages():
    early, late = advice(EARLY), advice(LATE)
    assert early["needed"] == round(52.85 * 2**30)
    assert early["available"] == late["available"] == round(15.75 * 2**30)
    assert late["needed"] == round(16.25 * 2**30)
    assert early["allocations"] == [] and "fewer examples" in early["change"]


def test_the_largest_allocation_decides_what_is_advised():
    first, second = advice(LATE)["allocations"]
    assert first["bytes"] == round(5.5 * 2**30) and second["bytes"] == 2**29
    assert "logits of all pairs" in advice(LATE)["change"]
    assert "vocabulary" in second["change"]


@pytest.mark.parametrize(
    "shape, source, told",
    [
        ("f32[2048,8192]", "state.params['kernel']", "fsdp"),
        ("u8[50000,64,64,3]", "data", "layout over the batch"),
        ("bf16[12,8,4096,768]", "jit(f)/jvp(M)/stack/while/body/add", "remat=True"),
        ("f32[64,100]", "jit(f)/mul", "fewer examples"),
    ],
)
def test_each_kind_of_allocation_has_a_change_of_its_own(shape, source, told):
    assert told in change(Allocation(1, shape, source))
