"""The loop: where it stands, what it tells and when, and that interruptions are naught."""

import json
import os
import signal
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.data.batches import Resident, Shuffled, minibatch
from jaxgen.keys import named
from jaxgen.sharding.mesh import batch_spec, mesh_of
from jaxgen.training.compile import compile
from jaxgen.training.loop import fit
from jaxgen.training.preemption import Preempted, stop_requests
from jaxgen.training.progress import Silence
from jaxgen.training.record import recorded
from wanderers import POINTS, bits, distance, wanderer, wandering_study

DISPATCHES = 11


class Interrupted(Exception):
    pass


class Interruption(Silence):
    """Does something once so many dispatches are told."""

    def __init__(self, at: int, act):
        self.at, self.act = at, act

    def advance(self, done, step):
        if done == self.at:
            self.act()


class Listener(Silence):
    def __init__(self):
        self.said, self.told = [], []

    def say(self, text):
        self.said.append(text)

    def advance(self, done, step):
        self.told.append((done, step))


class Counted(Shuffled):
    """Shuffled batches that remember which were asked for."""

    def __init__(self):
        super().__init__(POINTS, size=8, seed=3)
        self.asked = []

    def __next__(self):
        self.asked.append(self.position)
        return super().__next__()


class Spoilt(Counted):
    """Batches that are infinite from the one at position 7 on."""

    def __next__(self):
        batch = super().__next__()
        return batch if self.position <= 7 else np.full_like(batch, np.inf)


def interrupt():
    raise Interrupted


def refuse(*_):
    raise AssertionError("a finished run asked for more")


@pytest.fixture(scope="module")
def descents():
    """One replicate without a guard; batches from the host, over two devices."""
    mesh = mesh_of({"data": 2}, jax.devices()[:2])
    layout = batch_spec(mesh.axis_names)
    return compile(wanderer(0.25), POINTS[:8], mesh, layout=layout, evaluate=distance)


@pytest.fixture(scope="module")
def studies():
    return wandering_study(steps=3, devices=2)


@pytest.fixture(params=["Shuffled", "Resident"])
def run(request, key):
    """Runs one program or the other in a folder, as the same command would."""
    if request.param == "Shuffled":
        program, batches = request.getfixturevalue("descents"), Counted
    else:
        program, batches = request.getfixturevalue("studies"), lambda: Resident(POINTS)

    def start(folder, watcher=None, **options):
        options = {"evaluate_every": 2, "save_every": 3} | options
        return fit(
            program, key, batches(), DISPATCHES, folder, watcher=watcher, **options
        )

    return start


def told(folder):
    lines = recorded(folder / "record.jsonl")
    return [{k: v for k, v in line.items() if k != "wall_time"} for line in lines]


def checkpoints(folder):
    return sorted(int(path.name) for path in (folder / "checkpoints").iterdir())


def test_an_interrupted_run_ends_with_the_same_bits(run, tmp_path):
    unbroken = run(tmp_path / "unbroken")
    for at in (0, 1, 5, 9):
        with pytest.raises(Interrupted):
            run(tmp_path / "broken", Interruption(at, interrupt))
    broken = run(tmp_path / "broken")
    assert bits(broken) == bits(unbroken)
    assert told(tmp_path / "broken") == told(tmp_path / "unbroken")
    lines = (tmp_path / "broken" / "record.jsonl").read_text().splitlines()
    assert len(lines) > len({json.loads(line)["step"] for line in lines})


def test_sigterm_saves_and_the_same_command_continues(run, tmp_path):
    handlers = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    unbroken = run(tmp_path / "unbroken", save_every=100)
    for at, one in ((4, signal.SIGTERM), (7, signal.SIGINT)):
        act = Interruption(at, lambda one=one: os.kill(os.getpid(), one))
        with pytest.raises(Preempted, match="saved at step"):
            run(tmp_path / "broken", act, save_every=100)
        last = told(tmp_path / "broken")[-1]["step"]
        assert checkpoints(tmp_path / "broken")[-1] == last
    broken = run(tmp_path / "broken", save_every=100)
    assert bits(broken) == bits(unbroken)
    assert told(tmp_path / "broken") == told(tmp_path / "unbroken")
    assert handlers == [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]


def test_a_resumed_run_reads_the_batches_that_follow(descents, tmp_path, key):
    first, second = Counted(), Counted()
    options = {"save_every": 3, "folder": tmp_path}
    fit(descents, key, first, 6, **options)
    fit(descents, key, second, 8, **options)
    assert first.asked == [0, *range(6)]
    assert second.asked == [6, 7]


def test_a_run_is_evaluated_at_its_start_and_when_asked(studies, tmp_path, key):
    watcher = Listener()
    fit(
        studies,
        key,
        Resident(POINTS),
        DISPATCHES,
        tmp_path,
        evaluate_every=4,
        watcher=watcher,
    )
    lines = told(tmp_path)
    assert watcher.told == [(done, 3 * done) for done in range(DISPATCHES + 1)]
    assert [line["step"] for line in lines] == [step for _, step in watcher.told]
    scored = [line["step"] for line in lines if "distance" in line]
    assert scored == [0, 12, 24]
    assert [line["step"] for line in lines if "loss" in line] == list(range(3, 34, 3))
    assert np.shape(lines[4]["distance"]) == np.shape(lines[4]["loss"]) == (4,)


def test_a_metric_is_told_at_the_step_it_belongs_to(descents, tmp_path, key):
    fit(descents, key, Counted(), 5, tmp_path)
    batches = Counted()
    state = descents.init(key, jax.device_put(next(batches), descents.data))
    batches.position = 0
    for line in told(tmp_path)[1:]:
        data = jax.device_put(next(batches), descents.data)
        state, metrics = descents.update(state, data)
        scores = descents.evaluate(state, data)
        assert np.float32(line["loss"]) == metrics["loss"]
        assert np.float32(line["distance"]) == scores["distance"]
        assert line["step"] == int(state.step)


def test_checkpoints_are_saved_on_schedule_and_at_the_end(descents, tmp_path, key):
    fit(descents, key, Counted(), 11, tmp_path, save_every=2, keep=4)
    assert checkpoints(tmp_path) == [6, 8, 10, 11]


def test_a_finished_run_returns_its_state_without_another_dispatch(run, tmp_path, key):
    state = run(tmp_path)
    before = (tmp_path / "record.jsonl").read_bytes()
    watcher = Interruption(DISPATCHES, refuse)
    again = run(tmp_path, watcher)
    assert bits(again) == bits(state)
    assert (tmp_path / "record.jsonl").read_bytes() == before


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


def test_the_dead_are_named_and_the_run_ends_when_all_are(studies, tmp_path, key):
    watcher = Listener()
    options = {"names": ["the first"], "save_every": 5, "folder": tmp_path}
    data = Resident(poisoned())
    state = fit(studies, key, data, 1000, watcher=watcher, **options)
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

    dead = studies._replace(init=refuse, update=refuse)
    again = fit(dead, key, data, 1000, **options)
    assert bits(again) == bits(state)


def test_a_death_does_not_disturb_the_others(studies, tmp_path, key):
    healthy = fit(studies, key, Resident(POINTS), 5, tmp_path / "healthy")
    half = fit(studies, key, Resident(poisoned()), 5, tmp_path / "poisoned")
    alive = np.asarray(half.extra["died"]) < 0
    assert alive.tolist() == [False, True, False, True]
    assert int(half.step) == 15
    assert half.params[alive].tolist() == healthy.params[alive].tolist()


def test_a_metric_that_is_not_finite_stops_a_run_without_guard(descents, tmp_path, key):
    options = {"save_every": 2}
    unbroken = fit(descents, key, Counted(), 11, tmp_path / "healthy", **options)
    with pytest.raises(FloatingPointError, match=r"loss is inf at step 8\. .*kept"):
        fit(descents, key, Spoilt(), 11, tmp_path / "run", **options)
    assert [line["loss"] is None for line in told(tmp_path / "run")[-2:]] == [0, 1]
    assert checkpoints(tmp_path / "run") == [2, 4, 6]
    cured = fit(descents, key, Counted(), 11, tmp_path / "run", **options)
    assert bits(cured) == bits(unbroken)


@pytest.mark.parametrize("name", ["evaluate_every", "save_every", "keep"])
def test_a_period_is_positive(descents, tmp_path, key, name):
    with pytest.raises(ValueError, match=f"{name}=0"):
        fit(descents, key, Counted(), 1, tmp_path, **{name: 0})


def test_no_signal_is_heard_in_another_thread():
    heard = []

    def listen():
        with stop_requests() as stopping:
            heard.append(stopping())

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert heard == [False]
