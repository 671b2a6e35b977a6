"""LSH attention against all pairs and a rule for each, in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.hashing import drawn_rotations
from jaxgen.nn.lsh_attention import LSHAttention
from jaxgen.nn.mixer import PLAIN, Context
from largest import largest
from mixers import FEATURES, close

ROWS, LENGTH, HEADS = 2, 13, 2
X, NOISE = np.random.default_rng(3).normal(size=(2, ROWS, LENGTH, FEATURES))
INDEX = np.arange(LENGTH)
SEGMENTS = np.array([[4] * 5 + [1] * 8, [2] + [3] * 10 + [2] * 2])
PADDING = np.isin(INDEX, [0, 1, 7, 12])[None] & np.array([[True], [False]])
SEVERAL = LSHAttention(HEADS, buckets=4, hashes=3, window=2, use_bias=True)
MIXERS = {
    "both sides": SEVERAL,
    "causal": SEVERAL.clone(causal=True),
    "neighbours": SEVERAL.clone(window=1, buckets=2),
    "two chunks": SEVERAL.clone(window=7, buckets=2, hashes=2, causal=True),
    "one chunk": SEVERAL.clone(window=100, hashes=2),
}


def learned(mixer):
    shapes = jax.eval_shape(mixer.init, jax.random.key(0), jnp.asarray(X, "f4"), PLAIN)
    return jax.tree.map(
        lambda w: np.cos(np.arange(w.size) * 1.7).reshape(w.shape), shapes
    )


def run(mixer, x, padding=None, segments=None):
    context = [None if a is None else jnp.asarray(a) for a in (padding, segments)]
    params = jax.tree.map(lambda w: jnp.asarray(w, "f4"), learned(mixer))
    return jax.jit(mixer.apply)(params, jnp.asarray(x, "f4"), Context(*context))


def projected(params, name, x):
    return np.tensordot(x, params[name]["kernel"], 1) + params[name]["bias"]


def pairs_seen(mixer, query, rotations, sequence):
    """Which tokens each of a row sees in any round: (t, t), bucket by bucket."""
    seen = np.zeros((len(query),) * 2, bool)
    for rotation in np.swapaxes(rotations, 0, 1):
        bucket = np.argmax(
            np.concatenate([query @ rotation, -query @ rotation], -1), -1
        )
        for token in np.flatnonzero(sequence):
            alike = (bucket == bucket[token]) & (sequence == sequence[token])
            apart = np.cumsum(alike) - np.cumsum(alike)[token]
            near = (apart >= -mixer.window) & (apart <= mixer.window)
            seen[token] |= alike & near & ~(mixer.causal & (apart > 0))
    return seen & ~np.eye(len(query), dtype=bool)


def means_of(query, value, seen):
    """Of all pairs of a row, (t, t); of itself where a token sees nobody."""
    key = query / np.linalg.norm(query, axis=-1, keepdims=True)
    seen = seen | (np.eye(len(query), dtype=bool) & ~seen.any(1, keepdims=True))
    weights = np.where(seen, np.exp(query @ key.T), 0)
    return weights / weights.sum(1, keepdims=True) @ value


def expected(mixer, x, padding, segments, seen=pairs_seen):
    params = learned(mixer)["params"]
    query, value = (projected(params, name, x) for name in ("query", "value"))
    sizes = mixer.heads, query.shape[-1], mixer.hashes, mixer.buckets, mixer.seed
    runs = np.cumsum(np.diff(segments, axis=1, prepend=0) != 0, axis=1)
    found = np.zeros_like(query)
    for row, head in np.ndindex(len(x), mixer.heads):
        sequence = np.where(padding[row], 0, runs[row])
        of_head = query[row, :, head], value[row, :, head]
        pairs = seen(mixer, of_head[0], drawn_rotations(*sizes)[head], sequence)
        found[row, :, head] = means_of(*of_head, pairs)
    return projected(params, "out", found.reshape(x.shape))


@pytest.mark.parametrize("name", MIXERS)
def test_it_is_softmax_over_the_pairs_that_any_round_sees(name):
    found = run(MIXERS[name], X, PADDING, SEGMENTS)
    wanted = expected(MIXERS[name], X, PADDING, SEGMENTS)
    close(found[~PADDING], wanted[~PADDING])


def test_the_row_is_long_enough_to_tell_rounds_windows_and_buckets_apart():
    """Each of them changes what is seen: the oracle has something to see."""
    whole = np.zeros((ROWS, LENGTH), bool), np.ones((ROWS, LENGTH), int)
    fewer = {"window": 1, "hashes": 2, "buckets": 2, "seed": 1, "causal": True}
    for field, other in fewer.items():
        changed = expected(SEVERAL.clone(**{field: other}), X, *whole)
        assert not np.allclose(changed, expected(SEVERAL, X, *whole), atol=1e-2), field


@pytest.mark.parametrize("name", ["causal", "two chunks"])
def test_what_later_tokens_hold_changes_nothing_before(name):
    """Nor their buckets, which no slope tells of."""
    later = INDEX[None, :] > INDEX[:, None]
    changed = np.where(later[..., None], 5 * NOISE[:1], X[:1])
    found, before = run(MIXERS[name], changed), run(MIXERS[name], X[:1])[0]
    for row, other in zip(later, found, strict=True):
        close(other[~row], before[~row])
        assert (np.abs(other - before)[row] > 1e-2).any(1).all()


def everyone_else(mixer, query, rotations, sequence):
    return ~np.eye(len(query), dtype=bool)


def test_with_more_rounds_it_nears_attention_to_all_others_and_reaches_it():
    """Of a window as long as the row: what is left out is who never meets."""
    x, whole = X / 2 + 1, (np.zeros((ROWS, LENGTH), bool), np.ones((ROWS, LENGTH), int))
    exact = expected(SEVERAL, x, *whole, seen=everyone_else)

    def error(hashes):
        found = run(SEVERAL.clone(hashes=hashes, window=LENGTH, buckets=2), x)
        return np.sqrt(((found - exact) ** 2).mean() / (exact**2).mean())

    few, some, many = map(error, (1, 4, 24))
    assert few > 2 * some > 0.01 and many < 1e-5


@pytest.mark.parametrize("past", [False, True], ids=["all", "past"])
def test_arrays_and_work_are_linear_in_the_length(past):
    """Slope included: no matrix of all pairs."""
    mixer = LSHAttention(2, buckets=8, hashes=2, window=16, causal=past)
    params = jax.eval_shape(mixer.init, jax.random.key(0), jnp.zeros((1, 2, 8)), PLAIN)

    def numbers(length):
        def loss(params, x):
            return mixer.apply(params, x, PLAIN).sum()

        x = jnp.zeros((1, length, FEATURES))
        return largest(jax.make_jaxpr(jax.grad(loss))(params, x).jaxpr)

    assert numbers(4096) == 2 * numbers(2048) < 4096**2 / 16
    assert mixer.cost(1, 4096, 8).flops == 2 * mixer.cost(1, 2048, 8).flops


@pytest.mark.parametrize(
    "mixer, message",
    [
        (LSHAttention(3), r"heads=3\): 8 features do not divide into 3 heads"),
        (LSHAttention(2, buckets=5), r"buckets=5\): expected an even number"),
        (LSHAttention(2, buckets=0), r"buckets=0\): expected an even number"),
        (LSHAttention(2, hashes=0), r"hashes=0\): expected 1 or more"),
        (LSHAttention(2, window=0), r"window=0\): expected 1 or more"),
        (LSHAttention(2, seed=-1), r"seed=-1\): expected 0 or more"),
        (
            LSHAttention(8, hashes=2),
            r"hashes=2\): expected 1, for heads of one feature",
        ),
    ],
    ids=["heads", "odd", "none", "rounds", "window", "seed", "one feature"],
)
def test_sizes_that_do_not_fit_are_refused(mixer, message, key):
    with pytest.raises(ValueError, match=message):
        mixer.init(key, jnp.zeros((1, 4, FEATURES)), PLAIN)
    with pytest.raises(ValueError, match=message):
        mixer.cost(1, 4, FEATURES)
