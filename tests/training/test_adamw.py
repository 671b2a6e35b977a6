"""AdamW against its algorithm in double precision, and rates against their shapes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.training.adamw import adamw, matrices, matrices_and_embeddings
from jaxgen.training.rate_shapes import constant, cosine, trapezoid
from language_models import MODELS, learned

PARAMS = {
    "Dense_0": {"kernel": np.array([[1.0, -2.0]], "f4"), "bias": np.array([0.5], "f4")},
    "embedding": np.array([3.0], "f4"),
}
STEPS, RATE, DECAY, CLIP = 6, 0.1, 0.3, 1.5
SHAPE = cosine(STEPS, 2, 0.1)


def slope_of(w):
    """Of a loss whose gradient is sometimes longer than the clip."""
    return jax.tree.map(lambda w: w**3 - 1, w)


@jax.jit
def trained(rate, decay, clip):
    optimizer = adamw(rate, SHAPE, decay, b1=0.8, b2=0.9, clip=clip)

    def step(carried, _):
        params, state = carried
        updates, state = optimizer.update(slope_of(params), state, params)
        return (jax.tree.map(jnp.add, params, updates), state), None

    params = jax.tree.map(jnp.asarray, PARAMS)
    return jax.lax.scan(step, (params, optimizer.init(params)), length=STEPS)[0][0]


def by_the_algorithm(rate, decay, clip):
    """Loshchilov and Hutter's algorithm 2, number by number."""
    w, start = np.array([1.0, -2.0, 0.5, 3.0]), 0.0
    m, v, decayed = start * w, start * w, np.array([1, 1, 0, 0])
    for step in range(STEPS):
        g = w**3 - 1
        g = g * min(1, clip / np.sqrt((g**2).sum()))
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g**2
        ahead = m / (1 - 0.8 ** (step + 1))
        size = np.sqrt(v / (1 - 0.9 ** (step + 1)))
        share = min((step + 1) / 3, 1)
        done = max(step - 2, 0) / (STEPS - 2)
        share *= 0.1 + 0.9 * (1 + np.cos(np.pi * done)) / 2
        w = w - rate * share * (ahead / (size + 1e-8) + decay * decayed * w)
    return w


@pytest.mark.parametrize("clip", [CLIP, np.inf])
def test_adamw_is_its_algorithm_with_traced_numbers(clip):
    found = trained(RATE, DECAY, clip)
    joined = np.concatenate([found["Dense_0"]["kernel"][0], found["Dense_0"]["bias"]])
    joined = np.append(joined, found["embedding"])
    np.testing.assert_allclose(joined, by_the_algorithm(RATE, DECAY, clip), rtol=1e-5)


def test_rates_may_be_rows_of_a_study():
    rates = jnp.array([0.05, 0.1])
    found = jax.vmap(trained, (0, None, None))(rates, DECAY, CLIP)
    alone = trained(0.05, DECAY, CLIP)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], b), found, alone)


def paths(tree):
    """Of the leaves that are true."""
    keystr = jax.tree_util.keystr
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {keystr(path, simple=True, separator="/") for path, on in leaves if on}


SPARED = (
    *("scale", "bias", "embedding", "table"),
    *("decay", "angle", "gain", "through", "speed"),
)


@pytest.mark.parametrize("name", MODELS)
def test_weights_of_inputs_decay_and_nothing_else(name):
    """Scanned layers have one axis more: by axes alone, their scales would decay."""
    decayed = paths(matrices(learned(name)))
    spared = paths(jax.tree.map(lambda on: not on, matrices(learned(name))))
    for path in decayed:
        assert path.endswith(("kernel", "_convolution", "output"))
    assert spared and all(path.endswith(SPARED) for path in spared)
    more = paths(matrices_and_embeddings(learned(name))) - decayed
    assert more == {"encoder/embedding/embedding"}


def test_shapes_are_continuous_and_end_where_they_say():
    steps = jnp.arange(101)
    for shape in (cosine(100, 10, 0.1), trapezoid(100, 10, 30, 0.1)):
        shares = np.asarray(jax.vmap(shape)(steps))
        assert shares[0] == pytest.approx(1 / 11) and shares[10] == pytest.approx(1)
        assert shares.argmax() >= 10 and shares[-1] == pytest.approx(0.1)
        assert np.abs(np.diff(shares)).max() < 0.1
        assert (np.diff(shares[:11]) > 0).all() and (np.diff(shares[10:]) <= 0).all()
    assert (shares[10:71] == 1).all() and shares[71] < 1
    assert shares[85] == pytest.approx(0.55)
    assert constant(jnp.array(7)) == 1
