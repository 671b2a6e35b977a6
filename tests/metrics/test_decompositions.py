"""Spectra against those that are known, and against numpy's in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgen.metrics.decompositions import eigenvalues, solution

SPECTRUM = jax.jit(eigenvalues)


def gram(rows, columns):
    features = np.random.default_rng(0).normal(size=(rows, columns))
    return (features.T @ features).astype(np.float32)


@pytest.mark.parametrize(
    "matrix",
    [
        np.ones((1, 1)),
        np.zeros((5, 5)),
        np.ones((50, 50)),
        np.eye(50),
        np.diag(np.logspace(-6, 6, 40)),
        gram(100, 60),
        gram(10, 60),
    ],
)
def test_spectra_are_those_of_float64(matrix):
    expected = np.linalg.eigvalsh(matrix.astype(np.float64))
    found = SPECTRUM(matrix.astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=4e-6 * expected[-1])


@pytest.mark.parametrize("size", [1, 2, 20])
@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_broken_matrix_has_no_spectrum(size, broken):
    assert not np.isfinite(SPECTRUM(np.full((size, size), broken, np.float32))).any()
    one = np.eye(size, dtype=np.float32)
    one[-1, -1] = np.nan
    assert np.isnan(SPECTRUM(one)).any()


def test_spectra_have_forward_derivatives():
    def weighed(factor):
        return eigenvalues(factor @ factor.T) @ jnp.arange(6.0)

    check_grads(weighed, (gram(9, 6) / 9,), order=1, modes=["fwd"], rtol=1e-2)


def test_solutions_are_those_of_float64_under_vmap():
    matrices = np.stack([gram(40, 6), gram(50, 6) + 1])
    rights = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    expected = np.linalg.solve(matrices.astype(np.float64), rights[:, :, None])[:, :, 0]
    found = jax.jit(jax.vmap(solution))(matrices, rights)
    np.testing.assert_allclose(found, expected, atol=1e-5)
