"""Batches of domains hold the right examples, and mixtures their shares."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.domains import minibatch_by_domain, minibatch_of_mixture

COUNTS = (2, 5, 3)
DATA = {"place": np.arange(10), "domain": np.repeat(np.arange(3), COUNTS)}


def test_rows_hold_one_example_of_each_domain(key):
    batch = jax.jit(minibatch_by_domain(200, COUNTS))(DATA, key)
    assert (batch["domain"] == np.arange(3)[None]).all()
    assert [len(set(column.tolist())) for column in batch["place"].T] == list(COUNTS)
    # what is drawn of one domain says nothing of another
    first, second = np.asarray(batch["place"][:, :2]).T
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == 10


def test_a_mixture_has_its_shares(key):
    weights = np.array([0.5, 0.0, 0.5])

    @jax.jit
    def drawn(weights, key):
        return minibatch_of_mixture(2000, COUNTS, weights)(DATA, key)

    batch, domain = drawn(jnp.asarray(weights), key)
    assert (batch["domain"] == domain).all()
    shares = np.bincount(domain, minlength=3) / 2000
    np.testing.assert_allclose(shares, weights, atol=5 * 0.5 / 2000**0.5)
    found = np.bincount(batch["place"], minlength=10) / 2000
    expected = weights[DATA["domain"]] / np.array(COUNTS)[DATA["domain"]]
    np.testing.assert_allclose(found, expected, atol=5 * 0.5 / 2000**0.5)


@pytest.mark.parametrize(
    "refused, complaint",
    [
        (lambda key: minibatch_by_domain(2, (3, 0)), r"counts=\(3, 0\): expected 1 or"),
        (lambda key: minibatch_by_domain(2, ()), r"counts=\(\)"),
        (lambda key: minibatch_by_domain(2, (3, 4))(DATA, key), "with 10 examples"),
        (
            lambda key: minibatch_of_mixture(2, COUNTS, np.ones(2)),
            r"weights of shape \(2,\) for 3 domains",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(refused, complaint, key):
    with pytest.raises(ValueError, match=complaint):
        refused(key)
