"""Named keys are constants of their names, and their streams are independent."""

import zlib

import jax
import numpy as np

from jaxgen.keys import named

NAMES = ("data", "latents", "dropout", "penalty", "", "données")


def bits(key):
    return tuple(np.asarray(jax.random.key_data(key)).tolist())


def test_a_name_is_folded_in_by_its_checksum(key):
    # the checksum that every implementation of CRC-32 gives for these four letters
    assert zlib.crc32(b"data") == 0xADF3F363
    expected = jax.random.fold_in(key, np.uint32(0xADF3F363))
    assert bits(named(key, "data")) == bits(expected)


def test_names_and_keys_tell_keys_apart(key):
    keys = [key, jax.random.fold_in(key, 0)]
    assert len({bits(named(one, name)) for one in keys for name in NAMES}) == 12


def test_streams_of_two_names_do_not_correlate(key):
    draws = [np.asarray(jax.random.normal(named(key, n), 4096)) for n in NAMES]
    correlations = np.corrcoef(draws) - np.eye(len(NAMES))
    assert np.abs(correlations).max() < 5 / np.sqrt(4096)


def test_names_mean_the_same_inside_a_program(key):
    keys = jax.random.split(key, 3)
    inside = jax.jit(jax.vmap(lambda one: named(one, "data")))(keys)
    assert [bits(k) for k in inside] == [bits(named(k, "data")) for k in keys]
