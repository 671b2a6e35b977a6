"""The pseudo-inverse against its law, and against singular value decomposition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.executed import executed_products
from jaxgen.attention.cost import Work
from jaxgen.attention.pseudo_inverse import inverse_cost, pseudo_inverse


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)], ids=str)
def test_it_is_the_inverse_of_moore_and_penrose(shape):
    """Of each of several matrices, one of which has a row and a column of zeros."""
    matrices = np.random.default_rng(0).normal(size=(2, *shape)).astype("f4")
    matrices[1, 1], matrices[1, :, 2] = 0, 0
    found = pseudo_inverse(jnp.asarray(matrices), 14)
    np.testing.assert_allclose(found, np.linalg.pinv(matrices), rtol=1e-3, atol=1e-4)
    assert (found[1, 2] == 0).all() and (found[1, :, 1] == 0).all()


@pytest.mark.parametrize("iterations", [0, 1, 2, 6])
def test_each_step_takes_the_error_as_it_says(iterations):
    singular = np.array([1.0, 0.5, 0.1, 0.01])
    error = 1 - singular**2
    for _ in range(iterations):
        error = (3 * error**3 + error**4) / 4
    found = pseudo_inverse(jnp.diag(jnp.asarray(singular, "f4")), iterations)
    np.testing.assert_allclose(np.diag(found), (1 - error) / singular, rtol=1e-4)


def test_nothing_has_no_inverse_and_a_finite_slope():
    nothing = jnp.zeros((3, 3))
    found, slopes = jax.vjp(pseudo_inverse, nothing)
    assert (found == 0).all() and np.isfinite(slopes(found + 1)[0]).all()


def test_it_costs_what_it_computes():
    counted = executed_products(pseudo_inverse, jnp.zeros((3, 5)))
    assert inverse_cost(3, 5) == Work(counted["flops"], counted["bytes"])
