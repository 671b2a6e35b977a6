"""Codes beside numpy and scipy, and what they share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from filled import filled
from jaxgen.densities.full_normal import FullNormal, full_kl_to_standard_normal
from jaxgen.nn.codes import FullGaussianCode, GaussianCode, PointCode, SphereCode
from jaxgen.nn.quantization import Codebook, RoundedCode, VectorQuantizedCode

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
FEATURES = jnp.asarray(RNG.normal(size=(6, 5)), jnp.float32)


def started(code):
    return jax.jit(lambda: code.init(KEY, FEATURES))()


@pytest.mark.parametrize(
    "code",
    [
        GaussianCode(4),
        FullGaussianCode(4),
        SphereCode(4),
        RoundedCode((5, 5, 5, 8)),
        VectorQuantizedCode(Codebook(7, 2), 2),
    ],
    ids=lambda code: type(code).__name__,
)
def test_every_code_starts_with_the_heads_of_a_point(code):
    expected, seen = started(PointCode(4))["params"], started(code)["params"]
    assert code.size == 4
    for head in ("mean", "log_scale"):
        np.testing.assert_array_equal(seen[head]["kernel"], expected[head]["kernel"])


def test_a_full_density_starts_as_a_diagonal_one():
    full = FullGaussianCode(3).apply(started(FullGaussianCode(3)), FEATURES)
    diagonal = GaussianCode(3).apply(started(GaussianCode(3)), FEATURES)
    np.testing.assert_array_equal(full.mean, diagonal.mean)
    expected = np.asarray(diagonal.scale)[..., None] * np.eye(3)
    np.testing.assert_allclose(full.triangle, expected, rtol=1e-6)


@pytest.fixture(scope="module")
def full():
    triangle = np.tril(RNG.normal(size=(2, 3, 3)), -1)
    triangle += np.exp(RNG.normal(0, 0.5, (2, 3)))[..., None] * np.eye(3)
    return FullNormal(
        jnp.asarray(RNG.normal(size=(2, 3)), jnp.float32),
        jnp.asarray(triangle, jnp.float32),
    )


def test_a_full_density_is_that_of_scipy(full):
    codes = full.sample(KEY, 20_000)
    log_prob = jax.jit(full.log_prob)(codes)
    for row in range(2):
        triangle = np.float64(full.triangle[row])
        covariance = triangle @ triangle.T
        other = stats.multivariate_normal(np.float64(full.mean[row]), covariance)
        expected = other.logpdf(codes[:9, row])
        np.testing.assert_allclose(log_prob[:9, row], expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(np.cov(codes[:, row].T), covariance, atol=0.3)
        np.testing.assert_allclose(codes[:, row].mean(0), full.mean[row], atol=0.06)


def test_the_divergence_of_a_full_density_is_the_mean_of_what_codes_cost(full):
    codes = full.sample(KEY, 20_000)
    costs = full.log_prob(codes) - stats.norm.logpdf(codes).sum(-1)
    nats = full_kl_to_standard_normal(full)[:, 0]
    error = np.std(costs, axis=0) / 20_000**0.5
    assert (np.abs(costs.mean(0) - nats) < 4 * error).all() and nats.min() > 0.3


def test_directions_have_length_one_and_a_concentration_of_more():
    variables = filled(SphereCode(4), FEATURES)
    found = SphereCode(4).apply(variables, FEATURES)
    np.testing.assert_allclose(np.linalg.norm(found.mean, axis=1), 1, atol=1e-5)
    assert found.concentration.min() > 1 and np.ptp(found.concentration) > 0.01
    still = SphereCode(4).apply(variables, jnp.zeros((1, 5)))
    assert np.isfinite(still.mean).all()


def heads(kernel):
    """Parameters whose mean is the features times a kernel."""
    zeros = jnp.zeros(kernel.shape[1])
    layer = {"kernel": jnp.asarray(kernel, jnp.float32), "bias": zeros}
    return {"mean": layer, "log_scale": layer}


def test_levels_are_those_of_the_formula_and_all_within_reach():
    levels = (2, 3, 4, 5, 8)
    code = RoundedCode(levels)
    features = jnp.asarray(np.linspace(-6, 6, 2000)[:, None], jnp.float32)
    found = jax.jit(code.apply)({"params": heads(np.ones((1, 5)))}, features)
    for column, count in enumerate(levels):
        half, offset = (count - 1) * 0.999 / 2, 0.5 * (count % 2 == 0)
        bound = (
            half * np.tanh(np.float64(features[:, 0]) + np.tan(offset / half)) - offset
        )
        np.testing.assert_allclose(
            found.encoded[:, column], bound / (count // 2), atol=1e-5
        )
        away = np.abs(bound - np.round(bound)) < 0.499  # where rounding is no doubt
        expected = np.round(bound) / (count // 2)
        np.testing.assert_allclose(
            found.chosen[away, column], expected[away], atol=1e-6
        )
        assert set(found.index[:, column].tolist()) == set(range(count))
    np.testing.assert_allclose(found.mean, found.chosen, atol=1e-6)
    assert code.places == 2 * 3 * 4 * 5 * 8


def test_a_place_is_the_nearest_one_of_the_codebook():
    code = VectorQuantizedCode(Codebook(7, 2), 2)
    variables = filled(code, FEATURES)
    found = code.apply(variables, FEATURES)
    table = np.float64(variables["params"]["codebook"]["table"])
    points = np.float64(found.encoded).reshape(6, 2, 1, 2)
    distances = ((points - table) ** 2).sum(-1)
    np.testing.assert_array_equal(found.index, distances.argmin(-1))
    np.testing.assert_array_equal(
        np.asarray(found.chosen).reshape(6, 2, 2), np.float32(table)[found.index]
    )
    np.testing.assert_allclose(found.mean, found.chosen, atol=1e-6)


@pytest.mark.parametrize(
    "code", [RoundedCode((5, 4)), VectorQuantizedCode(Codebook(7, 1), 2)]
)
def test_slopes_go_straight_through(code):
    variables = filled(code, FEATURES)

    def total(features, part):
        return jnp.sin(3 * getattr(code.apply(variables, features), part)).sum()

    def outer(features):
        found = code.apply(variables, features)
        weight = 3 * jnp.cos(3 * found.chosen)  # the slope at the place
        return (jax.lax.stop_gradient(weight) * found.encoded).sum()

    slope = jax.jit(jax.grad(total), static_argnums=1)
    slopes = [slope(FEATURES, part) for part in ("mean", "chosen")]
    np.testing.assert_allclose(slopes[0], jax.jit(jax.grad(outer))(FEATURES), atol=1e-5)
    assert np.abs(slopes[0]).max() > 0.1 and not slopes[1].any()


@pytest.mark.parametrize(
    "refuse, complaint",
    [
        (
            lambda: started(RoundedCode((5, 1))),
            r"levels=\(5, 1\)\): expected 2 or more",
        ),
        (lambda: started(SphereCode(1)), r"SphereCode\(size=1\)"),
        (lambda: Codebook(512, 4).require_examples(500), r"count=512\): larger than"),
    ],
)
def test_codes_that_make_no_sense_are_refused(refuse, complaint):
    Codebook(512, 4).require_examples(512)
    with pytest.raises(ValueError, match=complaint):
        refuse()
