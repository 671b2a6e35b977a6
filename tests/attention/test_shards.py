"""Every live tile is visited once, by all devices alike."""

import numpy as np
import pytest

from jaxgen.attention.expressions import (
    FULL,
    bigbird,
    causal,
    first_tokens,
    strided,
    window,
)
from jaxgen.attention.live import Grid, live_blocks
from jaxgen.attention.shards import (
    Schedule,
    Shards,
    balanced,
    contiguous,
    schedule,
    shortest,
)

LENGTH, SIZE = 96, 4
LAYOUTS = [contiguous, balanced]


def whole(plan: Schedule, shards: Shards) -> np.ndarray:
    """How often each tile of the whole sequence is visited, in its order."""
    chunks = plan.layout(shards.devices)
    rows = tiles_of(chunks, shards.queries // SIZE)
    columns = tiles_of(chunks, shards.keys // SIZE)
    found = np.zeros((shards.queries // SIZE, shards.keys // SIZE), int)
    for device in range(shards.devices):
        for step, hop in enumerate(plan.hops):
            other = (device - hop) % shards.devices
            found[np.ix_(rows[device], columns[other])] += plan.live[device, step]
    return found


def tiles_of(chunks: np.ndarray, tiles: int) -> np.ndarray:
    own = tiles // chunks.size
    return (chunks[..., None] * own + np.arange(own)).reshape(len(chunks), -1)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("devices", [1, 2, 3, 4, 6])
@pytest.mark.parametrize(
    "pattern, keys, offset",
    [
        (FULL, LENGTH, 0),
        (causal(), LENGTH, 0),
        (causal() & window(7), LENGTH, 0),
        (window(11) | first_tokens(3), LENGTH, 0),
        (strided(5), LENGTH, 0),
        (bigbird(size=4, drawn=2), LENGTH, 0),
        (causal(), 2 * LENGTH, LENGTH),
    ],
    ids=str,
)
def test_every_live_tile_is_visited_once(pattern, keys, offset, layout, devices):
    shards = Shards(devices, LENGTH, keys, SIZE, offset)
    visited = whole(schedule(pattern, shards, layout), shards)
    np.testing.assert_array_equal(
        visited, live_blocks(pattern, Grid(LENGTH, keys, SIZE, SIZE, offset))
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_tiles_are_visited_where_the_offset_is_known_late(layout):
    shards = Shards(4, LENGTH, LENGTH, SIZE, None)
    assert (whole(schedule(causal(), shards, layout), shards) == 1).all()


@pytest.mark.parametrize("devices", [2, 3, 4, 8, 64])
def test_the_balanced_layout_gives_every_device_the_same_causal_work(devices):
    """In chunks: at home 3 of 4 pairs are alive, at every other stop 2."""
    shards = Shards(devices, 2 * devices, 2 * devices, 1, 0)
    work = schedule(causal(), shards, balanced).live.sum((-1, -2))
    np.testing.assert_array_equal(work[:, 0], 3)
    np.testing.assert_array_equal(work[:, 1:], 2)
    in_order = schedule(causal(), shards, contiguous).live.sum((-1, -2))
    np.testing.assert_array_equal(in_order.sum(1), 3 + 4 * np.arange(devices))


@pytest.mark.parametrize(
    "pattern, layout, hops",
    [
        (FULL, contiguous, tuple(range(8))),
        (causal(), balanced, tuple(range(8))),
        (causal() & window(12), contiguous, (0, 1)),
        (causal() & window(13), contiguous, (0, 1, 2)),
        (window(5), contiguous, (0, 1, 7)),
    ],
    ids=["full", "causal", "window of 12", "window of 13", "both sides"],
)
def test_keys_go_as_far_as_the_pattern_reaches(pattern, layout, hops):
    """Shards of 12: the first query of one sees 12 keys back, all of the one before."""
    plan = shortest(pattern, Shards(8, LENGTH, LENGTH, 1, 0))
    assert (plan.layout, plan.hops) == (layout, hops)


def test_the_choice_counts_pairs_not_tiles():
    """A tile of a chunk is smaller than one of a shard where those are short."""
    assert shortest(causal(), Shards(4, 32, 32, 256, 0)).layout is balanced
    assert shortest(FULL, Shards(4, 32, 32, 256, 0)).layout is contiguous


def test_what_two_chunks_a_device_do_not_divide_stays_in_order():
    assert shortest(causal(), Shards(4, 12, 12, 1, 0)).layout is contiguous
