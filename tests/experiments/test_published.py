"""Colored MNIST: penalties by their formulas, rows by themselves, recipes as in print."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.domain_generalization import published_runs as runs
from experiments.domain_generalization.published import ordering
from experiments.domain_generalization.published_table import (
    PUBLISHED,
    RECIPE,
)
from experiments.domain_generalization.settings import Published
from jaxgen.data.images import Labelled
from jaxgen.keys import named

SETTINGS = Published(share=0.05, restarts=2, hidden=4, steps=4, anneal=2)
DATA = runs.digits_there(SETTINGS)


@pytest.fixture(scope="module")
def batch():
    key = named(jax.random.key(0), "data")
    return runs.environments(SETTINGS.share)(DATA, key, jnp.array(0))


def test_domains_are_in_rows_of_their_own_flips(batch):
    count = int(0.05 * len(DATA.digits)) // 2
    assert batch.images.shape == (count, 2, 8, 8, 2)
    key = named(jax.random.key(0), "data")
    whole = runs.environments(1.0)(DATA, key, jnp.array(3))
    lit = np.asarray(whole.images.max((2, 3)))[..., 1] > 0
    agrees = (lit == np.asarray(whole.labels)).mean(0)
    error = 4.5 * 0.4 / np.sqrt(len(lit))
    np.testing.assert_allclose(agrees, [0.8, 0.9], atol=error)
    told = runs.test_environment(DATA, key)
    lit = np.asarray(told.images.max((1, 2)))[:, 1] > 0
    assert abs((lit == np.asarray(told.labels)).mean() - 0.1) < error
    both = runs.in_both_colours(told).images
    np.testing.assert_array_equal(both[..., 0], DATA.test_images)
    np.testing.assert_array_equal(both[..., 0], both[..., 1])


def test_penalties_are_those_of_their_formulas(batch):
    model = runs.ColorClassifier(4)
    seen = runs.in_colour(batch.images)
    params = model.init(jax.random.key(1), seen)["params"]
    found: Any = model.apply({"params": params}, seen)
    told = jax.jit(runs.penalties)(params, found, batch.labels, jax.random.key(0))
    h, z, y = (np.asarray(x, np.float64) for x in (*found, batch.labels))
    losses = (np.log1p(np.exp(z)) - y * z).mean(0)
    np.testing.assert_allclose(told.losses, losses, rtol=1e-5)
    residual = 1 / (1 + np.exp(-z)) - y
    slopes = (residual * z).mean(0)
    gradients = residual[..., None] * np.concatenate([h, np.ones_like(h[..., :1])], -1)
    variances = gradients.var(0)
    middle = variances.mean(0)
    expected = [
        0,
        (slopes**2).mean(),
        (losses[0] - losses[1]) ** 2,
        sum(((one - middle) ** 2).sum() for one in variances),
    ]
    np.testing.assert_allclose(told.penalty, expected, rtol=2e-4, atol=1e-12)


def test_the_loss_is_divided_by_its_penalty_once_that_has_its_full_weight(batch):
    recipe = RECIPE._replace(hidden=4, penalty=10.0)
    model = runs.ColorClassifier(4)

    @jax.jit
    def metrics(method):
        learner = runs.learner_of(model, recipe, 1, runs.in_colour, method)
        state = learner.init(jax.random.key(0), batch)
        told = []
        for _ in range(2):
            found: Any = model.apply(
                {"params": state.params}, runs.in_colour(batch.images)
            )
            own = runs.penalties(state.params, found, batch.labels, state.key)
            squares = sum((x**2).sum() for x in jax.tree.leaves(state.params))
            state, metric = learner.update(state, batch)
            mean = own.losses.mean() + recipe.decay * squares
            told.append((metric["loss"], mean, own.penalty[method.astype(jnp.int32)]))
        return told

    (first, mean, penalty), (then, later, heavy) = metrics(jnp.array(1.0))
    np.testing.assert_allclose(first, mean + penalty, rtol=1e-5)
    np.testing.assert_allclose(then, (later + 10 * heavy) / 10, rtol=1e-5)
    (first, mean, _), (then, later, _) = metrics(jnp.array(0.0))
    np.testing.assert_allclose([first, then], [mean, later], rtol=1e-5)


def test_what_must_hold_is_the_order_of_means():
    def scores(test):
        return runs.Scores(*(np.array([test, test + 1.0]),) * 3)

    found: Any = {name: scores(each.test) for name, each in PUBLISHED.items()}
    assert [one.verdict for one in ordering(found)] == ["supported"] * 3
    apart = [one.interval.estimate for one in ordering(found)]
    np.testing.assert_allclose(apart, [65.6 - 14, 67.2 - 14, 69.5 - 14])
    found["erm"] = scores(80.0)
    assert [one.verdict for one in ordering(found)] == ["refuted"] * 3


def test_large_digits_are_halved_and_their_last_sixth_is_told(monkeypatch):
    images = np.arange(12 * 28 * 28, dtype=np.float32).reshape(12, 28, 28, 1)
    given = Labelled(images, np.arange(12, dtype=np.int32) % 10)
    monkeypatch.setattr(runs, "digits_of", lambda *_: (given, None))
    told = runs.digits_there(dataclasses.replace(SETTINGS, source="mnist"))
    assert told.images.shape == (10, 14, 14) and told.test_images.shape == (2, 14, 14)
    np.testing.assert_array_equal(told.images * 2 - 1, images[:10, ::2, ::2, 0])
    np.testing.assert_array_equal(told.test_digits, [0, 1])


@pytest.mark.parametrize(
    "how, complaint",
    [
        ({"share": 1.5}, "published.share 1.5"),
        ({"restarts": 1}, "published.restarts 1: expected 2"),
        ({"hidden": 0}, "published.hidden 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(how, complaint):
    with pytest.raises(ValueError, match=complaint):
        Published(**how)


def test_a_file_that_is_none_is_refused_before_anything_is_trained(tmp_path):
    path = Path(tmp_path) / "digits.npz"
    np.savez(path, x=np.full((3, 28, 28), 200, np.uint8), y=np.zeros(3, int))
    with pytest.raises(ValueError, match=r"published.file"):
        runs.digits_there(Published("mnist", path))
