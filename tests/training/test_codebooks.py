"""Codebooks that are learned, and those that follow what is encoded."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from filled import filled
from jaxgen.data.batches import minibatch
from jaxgen.models.autoencoder import Autoencoder
from jaxgen.models.image_coders import PerceptronDecoder, PerceptronEncoder
from jaxgen.models.likelihoods import Gaussian
from jaxgen.models.priors import StandardNormal, UniformPlaces
from jaxgen.nn.codes import PointCode
from jaxgen.nn.quantization import Codebook, VectorQuantizedCode
from jaxgen.objectives.quantization import perplexity, vector_quantized
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.autoencoding import autoencoding, passed_through
from jaxgen.training.codebooks import averaged
from jaxgen.training.compile import compile
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.replicate import grid, replicate
from learners import cosines
from wanderers import assert_resumes

KEY = jax.random.key(0)
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(size=(16, 2, 2, 1)), jnp.float32)
BOOK = Codebook(5, 2, cosines)
MODEL = Autoencoder(
    PerceptronEncoder(6, 1, kernel_init=cosines),
    VectorQuantizedCode(BOOK, 2),
    UniformPlaces(BOOK, 2),
    PerceptronDecoder((2, 2, 1), 6, 1, kernel_init=cosines),
    Gaussian(0.3),
)
PARAMS = filled(MODEL, IMAGES, KEY)["params"]
FOLLOWING = averaged(
    autoencoding(MODEL, vector_quantized(codebook=0.0), optax.sgd(0.01)), MODEL, 0.9
)


def table_of(params):
    return np.asarray(params["code"]["codebook"]["table"])


@pytest.fixture(scope="module")
def trained():
    first = FOLLOWING.init(KEY, IMAGES)
    second, metrics = jax.jit(FOLLOWING.update)(first, IMAGES)
    return first, second, metrics


def encoded_by(params):
    found = MODEL.apply({"params": params}, IMAGES, method="encode")
    return np.float64(found.encoded).reshape(-1, 2), np.asarray(found.index).ravel()


def test_the_objective_is_its_formula_and_stops_what_it_should():
    def value(params, commitment, codebook):
        passed = passed_through(MODEL, params, IMAGES, KEY, 1)
        objective = vector_quantized(commitment, codebook)
        return objective(passed, KEY)[0], passed.terms

    slope = jax.jit(jax.value_and_grad(value, has_aux=True))
    (total, terms), _ = slope(PARAMS, 0.25, 1.0)
    points, index = encoded_by(PARAMS)
    away = (points - np.float64(table_of(PARAMS))[index]).reshape(16, -1)
    expected = np.float64(terms.distortion).mean() + 1.25 * (away**2).sum(1).mean()
    assert float(total) == pytest.approx(expected, rel=1e-5)
    distortion, pulled, moved = (
        slope(PARAMS, *weights)[1] for weights in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    )
    assert not table_of(distortion).any() and not table_of(pulled).any()
    totals = np.zeros((5, 2))
    np.add.at(totals, index, 2 * (table_of(PARAMS)[index] - points) / 16)
    np.testing.assert_allclose(table_of(moved), totals, atol=1e-5)
    heads = [
        np.asarray(g["code"]["mean"]["kernel"]) for g in (distortion, pulled, moved)
    ]
    assert np.abs(heads[0]).max() > 1e-3  # straight through
    np.testing.assert_allclose(heads[2], heads[0], atol=1e-6)
    assert np.abs(heads[1] - heads[0]).max() > 1e-3


def test_places_follow_the_mean_of_what_is_nearest(trained):
    first, second, _ = trained
    before = dict(second.params)
    before["code"] = {**before["code"], "codebook": first.params["code"]["codebook"]}
    points, index = encoded_by(before)
    count, total = np.ones(5), np.float64(table_of(first.params))
    for place in range(5):
        mine = points[index == place]
        count[place] = 0.9 + 0.1 * len(mine)
        total[place] = 0.9 * total[place] + 0.1 * mine.sum(0)
    np.testing.assert_allclose(
        table_of(second.params), total / count[:, None], rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(second.extra["codebook"]["count"], count, rtol=1e-5)


def test_a_place_that_nothing_is_near_to_stays_finite(trained):
    first, *_ = trained
    none = {"count": jnp.zeros(5), "sum": jnp.zeros((5, 2))}
    idle = first._replace(extra={"codebook": none})
    after, _ = jax.jit(FOLLOWING.update)(idle, IMAGES)
    unused = np.asarray(after.extra["codebook"]["count"]) == 0
    assert unused.any() and np.isfinite(table_of(after.params)).all()
    np.testing.assert_array_equal(
        table_of(after.params)[unused], table_of(first.params)[unused]
    )


def test_averages_go_on_where_a_run_was_cut_short(tmp_path):
    mesh = mesh_of({"replica": 1}, jax.devices()[:1])
    one = replicate(lambda: feed(FOLLOWING, minibatch(8)), grid(seed=range(1)))
    assert_resumes(compile(repeat(one, 2), IMAGES, mesh, study()), IMAGES, tmp_path)


def test_how_many_places_are_used_is_told(trained):
    *_, metrics = trained
    index = jnp.array([[0, 0], [1, 2], [2, 2]])
    shares = np.array([2, 1, 3]) / 6
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert float(perplexity(index)) == pytest.approx(expected, rel=1e-6)
    assert 1 <= float(metrics["perplexity"]) <= 5 and metrics["commitment"] > 0


def test_a_model_without_a_codebook_is_refused():
    model = MODEL.clone(code=PointCode(4), prior=StandardNormal(4))
    learner = averaged(autoencoding(model, vector_quantized(), optax.sgd(0.1)), model)
    with pytest.raises(ValueError, match="averaged: the model has no codebook"):
        jax.eval_shape(learner.init, KEY, IMAGES)
