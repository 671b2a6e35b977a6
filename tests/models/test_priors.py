"""Priors beside scipy, what they draw, and which codes they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import log_softmax, logsumexp

from filled import filled
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.fitted_priors import fitted_normal
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.learned_priors import FlowPrior, MixturePrior, VampPrior
from jaxgen.models.likelihoods import Bernoulli
from jaxgen.models.priors import (
    StandardNormal,
    UniformLevels,
    UniformPlaces,
    UniformSphere,
    require_fit,
)
from jaxgen.nn.codes import FullGaussianCode, GaussianCode, PointCode, SphereCode
from jaxgen.nn.flows import coupling_flow
from jaxgen.nn.quantization import Codebook, RoundedCode, VectorQuantizedCode

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
IMAGES = jnp.asarray(RNG.uniform(size=(3, 2, 2, 1)), jnp.float32)
BOOK = Codebook(6, 2)
PAIRS = {
    "normal": (FullGaussianCode(4), StandardNormal(4)),
    "mixture": (GaussianCode(4), MixturePrior(4, 3)),
    "vamp": (GaussianCode(4), VampPrior(4, 3, (2, 2, 1))),
    "full vamp": (FullGaussianCode(4), VampPrior(4, 3, (2, 2, 1))),
    "flow": (GaussianCode(4), FlowPrior(4, coupling_flow(2, 8, 1))),
    "sphere": (SphereCode(4), UniformSphere(4)),
    "levels": (RoundedCode((3, 4, 3, 5)), UniformLevels((3, 4, 3, 5))),
    "places": (VectorQuantizedCode(BOOK, 2), UniformPlaces(BOOK, 2)),
}


def model_of(code, prior):
    trunks = PerceptronEncoder(8, 1), PerceptronDecoder((2, 2, 1), 8, 1)
    return Autoencoder(trunks[0], code, prior, trunks[1], Bernoulli())


@pytest.fixture(scope="module", params=PAIRS, ids=str)
def model(request):
    """A model and its parameters; nothing in them is zero."""
    model = model_of(*PAIRS[request.param])
    return model, filled(model, IMAGES, KEY)["params"]


def test_every_code_has_a_prior_and_a_rate(model):
    model, params = model

    def run(params):
        variables = {"params": params}
        terms = model.apply(variables, IMAGES, KEY, 2000)
        drawn = model.apply(variables, KEY, 9, method="draw")
        again = model.apply(variables, terms.codes, method="log_prior")
        images = model.apply(variables, drawn, method="images")
        return terms._replace(codes=terms.codes[:2]), again, drawn, images

    terms, log_prior, drawn, images = jax.jit(run)(params)
    assert terms.codes.shape == (2, 3, 4) and drawn.shape == (9, 4)
    assert images.shape == (9, 2, 2, 1) and np.isfinite(log_prior).all()
    error = np.std(terms.log_ratio, axis=0) / 2000**0.5
    gap = np.abs(terms.log_ratio.mean(0) - terms.rate)
    assert (gap <= 4 * error + 1e-4).all() and (terms.rate > 0).all()


def test_the_rate_of_places_is_what_it_takes_to_name_one():
    for name, count in (("levels", 3 * 4 * 3 * 5), ("places", 6**2)):
        code, prior = PAIRS[name]
        model = model_of(code, prior)
        terms = model.apply(filled(model, IMAGES, KEY), IMAGES, KEY)
        np.testing.assert_allclose(terms.rate, np.log(count), rtol=1e-6)
        assert code.places == count


def test_drawn_places_are_those_that_codes_can_take():
    code, prior = PAIRS["levels"]
    drawn = np.asarray(prior.apply({}, KEY, 4000, method="sample"))
    for column, count in enumerate(code.levels):
        values, uses = np.unique(drawn[:, column], return_counts=True)
        expected = (np.arange(count) - count // 2) / (count // 2)
        np.testing.assert_allclose(values, expected, atol=1e-6)
        assert stats.chisquare(uses).pvalue > 1e-3
    model = model_of(*PAIRS["places"])
    variables = filled(model, IMAGES, KEY)
    drawn = model.apply(variables, KEY, 2000, method="draw").reshape(-1, 2)
    found = {tuple(row) for row in np.asarray(drawn)}
    table = variables["params"]["code"]["codebook"]["table"]
    assert found == {tuple(row) for row in np.asarray(table)}


def test_directions_are_drawn_alike():
    drawn = np.asarray(UniformSphere(3).apply({}, KEY, 8000, method="sample"))
    for column in drawn.T:  # of a sphere in three dimensions, uniform on [-1, 1]
        assert stats.kstest(column, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    log_prob = UniformSphere(3).apply({}, jnp.asarray(drawn[:2]), method="log_prob")
    np.testing.assert_allclose(log_prob, -np.log(4 * np.pi), rtol=1e-6)


def mixture_of(parts, logits, codes):
    """Log-density of codes, by hand."""
    mean, scale = map(np.float64, parts)
    each = stats.norm.logpdf(np.float64(codes)[:, None], mean, scale).sum(-1)
    return logsumexp(each + log_softmax(np.float64(logits)), axis=1)


def test_a_mixture_is_that_of_scipy_and_draws_what_it_says():
    prior, codes = MixturePrior(2, 3), jnp.asarray(RNG.normal(size=(5, 2)), jnp.float32)
    params = {
        "means": jnp.array([[3.0, 0.0], [-2.0, 1.0], [0.0, -4.0]]),
        "log_scales": jnp.asarray(RNG.normal(-1, 0.5, (3, 2)), jnp.float32),
        "logits": jnp.array([0.0, 1.0, -1.0]),
    }
    log_prob = prior.apply({"params": params}, codes[None], method="log_prob")[0]
    parts = params["means"], np.exp(params["log_scales"])
    expected = mixture_of(parts, params["logits"], codes)
    np.testing.assert_allclose(log_prob, expected, rtol=1e-4)
    drawn = np.asarray(prior.apply({"params": params}, KEY, 20_000, method="sample"))
    weights = np.exp(log_softmax(params["logits"]))
    nearest = ((drawn[:, None] - np.asarray(parts[0])) ** 2).sum(-1).argmin(1)
    for row in range(3):
        mine = drawn[nearest == row]
        assert len(mine) / 20_000 == pytest.approx(weights[row], abs=0.02)
        np.testing.assert_allclose(mine.mean(0), parts[0][row], atol=0.1)
        np.testing.assert_allclose(mine.std(0), parts[1][row], rtol=0.1)


def test_a_vamp_prior_is_the_mean_of_posteriors_of_its_images():
    model = model_of(*PAIRS["vamp"])
    variables = filled(model, IMAGES, KEY)
    images = jax.nn.sigmoid(variables["params"]["prior"]["images"])
    parts = model.apply(variables, images, method="encode")
    codes = jnp.asarray(RNG.normal(size=(5, 4)), jnp.float32)
    log_prob = model.apply(variables, codes, method="log_prior")
    np.testing.assert_allclose(
        log_prob, mixture_of(parts, np.zeros(3), codes), rtol=1e-4
    )
    drawn = np.asarray(model.apply(variables, KEY, 20_000, method="draw"))
    np.testing.assert_allclose(drawn.mean(0), parts.mean.mean(0), atol=0.05)
    spread = np.sqrt((parts.scale**2).mean(0) + parts.mean.var(0))
    np.testing.assert_allclose(drawn.std(0), spread, rtol=0.03)


REAL = fitted_normal(jnp.asarray(RNG.normal(size=(9, 4)), jnp.float32))


@pytest.mark.parametrize(
    "prior, code, complaint",
    [
        (StandardNormal(3), GaussianCode(4), "has 3 dimensions, and GaussianCode 4"),
        (StandardNormal(4), SphereCode(4), "real codes, and SphereCode .* sphere"),
        (
            MixturePrior(2, 9),
            RoundedCode((5, 5)),
            "real codes, and RoundedCode .* grid",
        ),
        (UniformSphere(4), GaussianCode(4), "sphere codes, and GaussianCode .* real"),
        (REAL, SphereCode(4), "NormalMixture is a prior of real codes"),
        (REAL, PointCode(5), "NormalMixture has 4 dimensions, and PointCode 5"),
    ],
)
def test_priors_of_other_codes_are_refused(prior, code, complaint):
    require_fit(REAL, PointCode(4))
    with pytest.raises(ValueError, match=complaint):
        require_fit(prior, code)


def test_a_model_refuses_a_prior_of_other_codes():
    with pytest.raises(ValueError, match="StandardNormal has 3 dimensions"):
        jax.eval_shape(
            model_of(GaussianCode(4), StandardNormal(3)).init, KEY, IMAGES, KEY
        )
    with pytest.raises(ValueError, match="VampPrior: the encoder makes a Point"):
        model = model_of(PointCode(4), VampPrior(4, 3, (2, 2, 1)))
        jax.eval_shape(model.init, KEY, IMAGES, KEY)
