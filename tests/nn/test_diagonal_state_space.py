"""Diagonal state spaces against a loop, token by token, in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.bidirectional import Bidirectional
from jaxgen.nn.diagonal_state_space import DiagonalStateSpace
from jaxgen.nn.mixer import PLAIN, Context
from mixers import LENGTH, X, close

SEGMENTS = np.array([[1, 1, 1, 1, 1, 1], [7, 7, 2, 2, 2, 7]])
PADDING = np.array([[True] + [False] * 5, [False, False, False, True, False, False]])
CONTEXT = Context(jnp.asarray(PADDING), jnp.asarray(SEGMENTS))


def by_loop(params, x, order):
    """Of rows with the context above; ``order`` is that of the tokens."""
    params = jax.tree.map(np.float64, params)
    step = np.exp(-np.exp(params["decay"]) + 1j * np.exp(params["angle"]))
    enter, leave = (
        params[f"{side}_re"]["kernel"] + 1j * params[f"{side}_im"]["kernel"]
        for side in ("in", "out")
    )
    y = np.zeros_like(x)
    for row in range(len(x)):
        state, segment = np.zeros(len(step)), None
        for place in order:
            if SEGMENTS[row, place] != segment:
                state, segment = np.zeros(len(step)), SEGMENTS[row, place]
            if not PADDING[row, place]:
                state = step * state + np.exp(params["gain"]) * (x[row, place] @ enter)
            y[row, place] = (state @ leave).real + params["through"] * x[row, place]
    return y


def test_it_is_the_recurrence(key):
    found, variables = DiagonalStateSpace(5).init_with_output(key, X, CONTEXT)
    expected = by_loop(variables["params"], np.float64(X), range(LENGTH))
    close(found[~PADDING], expected[~PADDING])


def test_both_ways_are_two_recurrences(key):
    mixer = Bidirectional(DiagonalStateSpace(5))
    found, variables = mixer.init_with_output(key, X, CONTEXT)
    params, x = variables["params"], np.float64(X)
    expected = by_loop(params["forth"], x, range(LENGTH))
    expected += by_loop(params["back"], x, range(LENGTH)[::-1])
    close(found[~PADDING], expected[~PADDING])


def first(key, **how):
    params = DiagonalStateSpace(2000, **how).init(key, X, PLAIN)["params"]
    return params, np.exp(-np.exp(np.float64(params["decay"])))


def test_steps_lie_evenly_over_their_ring(key):
    params, size = first(key, smallest=0.5, largest=0.9, turn=1.0)
    assert size.min() >= 0.5 - 1e-6 and size.max() <= 0.9 + 1e-6
    areas = (size**2 - 0.25) / (0.81 - 0.25)
    for evenly in (areas, np.exp(params["angle"])):
        # of 2,000 even draws, the largest gap to the diagonal is 0.036 once in 100
        gap = np.abs(np.sort(evenly) - (np.arange(2000) + 0.5) / 2000).max()
        assert gap < 0.036
    np.testing.assert_allclose(np.exp(params["gain"]), np.sqrt(1 - size**2), rtol=1e-4)


def test_states_keep_the_variance_of_what_enters(key):
    """White noise, long enough that the state forgot its start: all about one."""
    params, size = first(key, largest=0.9)
    step = np.exp(-np.exp(params["decay"]) + 1j * np.exp(params["angle"]))
    powers = np.abs(step[:, None]) ** (2 * np.arange(200))
    variance = np.exp(2 * np.float64(params["gain"])) * powers.sum(1)
    np.testing.assert_allclose(variance, 1, rtol=1e-3)
    assert size.max() > 0.85


@pytest.mark.parametrize("decay", [-30.0, 0.0, 30.0])
def test_no_decay_makes_it_explode(decay, key):
    mixer, x = DiagonalStateSpace(4), jnp.ones((1, 256, 8))
    params = dict(mixer.init(key, x, PLAIN)["params"])
    params["decay"] = jnp.full(4, decay)
    states = jax.jit(mixer.apply)({"params": params}, x, PLAIN)
    assert np.abs(states).max() <= 256 * 20 and np.isfinite(states).all()


@pytest.mark.parametrize(
    "how, message",
    [
        ({"states": 0}, r"states=0\): expected 1 or more"),
        ({"smallest": 0.9, "largest": 0.5}, "smallest=0.9, largest=0.5.*a ring"),
        ({"largest": 1.0}, "largest=1.0.*largest < 1"),
        ({"turn": 0.0}, r"turn=0.0\): expected more than 0"),
    ],
    ids=["none", "ring", "circle", "turn"],
)
def test_states_that_cannot_be_are_refused(how, message, key):
    with pytest.raises(ValueError, match=message):
        DiagonalStateSpace(**how).init(key, X, PLAIN)
    with pytest.raises(ValueError, match=message):
        DiagonalStateSpace(**how).cost(1, 2, 3)
