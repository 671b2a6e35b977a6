"""Mixers beside those of Hugging Face, of equal weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.dense import Dense
from jaxgen.nn.fourier import FourierMixing
from jaxgen.nn.mixer import PLAIN
from jaxgen.nn.nystrom_attention import NystromAttention

WITHOUT = "PyTorch and transformers are not installed: pip install 'jaxgen[benchmark]'"
torch = pytest.importorskip("torch", reason=WITHOUT)
fnet = pytest.importorskip("transformers.models.fnet", reason=WITHOUT)
nystromformer = pytest.importorskip("transformers.models.nystromformer", reason=WITHOUT)

LENGTH, FEATURES = 24, 12


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("f4")


def theirs(heads, landmarks, convolution):
    """Hugging Face's layer, and its parameters as ours, with a projection of none."""
    layer = nystromformer.modeling_nystromformer.NystromformerSelfAttention(
        nystromformer.NystromformerConfig(
            hidden_size=FEATURES,
            num_attention_heads=heads,
            num_landmarks=landmarks,
            segment_means_seq_len=LENGTH,
            conv_kernel_size=convolution or 1,
        )
    ).eval()

    def heads_of(linear):
        split = heads, FEATURES // heads
        return {
            "kernel": linear.weight.detach().numpy().T.reshape(FEATURES, *split),
            "bias": linear.bias.detach().numpy().reshape(split),
        }

    params = {
        name: heads_of(getattr(layer, name)) for name in ("query", "key", "value")
    }
    params["out"] = {"kernel": np.eye(FEATURES), "bias": np.zeros(FEATURES)}
    if convolution is None:
        layer.conv_kernel_size = None
    else:
        params["convolution"] = layer.conv.weight.detach().numpy()[:, 0, :, 0].T
    return layer, {"params": jax.tree.map(jnp.asarray, params)}


@pytest.mark.parametrize("convolution", [None, 5, 33])
@pytest.mark.parametrize("heads, rows", [(1, 1), (3, 2)])
def test_nystrom_attention_is_that_of_hugging_face(heads, rows, convolution):
    torch.manual_seed(0)
    layer, params = theirs(heads, 6, convolution)
    if heads * rows > 1:
        # else one norm, the largest, serves all heads of all rows
        layer.init_option = "exact"
    x = 2 * normal(rows, LENGTH, FEATURES)
    mixer = NystromAttention(
        heads, 6, convolution=convolution, use_bias=True, implementation=Dense()
    )
    found = jax.jit(mixer.apply)(params, jnp.asarray(x), PLAIN)
    with torch.no_grad():
        expected = layer(torch.from_numpy(x))[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_fourier_mixing_is_that_of_hugging_face_but_for_a_root():
    x = normal(2, LENGTH, FEATURES)
    layer = fnet.modeling_fnet.FNetBasicFourierTransform(
        fnet.FNetConfig(use_tpu_fourier_optimizations=False)
    )
    expected = layer(torch.from_numpy(x))[0].numpy() / np.sqrt(LENGTH * FEATURES)
    found = FourierMixing().apply({}, jnp.asarray(x), PLAIN)
    np.testing.assert_allclose(found, expected, atol=1e-5)
