"""Cross-entropy by chunks: the plain one, in value and in gradient, and in less memory."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.mixer import Context
from jaxgen.objectives.chunked_cross_entropy import (
    Told,
    chunked_cross_entropy,
    language_loss,
    told_at_once,
)
from jaxgen.objectives.language import following
from jaxgen.sharding.mesh import mesh_of

RNG = np.random.default_rng(0)
B, T, D, V = 2, 7, 4, 9
VECTORS = jnp.asarray(RNG.normal(size=(B, T, D)), "f4")
MATRIX = jnp.asarray(RNG.normal(size=(V, D)), "f4")
TOKENS = jnp.asarray(RNG.integers(0, V, (B, T)))
CHOSEN = jnp.asarray(RNG.random((B, T)) < 0.7)
Z = 0.1


def loss(vectors, matrix, told, tokens=TOKENS, chosen=CHOSEN):
    return language_loss(told(vectors, matrix, tokens), chosen, Z)


def in_float64(vectors, matrix):
    """The loss, and its slopes by the matrix's and the vectors' own formulas."""
    x, w = (np.asarray(a, np.float64) for a in (vectors, matrix))
    logits = x @ w.T
    log_sum = np.log(np.exp(logits).sum(-1))
    own = np.take_along_axis(logits, np.asarray(TOKENS)[..., None], -1)[..., 0]
    share = np.asarray(CHOSEN, np.float64)
    share /= share.sum()
    probabilities = np.exp(logits - log_sum[..., None])
    slope = probabilities * (1 + 2 * Z * log_sum)[..., None] - np.eye(V)[TOKENS]
    slope *= share[..., None]
    value = (share * (log_sum - own + Z * log_sum**2)).sum()
    return value, (slope @ w, np.einsum("btv,btd->vd", slope, x))


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_chunks_are_the_formula_and_its_slopes(chunk):
    told = partial(chunked_cross_entropy, chunk=chunk)
    found = jax.jit(jax.value_and_grad(partial(loss, told=told), (0, 1)))
    value, slopes = found(VECTORS, MATRIX)
    expected, expected_slopes = in_float64(VECTORS, MATRIX)
    assert float(value) == pytest.approx(expected, rel=1e-6)
    for one, other in zip(slopes, expected_slopes, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-7)


def test_slopes_of_a_matrix_of_half_precision_are_summed_in_single():
    """As many equal slopes as would be lost in a sum of half precision."""
    length = 1024
    vectors = jnp.ones((1, length, 1), jnp.bfloat16)
    matrix = jnp.zeros((2, 1), jnp.bfloat16)
    tokens = jnp.zeros((1, length), int)

    def total(matrix):
        return chunked_cross_entropy(vectors, matrix, tokens, chunk=1).nats.sum()

    slope = jax.jit(jax.grad(total))(matrix)
    assert slope.dtype == jnp.bfloat16
    assert slope[:, 0].tolist() == [-length / 2, length / 2]


def test_all_logits_are_never_there():
    length, vocabulary, width = 2048, 1024, 8
    given = (
        jax.ShapeDtypeStruct((1, length, width), jnp.float32),
        jax.ShapeDtypeStruct((vocabulary, width), jnp.float32),
    )
    tokens, chosen = jnp.zeros((1, length), int), jnp.ones((1, length), bool)

    def temporaries(told):
        of = partial(loss, told=told, tokens=tokens, chosen=chosen)
        ready = jax.jit(jax.grad(of, (0, 1))).lower(*given).compile()
        return ready.memory_analysis().temp_size_in_bytes

    logits = 4 * length * vocabulary
    assert temporaries(told_at_once) > logits
    assert temporaries(partial(chunked_cross_entropy, chunk=128)) < logits / 3


def test_nothing_chosen_is_nothing_lost():
    told = Told(jnp.full((1, 2), jnp.inf), jnp.zeros((1, 2)))
    assert language_loss(told, jnp.zeros((1, 2), bool)) == 0


def test_a_chunk_of_nothing_is_refused():
    with pytest.raises(ValueError, match="chunk=0"):
        chunked_cross_entropy(VECTORS, MATRIX, TOKENS, 0)


def test_what_follows_is_of_the_same_document_and_no_padding():
    segments = jnp.array([[1, 1, 1, 2, 2, 3], [1, 1, 1, 1, 1, 1]])
    padding = jnp.array([[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1]], bool)
    tokens = jnp.arange(12).reshape(2, 6)
    then, chosen = following(tokens, Context(padding, segments))
    assert chosen.astype(int).tolist() == [[1, 1, 0, 1, 0, 0], [1, 1, 1, 0, 0, 0]]
    assert (then == tokens + 1)[chosen].all()
    assert following(tokens).chosen.sum() == 10


def test_devices_that_share_a_row_share_its_logits():
    """Each has its tokens of every chunk; else all would compute all of them."""
    matrix = jnp.ones((32, 16))
    rows = jnp.ones((1, 64, 16)), jnp.ones((1, 64), int)

    def total(vectors, tokens):
        return chunked_cross_entropy(vectors, matrix, tokens, chunk=16).nats.sum()

    def flops(devices):
        mesh = mesh_of({"sequence": devices}, jax.devices()[:devices])
        layout = jax.NamedSharding(mesh, jax.P(None, "sequence"))
        program = jax.jit(jax.grad(total), in_shardings=layout, out_shardings=layout)
        return program.lower(*rows).compile().cost_analysis()["flops"]

    assert flops(8) < 0.2 * flops(1)
