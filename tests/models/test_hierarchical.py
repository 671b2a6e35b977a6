"""Layers of codes beside scipy, and what probabilities of all images sum to."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax
from scipy import stats

from filled import begun, filled
from jaxgen.models.hierarchical import HierarchicalAutoencoder, two_layers
from jaxgen.models.hierarchical_prior import HierarchicalPrior, NormalLayer
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.ladder import LadderAutoencoder
from jaxgen.models.likelihoods import Bernoulli
from jaxgen.models.priors import StandardNormal
from jaxgen.nn.codes import GaussianCode
from jaxgen.nn.perceptron import Hidden
from jaxgen.objectives.variational import importance_weighted
from jaxgen.training.autoencoding import autoencoding

KEY = jax.random.key(0)
PRIOR = HierarchicalPrior(
    StandardNormal(1), (NormalLayer(3, 5, 1), NormalLayer(2, 5, 1))
)
PARTS = (
    PerceptronEncoder(5, 1),
    GaussianCode(3),
    PRIOR,
    PerceptronDecoder((2, 2, 1), 5, 1),
    Bernoulli(),
)
MODELS = {
    "chain": HierarchicalAutoencoder(
        *PARTS, (NormalLayer(2, 5, 1), NormalLayer(1, 5, 1))
    ),
    "ladder": LadderAutoencoder(
        *PARTS, (Hidden(5, 1), Hidden(5, 1)), (GaussianCode(2), GaussianCode(1))
    ),
}
EVERY = jnp.asarray(list(itertools.product((0, 1), repeat=4)), jnp.float32)
EVERY = EVERY.reshape(16, 2, 2, 1)


def tamed(path, w):
    """Weights that make posteriors wider than priors, so that estimates are steady."""
    name = jax.tree_util.keystr(path)
    if "log_scale" in name and "bias" in name:
        return jnp.full_like(w, 0.0 if "prior" in name else 0.4)
    return w if "decoder" in name else 0.5 * w


@pytest.fixture(scope="module", params=MODELS, ids=str)
def ran(request):
    """A model with its parameters, terms of every image, and draws of the prior."""
    model = MODELS[request.param]
    params = filled(model, EVERY, KEY)["params"]
    params = jax.tree_util.tree_map_with_path(tamed, params)

    def run(variables):
        terms = model.apply(variables, EVERY, KEY, 4000)
        drawn = model.apply(variables, KEY, 20_000, method="draw")
        joint = model.apply(variables, terms.codes, EVERY, method="log_joint")
        return terms, drawn, model.apply(variables, drawn, method="images"), joint

    return model, {"params": params}, jax.jit(run)({"params": params})


def test_every_image_has_a_probability_and_they_sum_to_one(ran):
    _, _, (terms, _, means, _) = ran
    weights = np.exp(np.float64(terms.log_weights))
    chances, error = weights.mean(0), weights.std(0) / 4000**0.5
    assert chances.sum() == pytest.approx(1, abs=4 * np.linalg.norm(error))
    flat, images = np.float64(means).reshape(-1, 1, 4), np.asarray(EVERY).reshape(16, 4)
    drawn = np.where(images == 1, flat, 1 - flat).prod(-1)
    gap = np.abs(drawn.mean(0) - chances)
    assert (gap < 4 * np.hypot(error, drawn.std(0) / 20_000**0.5)).all()
    assert np.ptp(chances) > 0.02 and np.linalg.norm(error) < 0.02


def logpdf(density, codes):
    return stats.norm.logpdf(codes, np.float64(density.mean), density.scale).sum(-1)


def test_the_terms_of_a_chain_are_those_of_its_densities():
    model = MODELS["chain"]
    variables = filled(model, EVERY, KEY)
    terms = jax.jit(lambda v: model.apply(v, EVERY, KEY, 3))(variables)
    one, two, three = np.split(np.float64(terms.codes), [3, 5], axis=-1)

    def layers(model, one, two, three):
        first = model.code(model.encoder(EVERY))
        up = [layer(z) for layer, z in zip(model.upward, (one, two), strict=True)]
        down = [model.prior.expected(i, z) for i, z in enumerate((two, three))]
        return first, *up, *down

    run = jax.jit(lambda codes: model.apply(variables, *codes, method=layers))
    for draw in range(3):
        codes = [jnp.asarray(z[draw], jnp.float32) for z in (one, two, three)]
        q1, q2, q3, p1, p2 = run(codes)
        ratios = [
            logpdf(q1, one[draw]) - logpdf(p1, one[draw]),
            logpdf(q2, two[draw]) - logpdf(p2, two[draw]),
            logpdf(q3, three[draw]) - stats.norm.logpdf(three[draw]).sum(-1),
        ]
        np.testing.assert_allclose(terms.log_ratio[draw], sum(ratios), atol=1e-4)


def test_rates_are_of_each_layer_and_add_up(ran):
    _, _, (terms, _, _, joint) = ran
    assert terms.rates.shape == (16, 3) and terms.codes.shape == (4000, 16, 6)
    np.testing.assert_allclose(terms.rate, terms.log_ratio.mean(0), atol=1e-3)
    assert (terms.rates[:, 2] > -0.05).all()  # a divergence, up to the draws
    log_prior = np.float64(joint) - np.float64(terms.log_likelihood)
    assert np.isfinite(log_prior).all()


def test_a_layer_of_the_ladder_weighs_evidence_and_expectation():
    model = MODELS["ladder"]

    def parts(model):
        evidence = model._evidence(EVERY)
        expected = model.prior.expected(1, evidence[2].mean)
        return model.encode(EVERY), evidence, expected

    variables = filled(model, EVERY, KEY)
    run = jax.jit(lambda variables: model.apply(variables, method=parts))
    found, evidence, expected = run(variables)
    np.testing.assert_allclose(found.mean[:, 5:], evidence[2].mean, rtol=1e-6)
    up, down = np.float64(evidence[1].scale) ** -2, np.float64(expected.scale) ** -2
    mean = (up * evidence[1].mean + down * expected.mean) / (up + down)
    np.testing.assert_allclose(found.mean[:, 3:5], mean, atol=1e-5)
    np.testing.assert_allclose(found.scale[:, 3:5], (up + down) ** -0.5, rtol=1e-5)


def test_only_the_lowest_layer_is_decoded(ran):
    model, variables, (terms, *_) = ran
    codes = terms.codes[:2]
    changed = codes.at[..., 3:].add(7.0)
    outputs = [
        model.apply(variables, c, method="decode") for c in (codes, changed, codes + 1)
    ]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[2] - outputs[0]).max() > 0.01


def test_layers_are_learned_by_the_learner_of_every_autoencoder(ran):
    model, *_ = ran
    optimizer = optax.adam(0.01)
    learner = autoencoding(model, importance_weighted, optimizer, samples=20)
    images = EVERY[jnp.array([3, 3, 12, 12])]  # log 2 nats at best

    def trained(state):
        return lax.scan(lambda s, _: learner.update(s, images), state, length=150)[1]

    losses = jax.jit(trained)(begun(model, optimizer, images, KEY))["loss"]
    assert losses[:5].mean() > 1.8
    assert np.log(2) - 0.05 < losses[-50:].mean() < 1.3


def test_the_published_model_has_its_sizes():
    model = two_layers((28, 28, 1))
    shapes = jax.eval_shape(lambda: model.init(KEY, jnp.zeros((2, 28, 28, 1)), KEY))
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    up = 784 * 200 + 200 + 200 * 200 + 200 + 2 * (200 * 100 + 100)
    higher = 100 * 100 + 100 + 100 * 100 + 100 + 2 * (100 * 50 + 50)
    lower = 50 * 100 + 100 + 100 * 100 + 100 + 2 * (100 * 100 + 100)
    down = 100 * 200 + 200 + 200 * 200 + 200 + 200 * 784 + 784
    assert count == up + higher + lower + down


def test_layers_of_other_sizes_are_refused():
    model = MODELS["chain"].clone(code=GaussianCode(4))
    with pytest.raises(ValueError, match=r"\(3, 2, 1\) dimensions, .* \(4, 2, 1\)"):
        jax.eval_shape(lambda: model.init(KEY, EVERY, KEY))
