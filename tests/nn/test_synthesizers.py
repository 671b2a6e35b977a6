"""Synthesizers against their formulas in double precision, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.attention.expressions import causal
from jaxgen.nn.dense_synthesizer import DenseSynthesizer
from jaxgen.nn.mixer import PLAIN, Context
from jaxgen.nn.random_synthesizer import FactorizedTable, RandomSynthesizer, of_pairs
from mixers import FEATURES, LENGTH, ROWS, X, close

HEADS, MAXIMUM, WIDTH = 2, 9, FEATURES // 2
POSITIONS = np.array([[3, 1, 8, 0, 5, 2], [0, 1, 2, 3, 4, 5]])
PADDING = np.array([[False] * 4 + [True, False], [False] * 6])
CONTEXT = Context(jnp.asarray(PADDING), positions=jnp.asarray(POSITIONS))


def of_heads(x, kernel):
    return np.einsum("btd,dnh->btnh", x, kernel)


def dense_logits(params, x):
    """Of all places, (b, n, t, maximum)."""
    query = np.maximum(of_heads(x, params["query"]["kernel"]), 0)
    return np.einsum("btnh,pnh->bntp", query, params["key"]) / np.sqrt(WIDTH)


def random_logits(params, x):
    table = params["table"]["table"]
    return np.stack([table[:, places] for places in POSITIONS])


def factorized_logits(params, x):
    query, key = params["table"]["query"], params["table"]["key"]
    table = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1])
    return np.stack([table[:, places] for places in POSITIONS])


CASES = {
    "dense": (DenseSynthesizer, {}, dense_logits),
    "random": (RandomSynthesizer, {}, random_logits),
    "factorized": (RandomSynthesizer, {"table": FactorizedTable(3)}, factorized_logits),
}


def by_pairs(params, x, logits, past):
    params = jax.tree.map(np.float64, params)
    of_places = logits(params, x)
    value = of_heads(x, params["value"]["kernel"])
    y = np.zeros_like(value)
    for row, head, t in np.ndindex(ROWS, HEADS, LENGTH):
        heard = [s for s in range(t + 1 if past else LENGTH) if not PADDING[row, s]]
        powers = np.exp(of_places[row, head, t, POSITIONS[row, heard]])
        y[row, t, head] = powers @ value[row, heard, head] / powers.sum()
    return y.reshape(x.shape) @ params["out"]["kernel"]


@pytest.mark.parametrize("past", [False, True], ids=["all", "past"])
@pytest.mark.parametrize("name", CASES)
def test_weights_are_those_of_places(name, past, key):
    made, how, logits = CASES[name]
    how = how | {"pattern": causal()} if past else how
    mixer = made(HEADS, MAXIMUM, **how)
    found, variables = jax.jit(mixer.init_with_output)(key, X, CONTEXT)
    expected = by_pairs(variables["params"], np.float64(X), logits, past)
    close(found[~PADDING], expected[~PADDING])


@pytest.mark.parametrize("name", ["random", "factorized"])
def test_random_weights_do_not_hear_what_tokens_say(name, key):
    """So what is said is a linear function of the vectors."""
    made, how, _ = CASES[name]
    run = jax.jit(made(HEADS, MAXIMUM, **how).init_with_output)
    one, other, both = (run(key, x, CONTEXT)[0] for x in (X, X[::-1], X + 2 * X[::-1]))
    close(both, one + 2 * other)


def test_fewer_numbers_are_learned_by_factors(key):
    def numbers(table):
        mixer = RandomSynthesizer(HEADS, 64, table)
        params = jax.eval_shape(mixer.init, key, X, PLAIN)["params"]["table"]
        return sum(x.size for x in jax.tree.leaves(params))

    assert numbers(RandomSynthesizer.table) == HEADS * 64**2
    assert numbers(FactorizedTable(3)) == HEADS * 2 * 64 * 3


@pytest.mark.parametrize("name", CASES)
def test_a_place_that_is_not_makes_its_row_not_a_number(name, key):
    """But for places of padding, which are never looked up."""
    made, how, _ = CASES[name]
    mixer = made(HEADS, MAXIMUM, **how)
    variables = mixer.init(key, X, CONTEXT)
    run = jax.jit(
        lambda x, positions: mixer.apply(
            variables, x, CONTEXT._replace(positions=positions)
        )
    )
    beyond = jnp.asarray(POSITIONS).at[0, 4].set(MAXIMUM)
    found, pulled_back = jax.vjp(lambda x: run(x, beyond), X)
    close(found, run(X, jnp.asarray(POSITIONS)))
    assert np.isfinite(pulled_back(found)[0]).all()
    found = run(X, beyond.at[1, 2].set(MAXIMUM))
    assert np.isfinite(found[0]).all() and np.isnan(found[1]).any()


def test_a_table_is_learned_where_it_is_looked_up(key):
    table = jax.random.normal(key, (HEADS, MAXIMUM, MAXIMUM))
    slope = jax.grad(lambda x: of_pairs(x, jnp.asarray(POSITIONS)).sum())(table)
    counts = np.zeros((MAXIMUM, MAXIMUM))
    for places in POSITIONS:
        counts[np.ix_(places, places)] += 1
    close(slope, np.stack([counts] * HEADS))


@pytest.mark.parametrize(
    "mixer, message",
    [
        (DenseSynthesizer(3, 9), r"DenseSynthesizer\(heads=3\): 8 features do not"),
        (RandomSynthesizer(3, 9), r"RandomSynthesizer\(heads=3\): 8 features do not"),
        (DenseSynthesizer(2, 5), r"DenseSynthesizer\(maximum=5\): a row of 6 tokens"),
        (RandomSynthesizer(2, 5), r"RandomSynthesizer\(maximum=5\): a row of 6 tokens"),
        (
            RandomSynthesizer(2, 9, FactorizedTable(0)),
            r"FactorizedTable\(rank=0\): expected 1 column or more",
        ),
    ],
    ids=["heads", "random heads", "long", "random long", "rank"],
)
def test_sizes_that_do_not_fit_are_refused(mixer, message, key):
    with pytest.raises(ValueError, match=message):
        mixer.init(key, X, PLAIN)
    with pytest.raises(ValueError, match=message):
        mixer.cost(1, LENGTH, FEATURES)
