"""The gated delta rule as a mixer: its formula, its start, what it holds and refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.nn.gated_delta import GatedDeltaRule, first_speed, first_step
from jaxgen.nn.mixer import PLAIN, Context
from largest import largest
from mixers import FEATURES, LENGTH, X, close, learned

SEGMENTS = np.array([[1, 1, 1, 1, 1, 1], [7, 7, 7, 2, 2, 2]])
PADDING = np.array([[True, True] + [False] * 4, [False] * 5 + [True]])


def softplus(x):
    return np.log1p(np.exp(x))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def tokens_of(row):
    """Each token, with those of its sequence up to it."""
    for t in np.flatnonzero(~PADDING[row]):
        own = (SEGMENTS[row] == SEGMENTS[row, t]) & ~PADDING[row]
        yield t, [s for s in np.flatnonzero(own) if s <= t]


def by_loop(params, x, heads):
    """Of rows with the context above, a head at a time; padding is left at zero."""
    params = jax.tree.map(np.float64, params)
    split = {
        name: np.einsum("btd,dnh->btnh", x, params[name]["kernel"])
        for name in ("query", "key", "value", "gate")
    }
    step = softplus(x @ params["step"]["kernel"] + params["step"]["bias"])
    decay = np.exp(-np.exp(params["speed"]) * step)
    rate = sigmoid(x @ params["rate"]["kernel"])
    kernels = {
        name: params[f"{name}_convolution"].reshape(4, heads, -1)
        for name in ("query", "key", "value")
    }
    y = np.zeros_like(split["value"])
    for row, head in np.ndindex(len(x), heads):
        for t, past in tokens_of(row):
            if past[0] == t:
                state = 0
            query, key, value = (
                convolved(split[name][row, :, head], kernels[name][:, head], t, past)
                for name in kernels
            )
            query, key = (side / np.sqrt(side @ side + 1e-6) for side in (query, key))
            now = row, t, head
            kept = np.eye(len(key)) - rate[now] * np.outer(key, key)
            state = decay[now] * np.dot(state, kept) + rate[now] * np.outer(value, key)
            found = state @ query
            norm = np.sqrt((found**2).mean() + 1e-6)
            y[now] = params["norm"]["scale"] * found / norm * silu(split["gate"][now])
    return y.reshape(x.shape) @ params["out"]["kernel"]


def convolved(vectors, kernel, t, past):
    """Tokens before the first of a sequence count as zeros."""
    return silu(sum(kernel[3 - (t - s)] * vectors[s] for s in past if t - s < 4))


def test_it_is_its_formula():
    mixer, params = GatedDeltaRule(2), learned("delta")
    context = Context(jnp.asarray(PADDING), jnp.asarray(SEGMENTS))
    found = jax.jit(mixer.apply)(params, X, context)
    expected = by_loop(params["params"], np.float64(X), heads=2)
    close(found[~PADDING], expected[~PADDING])


def test_gates_start_as_published(key):
    """Even: of 2,000 draws, the largest gap to the diagonal is 0.036 once in 100."""
    speed, step = (np.float64(f(key, (2000,))) for f in (first_speed, first_step))
    speed, step = np.exp(speed), np.log(softplus(step))
    for drawn, least, most in ((speed, 1, 16), (step, np.log(0.001), np.log(0.1))):
        places = (np.sort(drawn) - least) / (most - least)
        assert np.abs(places - (np.arange(2000) + 0.5) / 2000).max() < 0.036


@pytest.mark.parametrize("packed", [False, True], ids=["row", "segments"])
def test_arrays_and_work_are_linear_in_the_length(packed):
    """Slope included: no matrix of all pairs, and no state for each token."""
    mixer = GatedDeltaRule(2)
    params = jax.eval_shape(mixer.init, jax.random.key(0), X, PLAIN)

    def numbers(length):
        x = jnp.zeros((1, length, FEATURES))
        segments = jnp.zeros((1, length), int) if packed else None

        def loss(params, x):
            return mixer.apply(params, x, Context(segments=segments)).sum()

        return largest(jax.make_jaxpr(jax.grad(loss))(params, x).jaxpr)

    assert numbers(4096) == 2 * numbers(2048) == 4096 * FEATURES
    assert mixer.cost(1, 4096, 8).flops == 2 * mixer.cost(1, 2048, 8).flops


@pytest.mark.parametrize(
    "mixer, message",
    [
        (GatedDeltaRule(3), r"heads=3\): 8 features do not divide into 3 heads"),
        (GatedDeltaRule(2, width=0), r"width=0\): expected 1 token or more"),
        (GatedDeltaRule(2, chunk=0), r"chunk=0\): expected 1 token or more"),
    ],
    ids=["heads", "width", "chunk"],
)
def test_sizes_that_do_not_fit_are_refused(mixer, message, key):
    with pytest.raises(ValueError, match=message):
        mixer.init(key, X, PLAIN)
    with pytest.raises(ValueError, match=message):
        mixer.cost(1, LENGTH, FEATURES)
