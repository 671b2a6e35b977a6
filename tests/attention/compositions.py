"""Random patterns and scores, composed as a user would."""

import jax
import jax.numpy as jnp
from hypothesis import strategies as st

from jaxgen.attention import expressions as named
from jaxgen.attention.patterns import Chunks, Columns, Distance
from jaxgen.attention.random_blocks import RandomBlocks
from jaxgen.attention.scores import ALiBi, RelativeBias, SoftCap, composed, unchanged

SHORTEST = 5

leaves = st.one_of(
    st.sampled_from(
        [named.FULL, named.causal(), named.bigbird(4, drawn=1), named.longformer(3, 2)]
    ),
    st.builds(named.window, st.integers(0, 9), st.integers(0, 40), st.integers(1, 4)),
    st.builds(Distance, st.none() | st.integers(-9, 9), st.none(), st.integers(1, 5)),
    st.builds(
        named.tokens, st.lists(st.integers(0, SHORTEST - 1), min_size=1, max_size=3)
    ),
    st.builds(named.prefix, st.integers(0, 12)),
    st.builds(named.strided, st.integers(1, 7)),
    st.builds(named.fixed, st.integers(3, 7), st.integers(1, 3)),
    st.builds(Chunks, st.integers(1, 9)),
    st.builds(Columns, st.integers(3, 9), st.integers(1, 3)),
    st.builds(
        RandomBlocks, st.integers(1, 3), st.integers(1, 9), st.integers(0, 2**32)
    ),
)
patterns = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda a, b: a & b, inner, inner)
        | st.builds(lambda a, b: a | b, inner, inner)
    ),
    max_leaves=3,
)


def closer(steepness, logits, head, query, key):
    """A user's own score, which holds an array."""
    return logits - steepness * jnp.abs(query - key) / (1 + head)


def bias(heads: int) -> RelativeBias:
    return RelativeBias(jax.random.normal(jax.random.key(5), (heads, 8)), furthest=20)


def scores(heads: int) -> st.SearchStrategy:
    return st.sampled_from(
        [
            unchanged,
            ALiBi(heads),
            SoftCap(2.0),
            bias(heads),
            composed(bias(heads), SoftCap(3.0)),
            jax.tree_util.Partial(closer, jnp.array(0.1)),
        ]
    )
