"""Every implementation computes the same attention: `Dense`, and Dense a formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compositions import patterns, scores
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jax.tree_util import Partial

from jaxgen.attention.attend import attend, supporting
from jaxgen.attention.blocks import Blocks
from jaxgen.attention.case import case_of
from jaxgen.attention.checks import known, require_rules
from jaxgen.attention.chunked import Chunked
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import FULL, causal, longformer, window
from jaxgen.attention.patterns import Columns
from jaxgen.attention.ring import Ring
from jaxgen.attention.scores import ALiBi, RelativeBias, SoftCap, as_tree, unchanged
from jaxgen.attention.tiles import Attended

# beartype looks at a random item of each sequence
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

HEADS, KEY_HEADS = 4, 2
IMPLEMENTATIONS = (Chunked(8), Blocks(8), Blocks(4, rows=None))
few = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # a smaller example costs minutes
)


def vectors(queries, keys, batch=2, features=4, dtype=jnp.float32):
    shapes = (
        (queries, HEADS, features),
        (keys, KEY_HEADS, features),
        (keys, KEY_HEADS, 3),
    )
    draws = jax.random.split(jax.random.key(queries), 3)
    return [
        jax.random.normal(draw, (batch, *shape), dtype)
        for draw, shape in zip(draws, shapes, strict=True)
    ]


def formula(query, key, value, allowed, sinks=None):
    """Attention in float64, pair by pair."""
    query, key, value = (np.asarray(x, np.float64) for x in (query, key, value))
    output = np.zeros((*query.shape[:3], value.shape[3]))
    totals = np.full(query.shape[:3], -np.inf)
    for b, i, n in np.ndindex(totals.shape):
        k = n * key.shape[2] // query.shape[2]
        seen = np.flatnonzero(allowed[b, i])
        powers = np.exp(key[b, seen, k] @ query[b, i, n] / np.sqrt(query.shape[3]))
        total = powers.sum() + (np.exp(sinks[n]) if sinks is not None else 0)
        if total > 0:
            output[b, i, n] = powers @ value[b, seen, k] / total
            totals[b, i, n] = np.log(total)
    return Attended(output, totals)


def both(found: Attended):
    """A number that depends on all of what is found, where it is finite."""
    waves = jnp.cos(jnp.arange(found.output.size)).reshape(found.output.shape)
    finite = jnp.where(jnp.isneginf(found.log_sum_exp), 0.0, found.log_sum_exp)
    return (found.output * waves).sum() + jnp.sin(finite).sum()


def results(how, vectors, options):
    """What an implementation finds, and the gradients of all that is learned."""
    fixed = {k: v for k, v in options.items() if k in ("pattern", "offset")}
    given = {k: v for k, v in options.items() if k not in fixed}
    given["score"] = as_tree(given["score"])

    @jax.jit
    def run(vectors, given):
        def loss(learned):
            vectors, score, sinks = learned
            options = given | {"score": score, "sinks": sinks}
            found = attend(*vectors, **fixed, **options, implementation=how)
            return both(found), found

        learned = (vectors, given["score"], given["sinks"])
        slopes, found = jax.grad(loss, has_aux=True, allow_int=True)(learned)
        return found, slopes

    return run(vectors, given)


def assert_close(one, other, tolerance=2e-5):
    """Equal but for rounding; an infinity and a NaN are what they are."""
    for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        if jnp.issubdtype(x.dtype, jnp.floating):
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@few
@given(
    patterns,
    scores(HEADS),
    st.integers(5, 40),
    st.integers(5, 40),
    st.integers(0, 7),
    st.booleans(),
    st.booleans(),
)
def test_all_agree_forward_and_gradient(
    pattern, score, queries, keys, offset, packed, sinks
):
    """Under any pattern and score, odd lengths and rows without keys included."""
    segments = jnp.arange(queries)[None] // 9, jnp.arange(keys)[None] // 9
    options = {
        "pattern": pattern,
        "offset": offset,
        "score": score,
        "sinks": jnp.linspace(-1.0, 1.0, HEADS) if sinks else None,
    }
    if packed:
        padding = jnp.arange(keys)[None] >= jnp.array([[keys], [keys // 2]])
        options |= {"segments": segments[0], "key_segments": segments[1]}
        options |= {"padding": padding}
    given = vectors(queries, keys)
    expected = results(Dense(), given, options)
    for how in (Chunked(8), Blocks(8)):
        assert_close(results(how, given, options), expected)


def allowed_of(pattern, queries, keys):
    query, key = np.arange(queries)[None, :, None], np.arange(keys)[None, None, :]
    pairs = pattern.allowed(query, key, keys)
    return np.broadcast_to(pairs, (2, queries, keys))


@pytest.mark.parametrize("how", [Dense(), *IMPLEMENTATIONS], ids=str)
@pytest.mark.parametrize("sinks", [None, np.linspace(-1, 1, HEADS)], ids=["", "sinks"])
def test_it_is_the_formula(how, sinks):
    pattern = causal() & (window(3) | Columns(7, 1))
    given = vectors(19, 19)
    found = attend(
        *given,
        pattern=pattern,
        sinks=None if sinks is None else jnp.asarray(sinks, jnp.float32),
        implementation=how,
    )
    expected = formula(*given, allowed_of(pattern, 19, 19), sinks)
    assert_close(found, expected, 1e-5)


@pytest.mark.parametrize("how", [Dense(), *IMPLEMENTATIONS], ids=str)
def test_a_query_without_keys_gets_zeros(how):
    given = vectors(9, 9)
    nothing = jnp.ones((2, 9), bool)
    options = {"padding": nothing, "score": SoftCap(3.0), "sinks": None}
    found, slopes = results(how, given, options)
    assert (found.output == 0).all()
    assert jnp.isneginf(found.log_sum_exp).all()
    assert all((x == 0).all() for x in jax.tree.leaves(slopes[0]))


@pytest.mark.parametrize("how", [Dense(), *IMPLEMENTATIONS], ids=str)
def test_a_causal_query_has_no_slope_by_later_keys(how):
    query, key, value = vectors(11, 11, batch=1)

    def outputs(key, value):
        found = attend(query, key, value, pattern=causal(), implementation=how)
        return found.output.sum((0, 2, 3))

    for slopes in jax.jacrev(outputs, (0, 1))(key, value):
        felt = np.abs(np.asarray(slopes)).sum((1, 3, 4))
        assert (np.triu(felt, 1) == 0).all()
        assert (felt[np.tril_indices(11, -1)] > 0).all()


@pytest.mark.parametrize("how", IMPLEMENTATIONS, ids=str)
def test_half_precision_is_near(how):
    exact = vectors(50, 50, features=16)
    options = {"pattern": longformer(5, 2), "score": ALiBi(HEADS), "sinks": None}
    expected, slopes = results(Dense(), exact, options)
    half = [x.astype(jnp.bfloat16) for x in exact]
    found, half_slopes = results(how, half, options)
    assert found.output.dtype == jnp.bfloat16
    assert found.log_sum_exp.dtype == jnp.float32
    assert half_slopes[0][0].dtype == jnp.bfloat16
    as_float = jax.tree.map(lambda x: x.astype(jnp.float32), (found, half_slopes[0]))
    for one, other in zip(
        jax.tree.leaves(as_float), jax.tree.leaves((expected, slopes[0])), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=0.05 * np.abs(other).max())


@pytest.mark.parametrize("how", [Dense(), *IMPLEMENTATIONS], ids=str)
def test_keys_may_come_in_any_order(how):
    """With the indices of keys in their positions, and a score in place of a pattern."""
    query, key, value = vectors(12, 12)
    order = np.random.default_rng(0).permutation(12)
    score = ALiBi(HEADS)
    plain = attend(query, key, value, score=score, implementation=how)
    shuffled = attend(
        query,
        key[:, order],
        value[:, order],
        score=score,
        key_positions=jnp.asarray(order)[None],
        implementation=how,
    )
    assert_close(shuffled, plain)


@pytest.mark.parametrize("how", [Dense(), *IMPLEMENTATIONS], ids=str)
def test_packed_sequences_do_not_feel_each_other(how):
    query, key, value = vectors(17, 17)
    segments = (jnp.arange(17) >= 10).astype(jnp.int32)[None]
    packed = attend(
        query, key, value, pattern=causal(), segments=segments, implementation=how
    )
    for part in (slice(10), slice(10, None)):
        alone = attend(
            query[:, part],
            key[:, part],
            value[:, part],
            pattern=causal(),
            implementation=how,
        )
        assert_close(jax.tree.map(lambda x, part=part: x[:, part], packed), alone)


@pytest.mark.parametrize("how", [Dense(), *IMPLEMENTATIONS], ids=str)
def test_an_offset_may_be_traced_and_differ(how):
    query, key, value = vectors(6, 20)
    offsets = jnp.array([3, 14])
    found = jax.jit(
        lambda offsets: attend(
            query, key, value, pattern=causal(), offset=offsets, implementation=how
        )
    )(offsets)
    for row, offset in enumerate(offsets.tolist()):
        one = [x[row : row + 1] for x in (query, key, value)]
        alone = attend(*one, pattern=causal(), offset=offset)
        assert_close(jax.tree.map(lambda x, row=row: x[row : row + 1], found), alone)


@pytest.mark.parametrize("how", IMPLEMENTATIONS, ids=str)
def test_it_may_be_mapped_over_replicates(how):
    given = [jnp.stack([x, 2 * x]) for x in vectors(9, 9)]

    def slopes(*given):
        return jax.grad(
            lambda x: both(attend(x, *given[1:], pattern=window(2), implementation=how))
        )(given[0])

    mapped = jax.jit(jax.vmap(slopes))(*given)
    for row in range(2):
        assert_close(mapped[row], slopes(*(x[row] for x in given)), 1e-4)


def slope_along(how, mode):
    """A second derivative: of the slope by queries, in the direction of the queries."""
    query, key, value = vectors(6, 6, batch=1)
    query, value = query[..., :2], value[..., :2]

    def slope(query):
        def loss(query):
            found = attend(
                query, key[..., :2], value, pattern=causal(), implementation=how
            )
            return both(found)

        return jax.grad(loss)(query)

    if mode == "jvp":
        return jax.jit(lambda x: jax.jvp(slope, (x,), (x,))[1])(query)
    return jax.jit(jax.grad(lambda x: (slope(x) * query).sum()))(query)


def test_second_derivatives_are_the_same_or_refused():
    expected = slope_along(Dense(), "grad")
    for how, mode in (
        (Dense(), "jvp"),
        (Blocks(4), "jvp"),
        (Blocks(4), "grad"),
        (Chunked(4), "jvp"),
    ):
        assert_close(slope_along(how, mode), expected, 1e-4)
    with pytest.raises(ValueError, match="Reverse-mode differentiation does not work"):
        slope_along(Chunked(4), "grad")


def temporaries(how, pattern, length, backward: bool) -> int:
    shape = jax.ShapeDtypeStruct((1, length, 2, 16), jnp.float32)

    def run(query, key, value):
        return attend(query, key, value, pattern=pattern, implementation=how)

    def slopes(*given):
        return jax.grad(lambda *given: run(*given).output.sum(), (0, 1, 2))(*given)

    compiled = jax.jit(slopes if backward else run).lower(shape, shape, shape).compile()
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize(
    "pattern", [FULL, causal(), window(64), longformer(64)], ids=str
)
def test_memory_of_tiles_does_not_grow(pattern):
    """But for the indices of tokens, four bytes each, and the lists of live tiles."""
    short, long = (temporaries(Chunked(256), pattern, n, False) for n in (2048, 8192))
    assert long - short <= 6144 * 8


def test_memory_is_linear_backward():
    pattern = causal()
    short, long = (temporaries(Chunked(256), pattern, n, True) for n in (2048, 8192))
    of_a_token = 4 * 2 * (3 * 16 + 2 * 16)  # three slopes, the output, its cotangent
    assert long - short <= 1.5 * 6144 * of_a_token


def test_the_default_is_one_of_all():
    given = vectors(30, 30)
    plain = attend(*given, pattern=longformer(4))
    assert_close(plain, attend(*given, pattern=longformer(4), implementation=Dense()))


BAD = {
    "batches": ([(2, 5, 4, 8), (3, 5, 4, 8), (3, 5, 4, 8)], {}, "same batch"),
    "features": ([(2, 5, 4, 8), (2, 5, 4, 6), (2, 5, 4, 8)], {}, "same features"),
    "heads": ([(2, 5, 4, 8), (2, 5, 3, 8), (2, 5, 3, 8)], {}, "4 heads.* 3 of keys"),
    "values": ([(2, 5, 4, 8), (2, 5, 4, 8), (2, 6, 4, 8)], {}, "keys .* values"),
    "padding": (
        [(2, 5, 4, 8)] * 3,
        {"padding": jnp.zeros((2, 4), bool)},
        r"padding of shape \(2, 4\): expected \(2, 5\)",
    ),
    "segments": (
        [(2, 5, 4, 8), (2, 6, 4, 8), (2, 6, 4, 8)],
        {"segments": jnp.zeros((2, 5), jnp.int32)},
        "give both",
    ),
    "token": (
        [(2, 5, 4, 8)] * 3,
        {"pattern": longformer(2, 6)},
        "global token 5 is not among 5",
    ),
    "rank": ([(5, 4, 8)] * 3, {}, r"queries of shape \(5, 4, 8\): expected \(examples"),
    "rank of values": ([(2, 5, 4, 8)] * 2 + [(2, 5, 4)], {}, r"values of shape"),
    "no queries": ([(2, 0, 4, 8), (2, 5, 4, 8), (2, 5, 4, 8)], {}, "1 or more of each"),
    "no keys": ([(2, 5, 4, 8), (2, 0, 4, 8), (2, 0, 4, 8)], {}, "keys of .* 1 or more"),
    "no heads": ([(2, 5, 0, 8), (2, 5, 2, 8), (2, 5, 2, 8)], {}, "queries of .* 1 or"),
    "no features": ([(2, 5, 4, 0)] * 3, {}, "1 or more of each"),
    "whole padding": (
        [(2, 5, 4, 8)] * 3,
        {"padding": jnp.zeros((2, 5), int)},
        "padding of int32: expected booleans, true where there is no token",
    ),
    "real padding": (
        [(2, 5, 4, 8)] * 3,
        {"padding": jnp.zeros((2, 5))},
        "padding of float32: expected booleans",
    ),
    "real segments": (
        [(2, 5, 4, 8)] * 3,
        {"segments": jnp.zeros((2, 5))},
        "segments of float32: expected integers",
    ),
    "real positions": (
        [(2, 5, 4, 8)] * 3,
        {"key_positions": jnp.zeros((2, 5))},
        "key_positions of float32: expected integers",
    ),
    "sinks for other heads": (
        [(2, 5, 4, 8)] * 3,
        {"sinks": jnp.zeros(1)},
        r"sinks of shape \(1,\): expected \(4,\)",
    ),
    "whole sinks": (
        [(2, 5, 4, 8)] * 3,
        {"sinks": jnp.zeros(4, int)},
        "sinks of int32: expected real numbers",
    ),
    "negative offset": ([(2, 5, 4, 8)] * 3, {"offset": -1}, "offset of -1: expected 0"),
    "real offset": (
        [(2, 5, 4, 8)] * 3,
        {"offset": jnp.array(1.5)},
        "an offset of float32: expected integers",
    ),
    "offsets of other examples": (
        [(2, 5, 4, 8)] * 3,
        {"offset": jnp.zeros(3, int)},
        r"offset of shape \(3,\): expected \(\) or \(2,\)",
    ),
    "alibi of other heads": (
        [(2, 5, 4, 8)] * 3,
        {"score": ALiBi(2)},
        "2 heads, and logits of 4",
    ),
    "biases of other heads": (
        [(2, 5, 4, 8)] * 3,
        {"score": RelativeBias(jnp.zeros((2, 8)))},
        "2 heads, and logits of 4",
    ),
    "score of sums": (
        [(2, 5, 4, 8)] * 3,
        {"score": lambda logits, *_: logits.sum(1, keepdims=True)},
        r"float32 \(2, 1, 5, 5\) of logits \(2, 4, 5, 5\)",
    ),
    "score of integers": (
        [(2, 5, 4, 8)] * 3,
        {"score": lambda logits, *_: logits.astype(int)},
        "a score made int32 .*: expected real numbers",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told(case):
    shapes, options, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        attend.__wrapped__(*(jnp.zeros(shape) for shape in shapes), **options)


def test_whole_numbers_are_no_vectors():
    whole = jnp.ones((2, 5, 4, 8), int)
    with pytest.raises(ValueError, match="queries of int32: expected real numbers"):
        attend.__wrapped__(whole, whole, whole)


@pytest.mark.parametrize(
    "pattern, score, scale, message",
    [
        (
            causal,
            unchanged,
            None,
            r"a pattern .* expected a Pattern, such as causal\(\)",
        ),
        (FULL, ALiBi, None, r"a score .* expected a function .* such as ALiBi\(8\)"),
        (FULL, None, None, "a score None: expected a function"),
        (FULL, unchanged, float("nan"), "a scale of nan: expected a number"),
        (FULL, unchanged, jnp.array(2.0), "multiply the queries"),
    ],
    ids=["pattern", "class", "no score", "no number", "array"],
)
def test_what_is_no_rule_is_told(pattern, score, scale, message):
    with pytest.raises(ValueError, match=message):
        require_rules(pattern, score, scale)


def test_what_is_no_implementation_is_told():
    case = case_of(*vectors(5, 5)[:2])
    for how in ("dense", Dense):
        with pytest.raises(ValueError, match="expected one such as Chunked"):
            supporting.__wrapped__(how, case)


def test_a_whole_number_of_numpy_is_known_before_any_trace():
    assert known(np.int64(4), 2) == 4 and known(jnp.array(4), 2) is None


@pytest.mark.parametrize("how", [Chunked, Blocks, Ring])
def test_sizes_that_are_none_are_refused(how):
    with pytest.raises(ValueError, match="a size of 0: expected 1 or more"):
        how(size=0)


def test_a_window_longer_than_the_sequence_is_all_of_it():
    given = vectors(9, 9)
    assert_close(attend(*given, pattern=window(99)), attend(*given, pattern=FULL))


def farther(held, logits, head, query, key):
    """A score that holds whole numbers beside what is learned: places in a plane."""
    places, steepness = held
    return logits - steepness * jnp.abs(places[query] - places[key])


@pytest.mark.parametrize("how", IMPLEMENTATIONS, ids=str)
def test_a_score_may_hold_whole_numbers(how):
    held = jnp.arange(11) ** 2, jnp.array(0.1)
    options = {"score": Partial(farther, held), "sinks": None}
    given = vectors(11, 11)
    expected, slopes = results(Dense(), given, options)
    found, its_slopes = results(how, given, options)
    assert_close(found, expected)
    assert_close(its_slopes, slopes)


def away(logits, head, query, key):
    """No number for a later key, which no causal query sees."""
    return logits - jnp.sqrt((query - key).astype(logits.dtype))


def away_at_most(logits, head, query, key):
    """The same, a number everywhere."""
    return logits - jnp.sqrt(jnp.maximum(query - key, 0).astype(logits.dtype))


@pytest.mark.parametrize("how", IMPLEMENTATIONS, ids=str)
def test_a_score_counts_where_a_query_attends_alone(how):
    options = {"pattern": causal(), "sinks": None}
    given = vectors(11, 11)
    expected = results(Dense(), given, options | {"score": away_at_most})
    assert_close(results(how, given, options | {"score": away}), expected)


@pytest.mark.parametrize("how", [Dense(), *IMPLEMENTATIONS], ids=str)
def test_slopes_of_a_score_in_half_precision_are_summed_in_float32(how):
    table = jnp.ones((HEADS, 8), jnp.bfloat16)
    options = {"sinks": None}
    given = vectors(50, 50)
    exact = results(
        Dense(), given, options | {"score": RelativeBias(table.astype("f4"))}
    )
    found = results(how, given, options | {"score": RelativeBias(table)})
    one, other = (slopes[1].table.astype("f4") for _, slopes in (found, exact))
    np.testing.assert_allclose(one, other, rtol=2**-7, atol=1e-4)


@pytest.mark.parametrize("how", [Dense(), *IMPLEMENTATIONS], ids=str)
def test_a_score_in_half_precision_is_weighed_in_float32(how):
    def halved(logits, *_):
        return (logits / 2).astype(jnp.bfloat16)

    def rounded(logits, *_):
        return halved(logits).astype(jnp.float32)

    given = vectors(11, 11)
    scores = halved, rounded
    one, other = (results(how, given, {"score": x, "sinks": None}) for x in scores)
    assert_close(one, other)
    assert one[0].log_sum_exp.dtype == jnp.float32


def test_plain_functions_are_scores():
    given = vectors(9, 9)
    halved = attend(*given, score=lambda logits, *_: logits / 2)
    assert_close(halved, attend(*given, scale=4**-0.5 / 2))
    assert_close(attend(*given, score=unchanged), attend(*given))
