"""Penalties against explicit Jacobians and decompositions, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from autoencoders import IMAGES, drawn_terms, passed_of, small, valued
from jaxgen.nn.codes import GaussianCode, PointCode
from jaxgen.nn.spectral import spectral_norm
from jaxgen.objectives.code_moments import (
    covariance_of_codes,
    covariance_of_means,
)
from jaxgen.objectives.rates import free_bits
from jaxgen.objectives.regularizers import (
    code_norm,
    decoder_norm,
    decoder_slope,
    decoder_spectral_norm,
    encoder_slope,
    penalized,
)
from jaxgen.objectives.variational import elbo, looks_at_batch
from jaxgen.training.autoencoding import passed_through

TERMS = drawn_terms(count=2, images=7)
IMAGES = jnp.asarray(IMAGES[:5])


@pytest.fixture(scope="module", params=[PointCode, GaussianCode])
def penalties(request):
    """What an autoencoder pays, and what it should, by explicit derivatives."""
    model = small(request.param(3))

    def run(key):
        params = model.init(key, IMAGES, key)["params"]
        passed = passed_through(model, params, IMAGES, key, 2)
        paid = {
            penalty.__name__: penalty(passed, key)
            for penalty in (code_norm, decoder_norm, decoder_slope, encoder_slope)
        }

        def encoded(image):
            return passed.encode(image[None]).mean[0]

        def decoded(code):
            return passed.decode(code[None])[0]

        slopes = {
            "encoder_slope": jax.vmap(jax.jacfwd(encoded))(IMAGES),
            "decoder_slope": jax.vmap(jax.jacrev(decoded))(passed.terms.posterior.mean),
        }
        return paid, slopes, passed.terms.codes, params["decoder"]

    return jax.device_get(jax.jit(run)(jax.random.key(0)))


@pytest.mark.parametrize("name", ["encoder_slope", "decoder_slope"])
def test_slopes_are_those_of_explicit_jacobians(penalties, name):
    paid, slopes, _, _ = penalties
    jacobians = np.asarray(slopes[name], np.float64).reshape(5, -1)
    expected = (jacobians**2).sum(1).mean()
    assert expected > 0.01 and paid[name] == pytest.approx(expected, rel=1e-5)


def test_norms_are_sums_of_squares(penalties):
    paid, _, codes, decoder = penalties
    lengths = (codes.astype(np.float64) ** 2).sum(-1)
    assert paid["code_norm"] == pytest.approx(lengths.mean() / 2, rel=1e-5)
    squares = [
        (leaf.astype(np.float64) ** 2).sum() for leaf in jax.tree.leaves(decoder)
    ]
    assert paid["decoder_norm"] == pytest.approx(sum(squares), rel=1e-5)


def test_spectral_norms_are_the_largest_singular_values(key):
    rng = np.random.default_rng(0)
    decoder = {
        "a": rng.normal(size=(5, 8)),
        "b": rng.normal(size=(2, 3, 4)),
        "c": np.ones(3),
    }
    decoder = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), decoder)

    def penalty(decoder):
        return decoder_spectral_norm(passed_of(TERMS, params={"decoder": decoder}), key)

    value, slope = jax.jit(jax.value_and_grad(penalty))(decoder)
    total = 0.0
    for name in "ab":
        matrix = np.asarray(decoder[name], np.float64).reshape(
            -1, decoder[name].shape[-1]
        )
        left, singular, right = np.linalg.svd(matrix)
        total += singular[0] ** 2 / 2
        expected = singular[0] * np.outer(left[:, 0], right[0])
        seen = slope[name].reshape(matrix.shape)
        np.testing.assert_allclose(seen, expected, atol=0.02 * singular[0])
    assert float(value) == pytest.approx(total, rel=1e-3)
    assert not slope["c"].any()


def test_a_matrix_of_zeros_has_no_norm():
    value, slope = jax.value_and_grad(spectral_norm)(jnp.zeros((3, 2)))
    assert value == 0.0 and jnp.isfinite(slope).all()


def test_penalties_are_weighted_and_told(key):
    passed = passed_of(TERMS)
    objective = penalized(
        elbo, one=(0.5, code_norm), two=(jnp.float32(3.0), lambda *_: 2.0)
    )
    value, metrics = objective(passed, key)
    half = float(code_norm(passed, key))
    expected = float(elbo(passed, key)[0]) + 0.5 * half + 6.0
    assert float(value) == pytest.approx(expected, rel=1e-6)
    assert metrics == {"one": half, "two": 2.0}


def test_what_looks_at_the_batch_stays_marked():
    moments = covariance_of_means(1.0, 1.0)
    assert looks_at_batch(penalized(elbo, moments=(1.0, moments)))
    assert looks_at_batch(penalized(free_bits(1.0), codes=(1.0, code_norm)))
    assert not looks_at_batch(penalized(elbo, codes=(1.0, code_norm)))


@pytest.mark.parametrize(
    "penalty, own", [(covariance_of_means, 0), (covariance_of_codes, 1)]
)
def test_covariances_are_those_of_numpy(penalty, own, key):
    mean, scale = (np.asarray(part, np.float64) for part in TERMS.posterior)
    covariance = np.cov(mean.T, bias=True) + own * np.diag((scale**2).mean(0))
    diagonal = ((np.diag(covariance) - 1) ** 2).sum()
    off_diagonal = (covariance**2).sum() - (np.diag(covariance) ** 2).sum()
    objective = penalized(elbo, moments=(1.0, penalty(3.0, 5.0)))
    seen = valued(objective, passed_of(TERMS), key) - valued(
        elbo, passed_of(TERMS), key
    )
    assert seen == pytest.approx(3 * off_diagonal + 5 * diagonal, rel=1e-4)


def test_codes_like_the_prior_pay_nothing(key):
    corners = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T * 0.6
    posterior = TERMS.posterior._replace(
        mean=jnp.asarray(corners, jnp.float32), scale=jnp.full((8, 3), 0.8)
    )
    passed = passed_of(TERMS._replace(posterior=posterior))
    assert float(covariance_of_codes(1.0, 1.0)(passed, key)) == pytest.approx(
        0, abs=1e-6
    )
    assert float(covariance_of_means(1.0, 1.0)(passed, key)) == pytest.approx(
        3 * 0.64**2
    )
