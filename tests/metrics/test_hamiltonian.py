"""Leapfrog against its closed form on a Gaussian; chains that stay at their density."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.metrics.hamiltonian import adapted, hamiltonian_step, leapfrog, phase

SCALES = np.array([0.5, 2.0], np.float32)


def density(z):
    return -0.5 * ((z / SCALES[None]) ** 2).sum(-1)


def curved(z):
    return -0.1 * (z[:, 0] ** 4 + jnp.cos(2 * z[:, 1]) * z[:, 0] ** 2 + z[:, 1] ** 2)


@partial(jax.jit, static_argnums=(0, 4))
def moved(log_density, position, momentum, step_size=0.3, steps=7):
    start = phase(log_density, position, momentum)
    end = leapfrog(log_density, start, step_size, steps)
    return end.position, end.momentum


RANDOM = np.random.default_rng(0).normal(size=(2, 6, 2)).astype(np.float32)


def test_leapfrog_on_a_gaussian_is_a_power_of_its_matrix():
    step, (start, momentum) = 0.3, RANDOM
    position, speed = moved(density, start, momentum, step)
    for d, scale in enumerate(SCALES.astype(np.float64)):
        e = step / scale  # in the oscillator's own units
        matrix = np.array([[1 - e**2 / 2, e], [-e * (1 - e**2 / 4), 1 - e**2 / 2]])
        begin = np.stack([start[:, d] / scale, momentum[:, d]])
        end = np.linalg.matrix_power(matrix, 7) @ begin
        np.testing.assert_allclose(position[:, d] / scale, end[0], atol=1e-5)
        np.testing.assert_allclose(speed[:, d], end[1], atol=1e-5)


def test_leapfrog_runs_back_and_keeps_volume():
    position, momentum = moved(curved, *RANDOM)
    assert np.abs(position - RANDOM[0]).min(axis=0).max() > 0.01
    back, reversed_momentum = moved(curved, position, -momentum)
    np.testing.assert_allclose(back, RANDOM[0], atol=1e-5)
    np.testing.assert_allclose(-reversed_momentum, RANDOM[1], atol=1e-5)

    def flow(point):
        end = moved(curved, point[None, :2], point[None, 2:])
        return jnp.concatenate(end, axis=-1)[0]

    slopes = jax.jit(jax.vmap(jax.jacfwd(flow)))(np.concatenate(RANDOM, axis=-1))
    volumes = np.linalg.det(slopes)
    np.testing.assert_allclose(volumes, 1.0, atol=1e-4)


def test_leapfrog_keeps_energy_to_second_order():
    def change(step_size):
        ends = RANDOM, moved(curved, *RANDOM, step_size, round(1 / step_size))
        energies = [0.5 * (v**2).sum(-1) - np.asarray(curved(z)) for z, v in ends]
        return abs(energies[1] - energies[0]).mean()

    assert 0.75 < change(1 / 4) / change(1 / 7) / (7 / 4) ** 2 < 1.25


@jax.jit
def run(codes, key, step_size):
    def step(codes, key):
        return tuple(hamiltonian_step(density, codes, key, step_size, 3))

    return jax.lax.scan(step, codes, jax.random.split(key, 20))


@pytest.mark.parametrize("step_size", [0.3, 0.9])
def test_chains_stay_at_their_density(step_size):
    chains = 20_000
    start = SCALES * np.random.default_rng(1).normal(size=(chains, 2)).astype(
        np.float32
    )
    end, acceptance = run(start, jax.random.key(1), step_size)
    # of the larger step, whose bare leapfrog would have another variance, many fail
    assert (acceptance.mean() < 0.9) == (step_size > 0.5)
    z = np.asarray(end, np.float64) / SCALES
    assert (abs(z.mean(0)) < 4 / np.sqrt(chains)).all()
    assert (abs((z**2).mean(0) - 1) < 4 * np.sqrt(2 / chains)).all()
    assert (abs((z**4).mean(0) - 3) < 4 * np.sqrt(96 / chains)).all()
    assert abs(np.corrcoef(end[:, 1], start[:, 1])[0, 1]) < 0.2  # and they moved


def test_a_move_to_no_number_is_not_kept():
    def broken(z):
        return jnp.where(z[:, 0] > 1, jnp.nan, -0.5 * (z**2).sum(-1))

    start = np.full((64, 1), 0.9, np.float32)
    step = jax.jit(hamiltonian_step, static_argnums=(0, 4))
    end, acceptance = map(np.asarray, step(broken, start, jax.random.key(0), 0.2, 4))
    assert (end <= 1).all() and (end != start).any()
    assert (acceptance[(end == start)[:, 0]] == 0).any()


def test_step_sizes_are_steered_to_the_target():
    def step(state, key):
        codes, step_size = state
        codes, acceptance = hamiltonian_step(density, codes, key, step_size, 3)
        return (codes, adapted(step_size, acceptance, factor=1.1)), acceptance.mean()

    start = jnp.zeros((200, 2)), jnp.asarray(0.01)
    keys = jax.random.split(jax.random.key(0), 150)
    (_, step_size), acceptance = jax.jit(lambda: jax.lax.scan(step, start, keys))()
    assert 0.5 < float(step_size) < 1.1
    assert abs(acceptance[100:].mean() - 0.65) < 0.08
    assert float(adapted(0.5, jnp.ones(3), factor=1.0)) == 0.5
