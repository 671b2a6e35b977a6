"""LSH attention beside Hugging Face's Reformer, of equal weights, where both see all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.hashing import buckets_of
from jaxgen.nn.lsh_attention import LSHAttention
from jaxgen.nn.mixer import Context
from mixers import FEATURES, close

ROWS, LENGTH, HEADS, WIDTH = 2, 16, 2, FEATURES // 2
# angles below a right one: in as many rounds each pair meets
DRAWN = np.random.default_rng(0)
X = DRAWN.normal(size=(ROWS, LENGTH, FEATURES)).astype("f4") / 3 + 1
WEIGHTS, QUERY, VALUE = (
    DRAWN.normal(size=shape).astype("f4") / 2
    for shape in (X.shape, (FEATURES, FEATURES), (FEATURES, FEATURES))
)
PADDING = np.arange(LENGTH) >= np.array([[LENGTH], [11]])


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def layer_of(torch, **how):
    """Their layer, which ends before the last projection."""
    reformer = pytest.importorskip(
        "transformers.models.reformer", reason="transformers is not installed"
    )
    config = reformer.ReformerConfig(
        hidden_size=FEATURES,
        num_attention_heads=HEADS,
        attention_head_size=WIDTH,
        lsh_attention_probs_dropout_prob=0.0,
        **how,
    )
    layer = reformer.modeling_reformer.LSHSelfAttention(config, layer_idx=0).eval()
    with torch.no_grad():
        layer.query_key.weight.copy_(torch.tensor(QUERY.T))
        layer.value.weight.copy_(torch.tensor(VALUE.T))
    return layer


def ours(causal, x):
    """Output and slope of a window as long as the row."""
    kernels = {"query": QUERY, "value": VALUE}
    params = {
        name: {"kernel": kernel.reshape(FEATURES, HEADS, WIDTH)}
        for name, kernel in kernels.items()
    }
    params["out"] = {"kernel": np.eye(FEATURES, dtype="f4")}
    mixer = LSHAttention(HEADS, buckets=2, hashes=24, window=LENGTH, causal=causal)

    def output(x):
        return mixer.apply({"params": params}, x, Context(jnp.asarray(PADDING)))

    found, pulled_back = jax.vjp(jax.jit(output), jnp.asarray(x))
    return found, pulled_back(jnp.asarray(np.where(PADDING[..., None], 0, WEIGHTS)))[0]


@pytest.mark.parametrize("causal", [False, True], ids=["all", "past"])
@pytest.mark.parametrize("chunk", [LENGTH, LENGTH // 2], ids=["whole", "grid of two"])
def test_both_attend_to_all_others(chunk, causal, torch):
    """Theirs in one chunk; or sorted into two, of which each sees both, in one round.

    In a second round their first chunk would look at the last one of the first round.
    """
    layer = layer_of(
        torch,
        lsh_attn_chunk_length=chunk,
        lsh_num_chunks_before=1,
        num_hashes=1,
        num_buckets=4,
        is_decoder=causal,
    )
    x = torch.tensor(X, requires_grad=True)
    theirs = layer(x, torch.tensor(~PADDING)).hidden_states
    weights = torch.tensor(np.where(PADDING[..., None], 0, WEIGHTS))
    (theirs * weights).sum().backward()
    found, slope = ours(causal, X)
    close(found[~PADDING], theirs.detach().numpy()[~PADDING])
    close(slope, x.grad.numpy())


def test_both_put_vectors_into_the_same_buckets(torch):
    layer = layer_of(torch, num_hashes=5, num_buckets=6, hash_seed=7)
    shape = ROWS, HEADS, LENGTH, WIDTH
    vectors = np.random.default_rng(1).normal(size=shape).astype("f4")
    theirs = layer._hash_vectors(torch.tensor(vectors), 5, None).numpy()
    torch.manual_seed(7)
    drawn = torch.randn(HEADS, WIDTH, 5, 3).numpy()
    found = jax.vmap(buckets_of, (1, 0), 2)(jnp.asarray(vectors), jnp.asarray(drawn))
    rounds = theirs.reshape(ROWS, HEADS, 5, LENGTH) - 6 * np.arange(5)[:, None]
    np.testing.assert_array_equal(np.moveaxis(found, 0, 2), rounds)
