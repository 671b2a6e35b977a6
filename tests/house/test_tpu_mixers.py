"""Every way to mix tokens compiles for a TPU, with its gradient, ahead of time."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import SingleDeviceSharding

from experiments.attention_scaling.mixers import mixer
from experiments.attention_scaling.settings import MixerName, Net
from installed import with_libtpu
from jaxgen.nn.mixer import PLAIN
from jaxgen.sharding.topology import topology

NET = Net(heads=2, features=64, window=32)


@with_libtpu
@pytest.mark.usefixtures("any_speed")
@pytest.mark.parametrize("name", MixerName.__args__)
def test_a_mixer_and_its_gradient_compile_for_a_chip(name):
    chip = SingleDeviceSharding(topology("v5litepod-8")[0])
    module = mixer(name, NET, 256)

    def placed(shape):
        return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=chip)

    x = placed(jax.ShapeDtypeStruct((1, 256, 128), jnp.float32))
    params = jax.eval_shape(module.init, jax.random.key(0), x, PLAIN)
    slope = jax.grad(lambda *given: (module.apply(*given, PLAIN) ** 2).sum(), (0, 1))
    ready = jax.jit(slope).lower(jax.tree.map(placed, params), x).compile()
    assert 0 < ready.memory_analysis().peak_memory_in_bytes < 2**26
