"""Options that are kept for a chip are options that its compiler knows."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import SingleDeviceSharding

from installed import with_libtpu
from jaxgen.sharding.topology import GENERATIONS, topology
from tpu.flags import TUNED, flags_of

SMALLEST = {
    "v4": "v4-8",
    "v5litepod": "v5litepod-4",
    "v5p": "v5p-8",
    "v6e": "v6e-4",
    "tpu7x": "tpu7x-8",
}


def compiled(target: str, flags: dict) -> None:
    chip = SingleDeviceSharding(topology(target)[0])
    x = jax.ShapeDtypeStruct((128, 128), jnp.float32, sharding=chip)
    jax.jit(jnp.tanh).lower(x).compile(compiler_options=flags or None)


def test_every_chip_has_its_options():
    assert TUNED.keys() == GENERATIONS.keys() == SMALLEST.keys()


@with_libtpu
@pytest.mark.parametrize("kind", SMALLEST)
def test_options_are_known_to_the_compiler(kind):
    compiled(SMALLEST[kind], flags_of(("tuned",), SMALLEST[kind]))


@with_libtpu
def test_an_option_that_there_is_not_is_refused():
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_tpu_no_such_flag"):
        compiled("v5litepod-4", flags_of(("--xla_tpu_no_such_flag=1",), "v5litepod-4"))


def test_what_is_no_option_is_refused():
    with pytest.raises(ValueError, match="--flags fast: expected name=value"):
        flags_of(("fast",), "v6e-4")
