"""Patterns against brute force over every pair."""

import numpy as np
import pytest
from compositions import patterns
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgen.attention.expressions import (
    FULL,
    bigbird,
    causal,
    first_tokens,
    fixed,
    longformer,
    prefix,
    strided,
    tokens,
    window,
)
from jaxgen.attention.live import Grid, drawing, live_blocks, whole_blocks
from jaxgen.attention.patterns import (
    Both,
    Chunks,
    Columns,
    Distance,
    Either,
    Pattern,
    require_whole,
)
from jaxgen.attention.random_blocks import RandomBlocks

# beartype looks at a random item of each sequence
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

thorough = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def allowed(pattern, queries, keys, offset=0):
    query, key = np.arange(queries)[:, None] + offset, np.arange(keys)[None, :]
    return np.broadcast_to(pattern.allowed(query, key, keys), (queries, keys))


def by_blocks(pairs, grid, of):
    """``any`` or ``all`` over the pairs of each block."""
    rows = range(0, grid.queries, grid.query_size)
    columns = range(0, grid.keys, grid.key_size)
    return np.array(
        [
            [of(pairs[i : i + grid.query_size, j : j + grid.key_size]) for j in columns]
            for i in rows
        ]
    )


grids = st.builds(
    Grid,
    st.integers(5, 40),
    st.integers(5, 40),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 20),
)


def composed(pattern) -> bool:
    return isinstance(pattern, Both | Either)


@thorough
@given(patterns, grids)
def test_blocks_are_alive_where_a_pair_may_attend(pattern, grid):
    pairs = allowed(pattern, grid.queries, grid.keys, grid.offset)
    some, every = (by_blocks(pairs, grid, of) for of in (np.any, np.all))
    live, whole = live_blocks(pattern, grid), whole_blocks(pattern, grid)
    assert (live >= some).all()
    assert (whole <= every).all()
    if not composed(pattern):
        assert (live == some).all()
        assert (whole == every).all()


@thorough
@given(patterns)
def test_a_causal_pattern_sees_no_later_key(pattern):
    later = np.triu(allowed(pattern, 40, 40), 1).any()
    assert not (pattern.causal and later)


@pytest.mark.parametrize(
    "pattern, is_causal",
    [
        (causal(), True),
        (window(3, 0), True),
        (window(3), False),
        (FULL & causal(), True),
        (FULL | causal(), False),
        (fixed(4), True),
        (strided(4), True),
        (prefix(2), False),
        (longformer(2), False),
        (causal() & longformer(2), True),
    ],
)
def test_causality_is_known(pattern, is_causal):
    assert pattern.causal is is_causal


def test_algebra_is_that_of_sets():
    a, b = window(2), first_tokens(2)
    one, other = allowed(a, 9, 9), allowed(b, 9, 9)
    assert (allowed(a & b, 9, 9) == one & other).all()
    assert (allowed(a | b, 9, 9) == one | other).all()


def test_equal_patterns_are_one_key():
    one = causal() & window(4) | tokens([3, 1, 3])
    other = causal() & window(4) | tokens([1, 3])
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_a_window_holds_what_it_says(dilation):
    for query, row in enumerate(allowed(window(2, 1, dilation), 20, 20)):
        ahead = [query + dilation * step for step in (-2, -1, 0, 1)]
        assert np.flatnonzero(row).tolist() == [k for k in ahead if 0 <= k < 20]


def test_strided_and_fixed_are_those_of_the_paper():
    """Child et al., section 4.3, from its definitions of A_i."""
    n, stride, width = 24, 4, 2
    for i in range(n):
        recent = {j for j in range(max(0, i - stride), i + 1)}
        summary = {j for j in range(i + 1) if (i - j) % stride == 0}
        row = set(np.flatnonzero(allowed(strided(stride), n, n)[i]))
        assert row == recent | summary
        own = {j for j in range(i + 1) if j // stride == i // stride}
        columns = {
            j for j in range(i + 1) if j % stride in range(stride - width, stride)
        }
        row = set(np.flatnonzero(allowed(fixed(stride, width), n, n)[i]))
        assert row == own | columns


@pytest.mark.parametrize("length", [64, 100])
def test_random_blocks_are_as_many_as_asked_and_repeat(length):
    pattern = RandomBlocks(3, 8, seed=1)
    pairs = allowed(pattern, length, length)
    live = live_blocks(pattern, Grid(length, length, 8, 8))
    assert (live.sum(1) == 3).all()
    assert (pairs == allowed(RandomBlocks(3, 8, seed=1), length, length)).all()
    assert (pairs != allowed(RandomBlocks(3, 8, seed=2), length, length)).any()


def test_work_of_a_sparse_pattern_grows_with_length_alone():
    for pattern in (window(64), longformer(64), bigbird()):
        live = [
            live_blocks(pattern, Grid(n, n, 64, 64)).sum() for n in (4096, 8192, 16384)
        ]
        steps = np.diff(live)
        assert abs(steps[1] - 2 * steps[0]) <= 2


def test_a_drawing_is_the_pattern():
    assert drawing(causal() & window(1), 3) == "x . .\nx x .\n. x x"


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: window(-1), "window of -1 before"),
        (lambda: window(2, dilation=0), "step of 0"),
        (lambda: Distance(step=0), "step of 0"),
        (lambda: Columns(4, 5), "last 5 of every 4"),
        (lambda: fixed(4, 0), "last 0 of every 4"),
        (lambda: Chunks(0), "chunks of 0"),
        (lambda: RandomBlocks(0), "0 random blocks of 64"),
        (lambda: tokens([]), "no global tokens"),
        (lambda: prefix(-1), "a prefix of -1 keys"),
        (lambda: Distance(3, 1), "distances from 3 to 1"),
        (lambda: RandomBlocks(1, seed=-1), "a seed of -1"),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_not_whole_is_refused():
    require_whole(size=3, index=np.int64(4))
    with pytest.raises(ValueError, match=r"a size of 1\.5: expected a whole number"):
        require_whole(size=1.5)


def test_a_pattern_is_joined_to_patterns_alone():
    for operator in (Pattern.__and__, Pattern.__or__):
        assert operator.__wrapped__(causal(), 3) is NotImplemented


def test_a_global_token_outside_is_refused():
    with pytest.raises(ValueError, match="global token 9 is not among 9 positions"):
        (causal() & tokens([0, 9])).require_fit(9, 9)
    tokens([0, 8]).require_fit(9, 9)
