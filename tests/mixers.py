"""Mixers of every kind, each with what it keeps to; a new one joins by a line."""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal, window
from jaxgen.attention.features import CosFormer, PositiveRandomFeatures
from jaxgen.attention.positions import rotary
from jaxgen.attention.scores import ALiBi
from jaxgen.nn.attention import RelativeBias, SelfAttention
from jaxgen.nn.bidirectional import Bidirectional
from jaxgen.nn.dense_synthesizer import DenseSynthesizer
from jaxgen.nn.diagonal_state_space import DiagonalStateSpace
from jaxgen.nn.fourier import FourierMixing
from jaxgen.nn.gated_convolution import GatedConvolution
from jaxgen.nn.gated_delta import GatedDeltaRule
from jaxgen.nn.linear_attention import LinearAttention
from jaxgen.nn.linformer import LinformerAttention
from jaxgen.nn.lsh_attention import LSHAttention
from jaxgen.nn.mixer import PLAIN, Mixer
from jaxgen.nn.nystrom_attention import NystromAttention
from jaxgen.nn.random_synthesizer import FactorizedTable, RandomSynthesizer
from jaxgen.nn.sinkhorn_attention import SinkhornAttention

ROWS, LENGTH, FEATURES = 2, 6, 8
X = jnp.asarray(np.random.default_rng(0).normal(size=(ROWS, LENGTH, FEATURES)), "f4")
NOISE = jnp.asarray(np.random.default_rng(1).normal(size=X.shape), "f4")


class Case(NamedTuple):
    """A mixer, and in what it is not like most.

    Attributes:
      mixer: of the slot.
      ordered: whether the order of tokens matters.
      exact: whether it is its own definition.
      packs: whether it takes several sequences in a row.
      stretches: whether more padding leaves tokens as they are.
      placed: whether that is so where positions are told, and not otherwise.
    """

    mixer: Mixer
    ordered: bool = True
    exact: bool = True
    packs: bool = True
    stretches: bool = True
    placed: bool = False


# seeds that put no token where rounding decides its bucket; causal, none sees one alone,
# whose share is one whatever the token
HASHED = LSHAttention(2, buckets=4, hashes=2, window=2, seed=213)
PERFORMER = PositiveRandomFeatures(6, seed=1)
CASES = {
    "attention": Case(SelfAttention(2, implementation=Dense()), ordered=False),
    "causal": Case(SelfAttention(2, pattern=causal(), rotation=rotary)),
    "window": Case(
        SelfAttention(4, 2, window(1), use_bias=True, implementation=Dense())
    ),
    "dilated": Case(
        SelfAttention(2, pattern=window(4, dilation=2), implementation=Dense())
    ),
    "alibi": Case(SelfAttention(2, score=ALiBi, implementation=Dense())),
    "learned": Case(SelfAttention(2, score=RelativeBias(8), implementation=Dense())),
    "linear": Case(LinearAttention(2, chunk=4), ordered=False),
    "linear, causal": Case(LinearAttention(2, causal=True, chunk=4, use_bias=True)),
    "performer": Case(
        LinearAttention(2, PERFORMER, chunk=2), ordered=False, exact=False
    ),
    "performer, causal": Case(LinearAttention(2, PERFORMER, True, 2), exact=False),
    "cosformer": Case(LinearAttention(2, CosFormer(16), True, chunk=4)),
    "fourier": Case(FourierMixing(), packs=False, stretches=False),
    "convolution": Case(GatedConvolution(3, use_bias=True)),
    "convolution, causal": Case(GatedConvolution(4, causal=True)),
    "state space": Case(DiagonalStateSpace(3)),
    "state spaces": Case(Bidirectional(DiagonalStateSpace())),
    "delta": Case(GatedDeltaRule(2, chunk=4)),
    "deltas": Case(Bidirectional(GatedDeltaRule(4, width=2, chunk=3, use_bias=True))),
    "synthesizer, dense": Case(DenseSynthesizer(2, 16, use_bias=True), placed=True),
    "synthesizer, dense, causal": Case(DenseSynthesizer(2, 13, causal()), placed=True),
    "synthesizer, random": Case(
        RandomSynthesizer(2, 16, pattern=window(4)), placed=True
    ),
    "synthesizer, factorized": Case(
        RandomSynthesizer(2, 16, FactorizedTable(3), causal(), True), placed=True
    ),
    "lsh": Case(HASHED, exact=False),
    "lsh, causal": Case(
        HASHED.clone(causal=True, use_bias=True, seed=399), exact=False
    ),
    "sinkhorn": Case(SinkhornAttention(2, block=4, use_bias=True), packs=False),
    "linformer": Case(
        LinformerAttention(2, 4, True, implementation=Dense()), exact=False, packs=False
    ),
    "nystrom": Case(
        NystromAttention(2, 4, implementation=Dense()), exact=False, packs=False
    ),
    "nystrom, convolved": Case(
        NystromAttention(2, 2, convolution=3, use_bias=True, implementation=Dense()),
        exact=False,
        packs=False,
    ),
}


@lru_cache
def learned(name):
    """Parameters none of which is zero, and quick to make."""
    shapes = jax.eval_shape(CASES[name].mixer.init, jax.random.key(0), X, PLAIN)
    return jax.tree.map(
        lambda w: jnp.cos(jnp.arange(w.size)).reshape(w.shape) / 2, shapes
    )


@lru_cache
def compiled(name):
    mixer, variables = CASES[name].mixer, learned(name)
    return jax.jit(lambda x, context: mixer.apply(variables, x, context))


def close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
