"""Flows beside Jacobians by brute force, and densities beside their integrals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.models.learned_priors import FlowPrior
from jaxgen.nn.flows import (
    AffineCoupling,
    MaskedAutoregressive,
    coupling_flow,
    inverse_autoregressive_flow,
    masked_autoregressive_flow,
)
from jaxgen.nn.masked_dense import MADE

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
FLOWS = {
    "layer": MaskedAutoregressive(6, 1, jnp.tanh),
    "coupling": AffineCoupling(True, 6, 1, jnp.tanh),
    "masked": masked_autoregressive_flow(3, 6, 1),
    "inverse": inverse_autoregressive_flow(2, 6, 1),
    "couplings": coupling_flow(3, 6, 1),
}


def points_of(count, size):
    return jnp.asarray(RNG.normal(size=(count, size)), jnp.float32)


def started(module, x, method="forward"):
    return jax.jit(lambda x: module.init(KEY, x, method=method))(x)


def varied(variables):
    """Nothing is zero any more, and nothing small."""
    rng = np.random.default_rng(1)
    return jax.tree.map(
        lambda w: w + jnp.asarray(rng.normal(0, 0.35, w.shape), w.dtype), variables
    )


@pytest.fixture(scope="module", params=FLOWS, ids=str)
def mapped(request):
    """Points, what a flow maps them to at the start, and later, and back; Jacobians."""
    flow, x = FLOWS[request.param], points_of(5, 3)
    variables = started(flow, x)

    def through(variables, x):
        y, log_det = flow.apply(variables, x, method="forward")
        back, back_det = flow.apply(variables, y, method="inverse")
        slope = jax.vmap(
            jax.jacfwd(
                lambda one: flow.apply(variables, one[None], method="forward")[0]
            )
        )
        return y, log_det, back, back_det, slope(x)[:, 0]

    run = jax.jit(through)
    return x, run(variables, x)[:2], run(varied(variables), x)


def test_a_flow_starts_as_the_identity_up_to_the_order(mapped):
    x, (y, log_det), _ = mapped
    np.testing.assert_allclose(np.sort(y), np.sort(x), atol=1e-6)
    np.testing.assert_allclose(log_det, 0, atol=1e-6)


def test_the_determinant_is_that_of_the_jacobian(mapped):
    *_, (_, log_det, _, back_det, slopes) = mapped
    expected = np.linalg.slogdet(np.float64(slopes))[1]
    np.testing.assert_allclose(log_det, expected, atol=2e-4)
    np.testing.assert_allclose(back_det, -expected, atol=2e-4)
    assert np.std(expected) > 0.1


def test_the_inverse_leads_back(mapped):
    x, _, (y, _, back, *_) = mapped
    np.testing.assert_allclose(back, x, atol=2e-4)
    assert np.abs(y - x).max() > 0.3


def test_an_output_sees_the_dimensions_before_it_and_all_of_them():
    x, made = points_of(1, 5), MADE(2, 24, 2, jnp.tanh)
    variables = varied(started(made, x, "__call__"))
    slope = jax.jacfwd(lambda one: made.apply(variables, one[None])[0])
    slopes = jax.jit(slope)(x[0])
    seen = np.abs(slopes) > 1e-9
    expected = np.tril(np.ones((5, 5), bool), -1)
    np.testing.assert_array_equal(seen, expected[:, None].repeat(2, 1))


def test_a_flow_of_one_dimension_moves_and_scales_it():
    flow, x = MaskedAutoregressive(4, 1), points_of(3, 1)
    variables = varied(started(flow, x))
    y, log_det = flow.apply(variables, x, method="forward")
    line = np.polyfit(x[:, 0], y[:, 0], 1)
    np.testing.assert_allclose(np.polyval(line, x[:, 0]), y[:, 0], atol=1e-5)
    np.testing.assert_allclose(np.log(line[0]), log_det, atol=1e-5)


def statistics(points):
    """Some that tell one density from another, (..., 5)."""
    product = points[..., :1] * points[..., 1:]
    return np.concatenate([points, np.cos(points), product], -1)


@pytest.mark.parametrize("name", ["masked", "inverse", "couplings"])
def test_a_prior_sums_to_one_and_draws_what_it_says(name):
    prior = FlowPrior(2, FLOWS[name])
    variables = started(prior, points_of(2, 2), "log_prob")
    variables = jax.tree.map(lambda w: 0.45 * w, varied(variables))
    side = np.linspace(-14, 14, 281)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), -1)

    def both(variables, grid):
        drawn = prior.apply(variables, KEY, 20_000, method="sample")
        return prior.apply(variables, grid, method="log_prob"), drawn

    log_density, drawn = jax.jit(both)(variables, jnp.asarray(grid, jnp.float32))
    mass = np.exp(np.float64(log_density)) * (side[1] - side[0]) ** 2
    assert mass.sum() == pytest.approx(1, abs=2e-3)
    expected = (mass[..., None] * statistics(grid)).sum((0, 1))
    seen = statistics(np.float64(drawn))
    error = seen.std(0) / 20_000**0.5
    assert (np.abs(seen.mean(0) - expected) < 5 * error).all()


def test_halves_of_one_dimension_are_refused():
    with pytest.raises(ValueError, match="AffineCoupling: points of 1 dimension"):
        AffineCoupling().init(KEY, points_of(2, 1), method="forward")
