"""The loop: where it stands, what it tells and when, and that interruptions are naught."""

import json
import os
import signal
import threading

import jax
import numpy as np
import pytest

from jaxgen.data.batches import Resident, Shuffled
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


def interrupt():
    raise Interrupted


def refuse(*_):
    raise AssertionError("a finished run asked for more")


def alone(rate):
    """One replicate without a guard; batches from the host, over two devices."""
    mesh = mesh_of({"data": 2}, jax.devices()[:2])
    layout = batch_spec(mesh.axis_names)
    return compile(wanderer(rate), POINTS[:8], mesh, layout=layout, evaluate=distance)


@pytest.fixture(scope="module")
def descents():
    return alone(0.25)


@pytest.fixture(scope="module")
def studies():
    return wandering_study((0.1, 0.2, 0.3, 0.4), steps=3, devices=2)


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


def test_the_dead_are_named_and_the_run_ends_when_all_are(tmp_path, key):
    program = wandering_study((1e3, 1e19), steps=2)
    watcher = Listener()
    options = {"names": ["slow"], "save_every": 5, "folder": tmp_path}
    state = fit(program, key, Resident(POINTS), 1000, watcher=watcher, **options)
    died = state.extra["died"].tolist()
    assert watcher.said == [
        f"{name} died at step {step}: its parameters were no longer finite"
        for name, step in (("replicate 1", died[1]), ("slow", died[0]))
    ]
    assert 0 < died[1] < 4 < died[0] < 20
    assert np.isfinite(np.asarray(state.params)).all()
    assert int(state.step) == 20
    assert told(tmp_path)[-1]["died"] == died

    dead = program._replace(init=refuse, update=refuse)
    again = fit(dead, key, Resident(POINTS), 1000, **options)
    assert bits(again) == bits(state)


def test_one_death_does_not_disturb_the_others(tmp_path, key):
    lively = wandering_study((0.1, 0.2), steps=2)
    deadly = wandering_study((0.1, 1e19), steps=2)
    alive = fit(lively, key, Resident(POINTS), 5, tmp_path / "lively")
    half = fit(deadly, key, Resident(POINTS), 5, tmp_path / "deadly")
    assert int(half.step) == 10
    assert half.params[0].tolist() == alive.params[0].tolist()
    assert half.extra["died"].tolist()[0] == -1 < half.extra["died"][1]


def test_a_metric_that_is_not_finite_stops_a_run_without_guard(tmp_path, key):
    program = alone(1e3)
    with pytest.raises(FloatingPointError) as caught:
        fit(program, key, Counted(), 100, tmp_path, save_every=2)
    lines = told(tmp_path)
    assert str(caught.value).startswith(f"loss is inf at step {lines[-1]['step']}.")
    assert lines[-1]["loss"] is None and lines[-2]["loss"] is not None
    kept = checkpoints(tmp_path)
    assert len(kept) == 3 and kept[-1] < lines[-1]["step"] <= kept[-1] + 2


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
