"""What an autoencoder sees, what it is asked for, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from autoencoders import IMAGES, small
from jaxgen.objectives.rates import free_bits
from jaxgen.objectives.variational import elbo
from jaxgen.training.autoencoding import autoencoding, passed_through
from jaxgen.training.gradients import microbatched
from learners import adam


def test_the_encoder_sees_what_is_corrupted_and_the_likelihood_what_was_there(key):
    model, images = small(), jnp.asarray(IMAGES[:4])

    def inverted(images, key):
        return 1 - images

    @jax.jit
    def run(key):
        params = model.init(key, images, key)["params"]
        passed = passed_through(model, params, images, key, 2, inverted)
        joint = passed.log_joint(passed.terms.codes)
        likelihood = model.apply(
            {"params": params}, passed.terms.codes, images, method="log_likelihood"
        )
        return passed.terms, passed.encode(1 - images), joint, likelihood

    terms, seen, joint, likelihood = run(key)
    np.testing.assert_allclose(terms.log_likelihood, likelihood, rtol=1e-6)
    np.testing.assert_allclose(terms.posterior.mean, seen.mean, rtol=1e-6)
    expected = terms.log_weights + terms.posterior.log_prob(terms.codes)
    np.testing.assert_allclose(joint, expected, rtol=1e-5)


def test_gradients_of_what_looks_at_the_batch_are_not_gathered():
    with pytest.raises(ValueError, match="looks at the whole batch"):
        autoencoding(small(), free_bits(1.0), adam(0.1), value_and_grad=microbatched(2))
    autoencoding(small(), elbo, adam(0.1), value_and_grad=microbatched(2))


def test_a_learner_needs_a_code():
    with pytest.raises(ValueError, match=r"samples=0\): expected 1 code or more"):
        autoencoding(small(), elbo, adam(0.1), samples=0)
