"""Examples drawn once in a pass, by the weights of a mixture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.passes import each_in_passes, in_passes

BUDGET, SIZE = 24, 4
STEPS = jnp.arange(2 * BUDGET // SIZE)


@pytest.fixture(scope="module")
def drawn():
    @jax.jit
    @jax.vmap
    def of_mixture(weights):
        draw = in_passes(SIZE, BUDGET, weights)
        return jax.vmap(lambda step: draw(step, jax.random.key(3)))(STEPS)

    return of_mixture


MIXTURES = np.array([[1, 0, 0], [0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3], [0.7, 0, 0.3]])


def test_a_pass_holds_the_first_examples_of_each_domain_once(drawn):
    domains, examples = map(np.asarray, drawn(MIXTURES))
    for weights, domain, example in zip(MIXTURES, domains, examples, strict=True):
        counts = np.diff(np.round(BUDGET * np.cumsum(weights)), prepend=0).astype(int)
        expected = [(k, i) for k in range(3) for i in range(counts[k])]
        halves = np.split(np.stack([domain, example], -1), 2)
        passes = [half.reshape(-1, 2) for half in halves]
        for one in passes:
            assert sorted(map(tuple, one.tolist())) == expected
        assert (passes[0] != passes[1]).any()


def test_examples_of_each_domain_are_drawn_once_in_a_pass():
    draw = each_in_passes(SIZE, BUDGET, domains=3)
    rows = jax.jit(jax.vmap(lambda step: draw(step, jax.random.key(0))))(STEPS)
    assert rows.shape == (12, SIZE, 3)
    for one in np.split(np.asarray(rows), 2):
        columns = one.reshape(BUDGET, 3)
        expected = np.tile(np.arange(BUDGET)[:, None], 3)
        np.testing.assert_array_equal(np.sort(columns, axis=0), expected)
        assert (columns[:, 0] != columns[:, 1]).any()


@pytest.mark.parametrize("size, budget", [(0, 4), (4, 0), (3, 4)])
def test_budgets_that_do_not_divide_are_refused(size, budget):
    with pytest.raises(ValueError, match=f"in_passes.size={size}, budget={budget}"):
        in_passes(size, budget, np.ones(1))
    with pytest.raises(ValueError, match=f"each_in_passes.size={size}, budget="):
        each_in_passes(size, budget, 2)
