"""LoRA against qwix's, of dense layers and of those with heads."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.low_rank import Factors, lora
from tests.installed import with_qwix

RANK, ALPHA = 3, 2.0


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        heads = nn.DenseGeneral((2, 4), use_bias=False, name="heads")(jnp.tanh(x))
        return nn.Dense(5, name="out")(heads.reshape(*x.shape[:-1], 8))


@with_qwix
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_outputs_are_those_of_qwix(key):
    import qwix

    x = jax.random.normal(key, (7, 6))
    rules = qwix.LoraProvider(module_path=".*", rank=RANK, alpha=ALPHA)
    theirs = qwix.apply_lora_to_model(Net(), rules)
    variables = theirs.init(key, x)["params"]
    params, adapter = {}, {}
    for name in ("heads", "out"):
        layer = variables[name]
        kernel = layer["kernel"]
        down = layer["kernel_lora_a"]
        up = jax.random.normal(key, layer["kernel_lora_b"].shape)
        layer["kernel_lora_b"] = up
        params[name] = {key: layer[key] for key in ("kernel", "bias") if key in layer}
        adapter[name] = {
            "kernel": Factors(down.reshape(kernel.shape[0], RANK), up.reshape(RANK, -1))
        }
    merged = lora(RANK, ALPHA).apply(params, adapter)
    found = Net().apply({"params": merged}, x)
    expected = theirs.apply({"params": variables}, x)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert np.abs(found - Net().apply({"params": params}, x)).max() > 0.1
