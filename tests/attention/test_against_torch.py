"""Attention in linear time against PyTorch: Hugging Face's layers, or the formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.delta_rule import gated_delta_rule
from jaxgen.attention.features import (
    EluPlusOne,
    PositiveRandomFeatures,
    orthogonal_normal,
)
from jaxgen.attention.linear import attended_to_all, attended_to_past
from jaxgen.nn.gated_delta import GatedDeltaRule
from jaxgen.nn.mixer import PLAIN

WITHOUT = "PyTorch and transformers are not installed: pip install 'jaxgen[benchmark]'"
torch = pytest.importorskip("torch", reason=WITHOUT)

ROWS, LENGTH, HEADS, WIDTH = 2, 75, 2, 8


def drawn(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


VECTORS = (ROWS, LENGTH, HEADS, WIDTH)


@pytest.fixture
def qwen():
    """Hugging Face's Qwen3-Next, whose linear attention is the gated delta rule."""
    return pytest.importorskip(
        "transformers.models.qwen3_next.modeling_qwen3_next",
        reason=WITHOUT,
    )


@pytest.mark.parametrize(
    "name", ["torch_recurrent_gated_delta_rule", "torch_chunk_gated_delta_rule"]
)
def test_the_gated_delta_rule_is_hugging_faces(qwen, name):
    """Outputs and slopes; there queries are divided by the root of their width."""
    query, key, value, weights = drawn(*[VECTORS] * 4)
    key /= np.linalg.norm(key, axis=-1, keepdims=True)
    log_decay, rate = drawn(VECTORS[:3], VECTORS[:3])
    given = query, key, value, -np.exp(log_decay), 1 / (1 + np.exp(rate))

    theirs = [torch.tensor(x, requires_grad=True) for x in given]
    expected = getattr(qwen, name)(theirs[0] * WIDTH**0.5, *theirs[1:])[0]
    (expected * torch.tensor(weights)).sum().backward()
    found, pulled_back = jax.vjp(jax.jit(gated_delta_rule), *map(jnp.asarray, given))
    np.testing.assert_allclose(found, expected.detach(), rtol=1e-4, atol=1e-5)
    for ours, other in zip(pulled_back(jnp.asarray(weights)), theirs, strict=True):
        np.testing.assert_allclose(ours, other.grad, rtol=1e-3, atol=1e-4)


def test_the_mixer_is_hugging_faces_layer(qwen, key):
    config = qwen.Qwen3NextConfig(
        hidden_size=HEADS * WIDTH,
        linear_num_key_heads=HEADS,
        linear_num_value_heads=HEADS,
        linear_key_head_dim=WIDTH,
        linear_value_head_dim=WIDTH,
        linear_conv_kernel_dim=4,
        rms_norm_eps=1e-6 / WIDTH,  # there queries are less by the root of their width
        num_hidden_layers=1,
        layer_types=["linear_attention"],
    )
    layer = qwen.Qwen3NextGatedDeltaNet(config, 0)
    (x,) = drawn((ROWS, LENGTH, HEADS * WIDTH))
    mixer = GatedDeltaRule(HEADS)
    params = mixer.init(key, jnp.asarray(x), PLAIN)["params"]
    params["speed"] = params["speed"].at[0].set(-3.0)
    with torch.no_grad():
        for name, weight in weights_of_layer(jax.tree.map(np.asarray, params)).items():
            layer.get_parameter(name).copy_(torch.tensor(weight))
        expected = layer(torch.tensor(x))
    found = jax.jit(mixer.apply)({"params": params}, jnp.asarray(x), PLAIN)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def weights_of_layer(params):
    """Ours by their names, of heads side by side: (outputs, inputs)."""

    def by_heads(*names):
        kernels = [
            params[name]["kernel"].reshape(HEADS * WIDTH, HEADS, -1) for name in names
        ]
        return np.concatenate(kernels, axis=2).reshape(HEADS * WIDTH, -1).T

    convolutions = [params[f"{name}_convolution"] for name in ("query", "key", "value")]
    return {
        "in_proj_qkvz.weight": by_heads("query", "key", "value", "gate"),
        "in_proj_ba.weight": by_heads("rate", "step"),
        "conv1d.weight": np.concatenate(convolutions, axis=1).T[:, None],
        "dt_bias": params["step"]["bias"],
        "A_log": params["speed"],
        "norm.weight": params["norm"]["scale"],
        "out_proj.weight": params["out"]["kernel"].T,
    }


def features_of_torch(name, x):
    """In double precision, by PyTorch's own functions."""
    x = torch.tensor(x, dtype=torch.float64)
    if name == "elu":
        return torch.nn.functional.elu(x) + 1
    directions = torch.tensor(orthogonal_normal(16, WIDTH, seed=0))
    x = x / WIDTH**0.25
    return torch.exp(x @ directions.T - x.square().sum(-1, keepdim=True) / 2)


@pytest.mark.parametrize("past", [False, True], ids=["all", "past"])
@pytest.mark.parametrize(
    "name, phi",
    [("elu", EluPlusOne()), ("performer", PositiveRandomFeatures(16))],
    ids=["elu", "performer"],
)
def test_linear_attention_is_the_formula_in_torch(name, phi, past):
    query, key, value = drawn(*[VECTORS] * 3)
    weights = torch.einsum(
        "bqnm,bknm->bnqk", *(features_of_torch(name, x) for x in (query, key))
    )
    weights = weights.tril() if past else weights
    expected = torch.einsum(
        "bnqk,bknv->bqnv",
        weights / weights.sum(-1, keepdim=True),
        torch.tensor(value).double(),
    )
    positions = jnp.arange(LENGTH)[None]
    attended = jax.jit(attended_to_past if past else attended_to_all)
    features = (phi(jnp.asarray(x), positions) for x in (query, key))
    found = attended(*features, jnp.asarray(value))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
