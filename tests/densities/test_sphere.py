"""Directions beside scipy: Bessel functions, densities, draws and their slopes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special, stats

from jaxgen.densities.bessel import log_bessel
from jaxgen.densities.cosines import cosine, cosine_slope
from jaxgen.densities.sphere import VonMisesFisher, kl_to_uniform, log_area

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
SIZES = [2, 3, 5, 64]
STRENGTHS = np.array([1e-3, 0.5, 3.0, 40.0, 800.0])


@pytest.mark.parametrize("order", [0.0, 0.5, 1.0, 7.5, 31.0, 511.0])
def test_bessel_functions_are_those_of_scipy(order):
    x = np.array([0.3, 2.0, 30.0, 900.0, 20_000.0])
    value, ratio = jax.jit(log_bessel, static_argnums=0)(order, jnp.float32(x))
    scaled = special.ive(order, x)  # of large orders zero, in double precision too
    known = scaled > 0
    expected = np.log(scaled[known]) + x[known] - order * np.log(x[known])
    np.testing.assert_allclose(value[known], expected, rtol=1e-6, atol=2e-5)
    above = special.ive(order + 1, x[known]) / scaled[known]
    np.testing.assert_allclose(ratio[known], above, rtol=2e-5)
    slope = jax.jit(jax.grad(lambda x: log_bessel(order, x)[0].sum()))(jnp.float32(x))
    np.testing.assert_allclose(slope, ratio, rtol=2e-4)  # d/dx log(I_v / x^v)
    assert known.sum() >= 2


def directions(count, size):
    noise = RNG.normal(size=(count, size))
    return noise / np.linalg.norm(noise, axis=1, keepdims=True)


@pytest.fixture(scope="module", params=SIZES, ids=str)
def drawn(request):
    """Densities of all strengths, their draws and log-densities, in one program."""
    size = request.param
    means = jnp.asarray(directions(len(STRENGTHS), size), jnp.float32)
    posterior = VonMisesFisher(means, jnp.asarray(STRENGTHS, jnp.float32))

    def run(posterior):
        codes = posterior.sample(KEY, 4000)
        return codes, posterior.log_prob(codes), kl_to_uniform(posterior)[:, 0]

    return size, posterior, *map(np.asarray, jax.jit(run)(posterior))


def test_densities_are_those_of_scipy(drawn):
    _, posterior, codes, log_prob, _ = drawn
    for row, (mean, strength) in enumerate(zip(posterior.mean, STRENGTHS, strict=True)):
        mean = np.float64(mean) / np.linalg.norm(np.float64(mean))
        some = np.float64(codes[:20, row])
        some /= np.linalg.norm(some, axis=1, keepdims=True)
        expected = stats.vonmises_fisher(mean, strength).logpdf(some)
        np.testing.assert_allclose(log_prob[:20, row], expected, rtol=1e-5, atol=2e-3)


def test_draws_lie_on_the_sphere_around_their_mean(drawn):
    size, posterior, codes, *_ = drawn
    np.testing.assert_allclose(np.linalg.norm(codes, axis=-1), 1, atol=1e-4)
    along = (codes * posterior.mean[None]).sum(-1)
    ratio = np.asarray(log_bessel(size / 2 - 1, posterior.concentration)[1])
    error = along.std(0) / len(codes) ** 0.5
    assert (np.abs(along.mean(0) - ratio) < 4 * error + 1e-5).all()
    across = codes - along[..., None] * posterior.mean[None]
    spread = np.sqrt((1 - along**2).mean(0) / size)  # of each dimension
    limit = 5 * spread / len(codes) ** 0.5 + 1e-4
    assert (np.abs(across.mean(0)).max(1) < limit).all()


def test_cosines_have_the_distribution_of_their_density(drawn):
    size, posterior, codes, *_ = drawn
    along = (codes * posterior.mean[None]).sum(-1)
    for row in (1, 2, 3):
        k = STRENGTHS[row]
        angle = np.linspace(0, np.pi, 20_001)
        density = np.exp(k * (np.cos(angle) - 1)) * np.sin(angle) ** (size - 2)
        mass = integrate.cumulative_simpson(density, x=angle, initial=0)

        def below(w, mass=mass, angle=angle):
            return 1 - np.interp(np.arccos(np.clip(w, -1, 1)), angle, mass) / mass[-1]

        assert stats.kstest(along[:, row], below).pvalue > 1e-3


def test_the_divergence_is_the_mean_of_what_codes_cost(drawn):
    size, _, _, log_prob, nats = drawn
    costs = log_prob + log_area(size)
    error = costs.std(0) / len(costs) ** 0.5
    assert (np.abs(costs.mean(0) - nats) < 4 * error + 1e-3).all()
    assert (np.diff(nats) > -1e-4).all() and nats[-1] > 2 and abs(nats[0]) < 1e-3


@pytest.mark.parametrize("size", SIZES)
def test_a_draw_moves_so_that_the_mass_below_it_stays(size):
    k, step = np.array([0.3, 4.0, 60.0]), 1e-4

    def below(w, k):
        def density(angle):
            return np.exp(k * (np.cos(angle) - 1)) * np.sin(angle) ** (size - 2)

        part = integrate.quad(density, np.arccos(w), np.pi, epsabs=1e-14)[0]
        return part / integrate.quad(density, 0, np.pi, epsabs=1e-14)[0]

    strengths = jnp.asarray(np.tile(k, (4, 1)), jnp.float32)
    draws = jax.jit(cosine, static_argnums=2)(KEY, strengths, size)
    slope = jax.jit(cosine_slope, static_argnums=2)(draws, strengths, size)
    for row, column in np.ndindex(4, 3):
        w, strength = np.float64(draws[row, column]), k[column]
        of_k = (below(w, strength + step) - below(w, strength - step)) / (2 * step)
        away = min(step, (1 - w) / 4)
        of_w = (below(w + away, strength) - below(w - away, strength)) / (2 * away)
        assert float(slope[row, column]) == pytest.approx(-of_k / of_w, rel=0.02)


def test_the_mean_slope_of_draws_is_the_slope_of_the_mean():
    def mean(k, size):
        return cosine(KEY, jnp.full(20_000, k), size).mean()

    for size, k in ((2, 1.0), (8, 6.0)):
        slope = jax.jit(jax.grad(mean), static_argnums=1)(k, size)
        ratio = float(log_bessel(size / 2 - 1, jnp.float32(k))[1])
        expected = 1 - ratio**2 - (size - 1) / k * ratio
        assert float(slope) == pytest.approx(expected, rel=0.03)
