"""Fourier mixing against sums of cosines."""

import jax.numpy as jnp
import numpy as np

from jaxgen.nn.fourier import FourierMixing
from jaxgen.nn.mixer import PLAIN, Context
from mixers import FEATURES, LENGTH, X, close


def test_it_is_the_sum_of_cosines():
    token, feature = np.arange(LENGTH), np.arange(FEATURES)
    turns = (
        np.multiply.outer(token, token)[:, None, :, None] / LENGTH
        + np.multiply.outer(feature, feature)[None, :, None, :] / FEATURES
    )
    expected = np.einsum("tdse,bse->btd", np.cos(2 * np.pi * turns), X)
    close(FourierMixing().apply({}, X, PLAIN), expected / np.sqrt(LENGTH * FEATURES))


def test_padding_is_as_zeros_even_where_it_holds_no_number():
    padding = jnp.broadcast_to(jnp.arange(LENGTH)[None] >= 4, X.shape[:2])
    zeros = jnp.where(padding[..., None], 0, X)
    holes = jnp.where(padding[..., None], jnp.nan, X)
    found = FourierMixing().apply({}, holes, Context(padding))
    close(found, FourierMixing().apply({}, zeros, PLAIN))


def test_how_much_padding_there_is_matters_as_it_says():
    short = FourierMixing().apply({}, X[:, :3], PLAIN)
    padding = jnp.broadcast_to(jnp.arange(LENGTH)[None] >= 3, X.shape[:2])
    assert not np.allclose(FourierMixing().apply({}, X, Context(padding))[:, :3], short)
