"""The loop: what it tells, saves and evaluates when, and how it meets infinity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.batches import Resident, minibatch
from jaxgen.keys import named
from jaxgen.training.loop import fit
from wanderers import (
    POINTS,
    Counted,
    Listener,
    bits,
    refuse,
    saved,
    told,
    wandering,
    wandering_study,
)


class Spoilt(Counted):
    """Batches that are infinite from the one at position 7 on."""

    def __next__(self):
        batch = super().__next__()
        return batch if self.position <= 7 else np.full_like(batch, np.inf)


def poisoned() -> np.ndarray:
    """Points of which one is infinite: who draws it dies."""
    return np.where(np.arange(24)[:, None] == 4, np.float32(np.inf), POINTS)


def deaths(state) -> list[int]:
    """The first step at which each row draws the poison."""
    points = jnp.asarray(poisoned())

    def draws(key, step):
        key = named(jax.random.fold_in(key, step), "data")
        return ~jnp.isfinite(minibatch(4)(points, key)).all()

    rows = jax.jit(jax.vmap(jax.vmap(draws, (None, 0)), (0, None)))
    return rows(state.key, jnp.arange(30)).argmax(axis=1).tolist()


def test_a_run_is_evaluated_at_its_start_and_when_asked(tmp_path, key):
    watcher = Listener()
    options = {"evaluate_every": 4, "watcher": watcher}
    fit(wandering_study(), key, Resident(POINTS), 11, tmp_path, **options)
    lines = told(tmp_path)
    assert watcher.told == [(done, 3 * done) for done in range(12)]
    assert [line["step"] for line in lines] == [step for _, step in watcher.told]
    scored = [line["step"] for line in lines if "distance" in line]
    assert scored == [0, 12, 24]
    assert [line["step"] for line in lines if "loss" in line] == list(range(3, 34, 3))
    assert np.shape(lines[4]["distance"]) == np.shape(lines[4]["loss"]) == (4,)


def test_a_metric_is_told_at_the_step_it_belongs_to(tmp_path, key):
    program = wandering()
    fit(program, key, Counted(), 5, tmp_path)
    batches = Counted()
    state = program.init(key, jax.device_put(next(batches), program.data))
    batches.position = 0
    for line in told(tmp_path)[1:]:
        data = jax.device_put(next(batches), program.data)
        state, metrics = program.update(state, data)
        scores = program.evaluate(state, data)
        assert np.float32(line["loss"]) == metrics["loss"]
        assert np.float32(line["distance"]) == scores["distance"]
        assert line["step"] == int(state.step)


def test_checkpoints_are_saved_on_schedule_and_at_the_end(tmp_path, key):
    fit(wandering(), key, Counted(), 11, tmp_path, save_every=2, keep=4)
    assert saved(tmp_path) == [6, 8, 10, 11]


def test_the_dead_are_named_and_the_run_ends_when_all_are(tmp_path, key):
    watcher = Listener()
    options = {"names": ["the first"], "save_every": 5, "folder": tmp_path}
    data = Resident(poisoned())
    state = fit(wandering_study(), key, data, 1000, watcher=watcher, **options)
    died = state.extra["died"].tolist()
    names = ["the first", "replicate 1", "replicate 2", "replicate 3"]
    assert died == deaths(state) and len(set(died)) == 2
    assert watcher.said == [
        f"{names[row]} died at step {died[row]}: its parameters were no longer finite"
        for row in sorted(range(4), key=lambda row: (died[row], row))
    ]
    assert np.isfinite(np.asarray(state.params)).all()
    assert int(state.step) == 30 > max(died) + 3
    assert told(tmp_path)[-1]["died"] == died

    dead = wandering_study()._replace(init=refuse, update=refuse)
    again = fit(dead, key, data, 1000, **options)
    assert bits(again) == bits(state)


def test_a_death_does_not_disturb_the_others(tmp_path, key):
    healthy = fit(wandering_study(), key, Resident(POINTS), 5, tmp_path / "healthy")
    half = fit(wandering_study(), key, Resident(poisoned()), 5, tmp_path / "poisoned")
    alive = np.asarray(half.extra["died"]) < 0
    assert alive.tolist() == [False, True, False, True]
    assert int(half.step) == 15
    assert half.params[alive].tolist() == healthy.params[alive].tolist()


def test_a_metric_that_is_not_finite_stops_a_run_without_guard(tmp_path, key):
    options = {"save_every": 2}
    unbroken = fit(wandering(), key, Counted(), 11, tmp_path / "healthy", **options)
    with pytest.raises(FloatingPointError, match=r"loss is inf at step 8\. .*kept"):
        fit(wandering(), key, Spoilt(), 11, tmp_path / "run", **options)
    assert [line["loss"] is None for line in told(tmp_path / "run")[-2:]] == [0, 1]
    assert saved(tmp_path / "run") == [2, 4, 6]
    cured = fit(wandering(), key, Counted(), 11, tmp_path / "run", **options)
    assert bits(cured) == bits(unbroken)


@pytest.mark.parametrize("name", ["evaluate_every", "save_every", "keep"])
def test_a_period_is_positive(tmp_path, key, name):
    with pytest.raises(ValueError, match=f"{name}=0"):
        fit(wandering(), key, Counted(), 1, tmp_path, **{name: 0})
