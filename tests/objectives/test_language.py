"""Losses of language against float64 and closed forms; masks against their rates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.objectives.contrastive import contrastive
from jaxgen.objectives.language import cross_entropy, masked, masked_cross_entropy

V, MASK = 50, 50
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(2, 3, V), scale=30).astype(np.float32)
TOKENS = jnp.asarray(RNG.integers(0, V, (2, 3)))
MANY = jnp.asarray(RNG.integers(0, V, (200, 500)))


def in_float64():
    exact = LOGITS.astype(np.float64)
    told = np.take_along_axis(exact, np.asarray(TOKENS)[..., None], -1)[..., 0]
    return np.log(np.exp(exact).sum(-1)) - told


def test_cross_entropy_is_the_formula():
    found = cross_entropy(jnp.asarray(LOGITS), TOKENS)
    np.testing.assert_allclose(found, in_float64(), rtol=1e-5)
    assert cross_entropy(jnp.array([[1e30, 0.0]]), jnp.array([0])).tolist() == [0.0]


def test_cross_entropy_is_summed_in_float32():
    logits = jnp.asarray(LOGITS, jnp.bfloat16)
    found = cross_entropy(logits, TOKENS)
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found, cross_entropy(logits.astype("f4"), TOKENS))


def test_only_chosen_tokens_count():
    chosen = jnp.array([[True, False, False], [True, True, False]])
    found = masked_cross_entropy(jnp.asarray(LOGITS), TOKENS, chosen)
    assert float(found) == pytest.approx(
        in_float64()[np.asarray(chosen)].mean(), rel=1e-5
    )
    assert masked_cross_entropy(jnp.asarray(LOGITS), TOKENS, chosen & False) == 0


def test_a_uniform_model_needs_log_v():
    chosen = jnp.ones((2, 3), bool)
    uniform = masked_cross_entropy(jnp.full((2, 3, V), 7.0), TOKENS, chosen)
    assert float(uniform) == pytest.approx(np.log(V), rel=1e-6)


def share(event, among):
    """A share, and four standard errors of it."""
    event, among = np.asarray(event), np.asarray(among)
    p = event[among].mean()
    return p, 4 * np.sqrt(p * (1 - p) / among.sum())


def test_tokens_are_hidden_at_berts_rates(key):
    eligible = MANY < 40
    seen, chosen = masked(MANY, key, MASK, V, eligible)
    assert not (chosen & ~eligible).any()
    assert (seen == MANY)[~chosen].all()
    for event, among, expected in (
        (chosen, eligible, 0.15),
        (seen == MASK, chosen, 0.8),
        ((seen != MASK) & (seen != MANY), chosen, 0.1 * 49 / 50),
        (seen == MANY, chosen, 0.1 + 0.1 / 50),
    ):
        found, margin = share(event, among)
        assert abs(found - expected) < margin
    drawn = np.asarray(seen)[np.asarray((seen != MASK) & (seen != MANY))]
    assert set(drawn) == set(range(V))


def test_the_key_decides_what_is_hidden(key):
    one, again, other = (
        masked(MANY, k, MASK, V) for k in (key, key, jax.random.key(1))
    )
    assert (one.tokens == again.tokens).all() and (one.chosen == again.chosen).all()
    assert (one.chosen != other.chosen).any()


@pytest.mark.parametrize(
    "shares", [{"rate": 0.0}, {"rate": 1.5}, {"hidden": -0.1}, {"hidden": 0.95}]
)
def test_shares_that_are_none_are_refused(shares, key):
    with pytest.raises(ValueError, match="two shares of at most 1"):
        masked(MANY, key, MASK, V, **shares)


def test_no_ordinary_tokens_are_refused(key):
    with pytest.raises(ValueError, match="ordinary=0"):
        masked(MANY, key, MASK, 0)


def test_what_is_not_in_pairs_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 2\) and \(4, 2\): expected pairs"):
        contrastive.__wrapped__(jnp.ones((3, 2)), jnp.ones((4, 2)))


def test_contrast_is_the_formula():
    u, v = RNG.normal(size=(2, 6, 4))
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (u, v))
    s = u @ v.T / 0.1
    expected = [
        (np.log(np.exp(s[i]).sum()) + np.log(np.exp(s[:, i]).sum())) / 2 - s[i, i]
        for i in range(6)
    ]
    found = contrastive(jnp.asarray(u, "f4"), jnp.asarray(v, "f4"), 0.1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_partners_that_are_alike_alone_cost_nothing():
    basis = jnp.eye(5)
    assert contrastive(basis, basis).max() < 1e-6
    assert contrastive(basis, jnp.roll(basis, 1, 0)).min() > 10
