"""Active units of posteriors whose units are known, and what they cost."""

import jax.numpy as jnp
import numpy as np
import scipy.integrate
import scipy.stats

from jaxgen.densities.normal import DiagonalNormal
from jaxgen.metrics.active_units import (
    active_units,
    narrow_units,
    unit_activity,
    unit_rates,
)

RNG = np.random.default_rng(0)
TOLD = np.array([1.0, 0.8, 0.3, 0.0, 0.0], np.float32)
MEANS = TOLD * RNG.normal(size=(500, 5)).astype(np.float32) + np.float32(3.0)
SCALES = np.broadcast_to(np.sqrt(1 - TOLD**2 * 0.99), MEANS.shape).astype(np.float32)


def test_units_that_vary_with_the_example_are_active():
    np.testing.assert_allclose(unit_activity(MEANS), MEANS.var(0), rtol=1e-5, atol=1e-9)
    assert int(active_units(MEANS)) == 3
    assert int(active_units(MEANS, threshold=0.2)) == 2
    assert int(active_units(0 * MEANS)) == 0


def test_units_that_are_narrower_than_the_prior():
    assert int(narrow_units(SCALES)) == 2
    assert int(narrow_units(SCALES, threshold=0.95)) == 3
    assert int(narrow_units(np.ones_like(SCALES))) == 0


def test_rates_are_the_integral_of_the_divergence():
    posterior = DiagonalNormal(jnp.asarray(MEANS[:3]), jnp.asarray(SCALES[:3]))
    rates = np.asarray(unit_rates(posterior))

    def divergence(mean, scale):
        own, prior = scipy.stats.norm(mean, scale), scipy.stats.norm()

        def density(z):
            return own.pdf(z) * (own.logpdf(z) - prior.logpdf(z))

        ends = mean - 12 * scale, mean + 12 * scale
        return scipy.integrate.quad(density, *ends, points=[mean])[0]

    expected = np.vectorize(divergence)(MEANS[:3, :3], SCALES[:3, :3]).mean(0)
    np.testing.assert_allclose(rates[:3], expected, rtol=1e-4)
