"""What cuDNN is told is what was asked; all else is refused by name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.attend import attend, chosen, explained
from jaxgen.attention.case import case_of
from jaxgen.attention.chunked import Chunked
from jaxgen.attention.cudnn import CuDNN, output
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import FULL, causal, longformer, window
from jaxgen.attention.scores import SoftCap

PATTERNS = [FULL, causal(), causal() & window(5), window(5, 0), window(200) & causal()]


def halves(key, features=16, length=48):
    """Queries of four heads, keys and values of two, in half precision."""
    shapes = (1, length, 4, 16), (1, length, 2, 16), (1, length, 2, features)
    keys = jax.random.split(key, 3)
    return [
        jax.random.normal(k, shape, jnp.bfloat16)
        for k, shape in zip(keys, shapes, strict=True)
    ]


@pytest.mark.parametrize("features", [8, 24])
@pytest.mark.parametrize("pattern", PATTERNS, ids=repr)
def test_the_words_of_jax_nn_mean_the_pattern(key, pattern, features):
    query, keys, value = (x.astype(jnp.float32) for x in halves(key, features))
    case = case_of(query, keys, pattern, scale=0.3)
    found = output(query, keys, value, case, implementation="xla")
    expected = Dense()(query, keys, value, case).output
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options, told",
    [
        ({"score": SoftCap(3.0)}, "scores"),
        ({"segments": jnp.zeros((1, 48), int)}, "segments"),
        ({"padding": jnp.zeros((1, 48), bool)}, "padding"),
        ({"pattern": window(5)}, "patterns but full, causal and windows"),
        ({"pattern": window(5, 0, 2)}, "patterns but full, causal and windows"),
        ({"pattern": causal() | window(5)}, "patterns but full, causal and windows"),
        ({"pattern": longformer(5)}, "patterns but full, causal and windows"),
        ({"pattern": causal(), "offset": 3}, "unequal lengths or with an offset"),
        ({}, "cuDNN is not detected"),
    ],
)
def test_what_it_does_not_support_is_told(key, options, told):
    query, keys, value = halves(key)
    with pytest.raises(ValueError, match=told):
        attend(query, keys, value, implementation=CuDNN(), **options)


def test_without_it_the_next_is_taken_and_the_reason_told(key):
    case = case_of(*halves(key)[:2], causal())
    assert chosen(case, "gpu") == Chunked(256)
    first, last = explained(case, "gpu").splitlines()
    assert first.startswith("CuDNN() does not support") and "not detected" in first
    assert last == "Chunked(size=256) supports all"


@pytest.fixture
def detected(monkeypatch):
    """A machine on which cuDNN says that it is there."""
    monkeypatch.setattr(
        "jax._src.cudnn.fused_attention_stablehlo.check_cudnn_version", lambda: 91200
    )


def lowered(pattern, vectors) -> str:
    """The gradient of attention's output, as it goes to the compiler of a GPU."""

    def total(query, key, value):
        found = attend(query, key, value, pattern=pattern, implementation=CuDNN())
        return found.output.astype(jnp.float32).sum()

    slopes = jax.jit(jax.grad(total, (0, 1, 2)))
    return slopes.trace(*vectors).lower(lowering_platforms=("cuda",)).as_text()


def test_it_lowers_for_a_gpu_forward_and_backward(key, detected):
    text = lowered(causal() & window(5), halves(key)).replace("\\22", '"')
    assert "stablehlo.while" not in text  # nobody asked for the log-sum-exp
    assert text.count("@__cudnn$fmhaSoftmax(") == 1
    assert text.count("@__cudnn$fmhaSoftmaxBackward(") == 1
    assert text.count('"mask_type": "CAUSAL"') == 2
    assert text.count('"sliding_window_length": 6') == 2  # the query itself counts


def test_it_is_taken_where_it_is(key, detected):
    assert chosen(case_of(*halves(key)[:2], causal()), "gpu") == CuDNN()
    long = [jnp.zeros((1, 8, 1, 512), jnp.bfloat16)] * 2
    assert "head dim must be" in CuDNN().refusal(case_of(*long))
