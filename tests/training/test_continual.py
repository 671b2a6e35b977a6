"""Strategies against closed forms of quadratics; all of them sharded, killed, resumed."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgen.keys import named
from jaxgen.models.low_rank import lora
from jaxgen.objectives.parameter_importance import (
    Prediction,
    mean_nats_of,
    sampled_fisher,
)
from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import study
from jaxgen.training.adaptation import adapted
from jaxgen.training.anchoring import (
    anchored,
    ewc,
    l2_sp,
    last_end,
    lwf,
    mas,
    separate_ewc,
    si,
)
from jaxgen.training.checkpoints import Checkpoints
from jaxgen.training.compile import compile
from jaxgen.training.continual import Strategy, consolidated, continual, naive
from jaxgen.training.dispatch import feed_by_step, repeat
from jaxgen.training.gradients import whole_batch
from jaxgen.training.learner import Learner, own
from jaxgen.training.rehearsal import a_gem, dark_replay, replay
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.segment_average import segment_average
from jaxgen.training.stage_adapters import adapter_per_stage, at_stage, routed
from jaxgen.training.transforms import ema, guard
from learners import cosines

CENTRES = np.array([[1.0, -2.0], [3.0, 1.0]])
CURVES = np.array([[4.0, 0.5], [1.0, 2.0]])
"""Of two domains, whose losses are ``1/2 sum h (w - c)^2``."""


def quadratic(w, domain, key):
    h, c = (jnp.asarray(x, jnp.float32)[domain[0]] for x in (CURVES, CENTRES))
    return 0.5 * (h * (w - c) ** 2).sum(), {}


def curvature(predict, w, domain, key):
    """Fisher information, were the losses those of normal distributions."""
    return jnp.asarray(CURVES, jnp.float32)[domain[0]]


def after_both(strategy: Strategy, rate=0.2, steps=120):
    """Parameters after each of two stages of a quadratic, and the memory between them."""
    learner = continual(
        lambda key, domain: jnp.zeros(2), quadratic, strategy, optax.sgd(rate)
    )
    fed = feed_by_step(learner, lambda data, key, step: (step // steps)[None])
    learner = consolidated(fed, strategy, steps, lambda data, stage: stage[None])

    @jax.jit
    def run(key, data):
        state, _ = repeat(learner, steps).update(learner.init(key, data), data)
        middle, _ = repeat(learner, 1).update(state, data)
        return state, middle, repeat(learner, steps - 1).update(middle, data)[0]

    return run(jax.random.key(0), jnp.zeros(1))


def test_what_is_naive_ends_at_the_last_optimum():
    first, _, last = after_both(naive())
    np.testing.assert_allclose(first.params, CENTRES[0], atol=1e-5)
    np.testing.assert_allclose(last.params, CENTRES[1], atol=1e-5)


def test_consolidation_with_the_true_curvature_is_joint_learning():
    exact = anchored("exact", lambda p, x: p, 1.0, curvature, last_end(1.0))
    _, _, last = after_both(exact)
    joint = (CURVES * CENTRES).sum(0) / CURVES.sum(0)
    np.testing.assert_allclose(last.params, joint, atol=1e-5)


def test_equal_importance_ends_between_by_its_weight():
    _, _, last = after_both(l2_sp(0.7))
    expected = (CURVES[1] * CENTRES[1] + 0.7 * CENTRES[0]) / (CURVES[1] + 0.7)
    np.testing.assert_allclose(last.params, expected, atol=1e-5)


def test_the_gain_along_a_path_is_the_fall_of_the_loss():
    """Of a quadratic in small steps each part of the loss falls to zero from its start."""
    _, middle, last = after_both(si(0.5, damping=0.1), rate=0.005, steps=3000)
    fall = 0.5 * CURVES[0] * CENTRES[0] ** 2
    importance = 2 * fall / (CENTRES[0] ** 2 + 0.1)
    found = middle.extra["strategy"].anchor.importance
    np.testing.assert_allclose(found, importance, rtol=0.02)
    pull = 0.5 * np.asarray(found)
    expected = (CURVES[1] * CENTRES[1] + pull * CENTRES[0]) / (CURVES[1] + pull)
    np.testing.assert_allclose(last.params, expected, atol=2e-3)


ENDS, TOLD = np.random.default_rng(2).uniform(size=(2, 3, 4))
"""Where three stages ended, and what mattered in each."""
TOLD[0, 0] = TOLD[:, 1] = 0
"""One number mattered later alone, and one never."""


def pull_after(strategy: Strategy, stages: int, at) -> np.ndarray:
    """What a penalty adds to the slope of nothing at some parameters."""
    memory = strategy.init(jnp.zeros(4), None)
    for end, told in zip(jnp.float32(ENDS[:stages]), TOLD, strict=False):
        memory = strategy.consolidate(end, jnp.float32(told), None, memory)

    def nothing(params, batch, key):
        return (jnp.zeros(()), {}), jnp.zeros(4)

    (_, slope), _ = strategy.gradient(nothing, jnp.float32(at), None, None, memory)
    return np.asarray(slope)


def test_separate_penalties_add_up_in_the_memory_of_one():
    """By the sum over stages in float64; of two stages it is the online form."""

    def given(predict, params, told, key):
        return told

    separate = separate_ewc(predict, 0.7, given)
    online = ewc(predict, 0.7, given)
    at = np.array([0.3, -0.8, 2.0, 0.1])
    for stages in (1, 2, 3):
        slope = 0.7 * (TOLD * (at[None] - ENDS))[:stages].sum(0)
        np.testing.assert_allclose(pull_after(separate, stages, at), slope, rtol=1e-5)
    one = [pull_after(strategy, 1, at) for strategy in (separate, online)]
    np.testing.assert_allclose(*one, rtol=1e-6)
    apart = pull_after(online, 3, at) - slope
    assert (np.abs(apart[[0, 2, 3]]) > 0.01).all() and apart[1] == 0


X = np.random.default_rng(0).normal(size=(2, 16, 3)).astype(np.float32)
DATA = X, (X[..., 0] * np.array([1, -1])[:, None] > 0).astype(np.int32)
"""Two domains that want the opposite."""


def logits_of(params, x):
    return jnp.tanh(x @ params["in"]) @ params["out"]


def predict(params, batch):
    x, y = batch
    return Prediction(logits_of(params, x), y)


def start(key, batch):
    return {"in": cosines(key, (3, 4)), "out": cosines(key, (4, 2))}


STAGE = 20
"""Updates of a stage; the second domain comes first."""


def drawn(data, key, step):
    chosen = jax.random.randint(jax.random.fold_in(key, step), (8,), 0, 16)
    domain = 1 - step // STAGE
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[domain, chosen], data)


def of_stage(data, stage):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[1 - stage], data)


def strategies(weight):
    return {
        "naive": naive(),
        "ewc": ewc(predict, 8 * weight, decay=0.9),
        "sampled": ewc(predict, 8 * weight, sampled_fisher),
        "separate": separate_ewc(predict, 8 * weight),
        "mas": mas(predict, weight),
        "l2_sp": l2_sp(weight),
        "si": si(weight),
        "lwf": lwf(predict, weight),
        "replay": replay(3, 6),
        "a_gem": a_gem(3, 6),
        "dark_replay": dark_replay(predict, weight, 3, 6),
    }


def side_by_side(parts) -> Strategy:
    """All strategies, each with parameters and a memory of its own: one program."""

    def gradient(gather, params, batch, key, memory):
        one = whole_batch(mean_nats_of(predict))
        found = {
            name: part.gradient(
                one, params[name], batch, named(key, name), memory[name]
            )
            for name, part in parts.items()
        }
        value = sum(told[0] for (told, _), _ in found.values())
        slopes = {name: slope for name, ((_, slope), _) in found.items()}
        return ((value, {}), slopes), {name: new for name, (_, new) in found.items()}

    return Strategy(
        lambda params, batch: {n: p.init(params[n], batch) for n, p in parts.items()},
        gradient,
        lambda params, examples, key, memory: {
            name: part.consolidate(
                params[name], examples, named(key, name), memory[name]
            )
            for name, part in parts.items()
        },
    )


LORA = lora(1, 2.0, select=".*")


def with_adapters(learner: Learner, rate) -> Learner:
    """The learner, and beside it one adapter for each stage, with one key and step."""
    loss = mean_nats_of(predict)
    other = adapter_per_stage(start, LORA, loss, optax.sgd(rate, 0.5), 2, STAGE)

    def both(one, two):
        params = {**one.params, "adapters": two.params}
        return one._replace(params=params, opt=(one.opt, two.opt))

    def update(state, batch):
        params = dict(state.params)
        own = state._replace(params=params.pop("adapters"), opt=state.opt[1], extra={})
        rest = state._replace(params=params, opt=state.opt[0])
        new, metrics = learner.update(rest, batch)
        return both(new, other.update(own, batch)[0]), metrics

    return Learner(
        lambda key, batch: both(learner.init(key, batch), other.init(key, batch)),
        update,
    )


def make(rate, weight) -> Learner:
    parts = strategies(weight)
    strategy = side_by_side(parts)

    def begin(key, batch):
        return {name: start(key, batch) for name in parts}

    inner = continual(begin, mean_nats_of(predict), strategy, optax.sgd(rate))
    looked = segment_average(ema(guard(with_adapters(inner, rate)), 0.9), 2)
    fed = feed_by_step(looked, drawn)
    return consolidated(fed, strategy, STAGE, of_stage)


HYPER = grid(seed=(5,), rate=(0.25, np.inf), weight=2.0)
"""The second row dies at once."""


def numbers(state):
    """The state on the host, its key as numbers, without what the study keeps."""
    extra = {name: part for name, part in state.extra.items() if name != "hyper"}
    key = jax.random.key_data(state.key)
    return jax.device_get(state._replace(key=key, extra=extra))


@pytest.fixture(scope="module")
def study_of_all(tmp_path_factory):
    """States each half stage, for two stages; and the last of a run killed at the first."""
    mesh = mesh_of({"replica": 2, "data": 2}, jax.devices()[:4])
    learner = repeat(replicate(make, HYPER), STAGE // 2)
    program = compile(learner, DATA, mesh, study())
    placed = jax.device_put(DATA, program.data)
    state = program.init(jax.random.key(0), placed)
    states = [numbers(state)]
    with Checkpoints(tmp_path_factory.mktemp("killed")) as checkpoints:
        for number in range(4):
            state, _ = program.update(state, placed)
            states.append(numbers(state))
            if not number:
                checkpoints.save(state, position=0)
                checkpoints.wait()
        again, _ = checkpoints.restore(program.shapes)
    for _ in range(3):
        again, _ = program.update(again, placed)
    return program, states, numbers(again)


def of_row(state, row):
    return jax.tree.map(lambda leaf: leaf[row], state._replace(step=None))


def test_killed_inside_a_stage_it_goes_on_to_the_same_bits(study_of_all):
    program, states, again = study_of_all
    chex.assert_trees_all_equal(states[-1], again)
    assert "all-reduce" in program.update.as_text()


def test_a_row_is_that_row_alone_on_one_device(study_of_all):
    @jax.jit
    def alone():
        one = repeat(make(jnp.float32(0.25), jnp.float32(2.0)), 2 * STAGE)
        state = one.init(jax.random.fold_in(jax.random.key(0), 5), DATA)
        return one.update(state, DATA)[0]

    last = of_row(study_of_all[1][-1], 0)
    chex.assert_trees_all_close(last, numbers(alone())._replace(step=None), atol=5e-5)


def test_no_strategy_matters_in_the_first_stage(study_of_all):
    middle = dict(of_row(study_of_all[1][2], 0).params)
    del middle["adapters"]  # which have an optimizer of their own
    for name in middle:
        chex.assert_trees_all_close(middle[name], middle["naive"], atol=1e-6)


def test_every_strategy_forgets_less_than_none(study_of_all):
    last = dict(of_row(study_of_all[1][-1], 0).params)
    last["adapters"] = routed(LORA, last["adapters"], 0)
    first = jax.tree.map(lambda leaf: jnp.asarray(leaf)[1], DATA)
    loss = jax.jit(lambda p: mean_nats_of(predict)(p, first, None)[0])
    lost = {name: float(loss(jax.tree.map(jnp.asarray, last[name]))) for name in last}
    for name in lost:
        assert name == "naive" or lost[name] < lost["naive"] - 0.1, (name, lost)


def test_a_stage_moves_its_own_adapter_alone(study_of_all):
    """As `adapted` on the model that the first stage left, with an optimizer anew."""
    states = study_of_all[1]
    start, middle, last = (of_row(states[i], 0).params["adapters"] for i in (0, 2, -1))
    chex.assert_trees_all_equal(middle.adapter, start.adapter)
    chex.assert_trees_all_equal(last.base, middle.base)
    chex.assert_trees_all_equal(at_stage(last, 0), at_stage(middle, 0))

    @jax.jit
    def alone(middle):
        base, adapter = at_stage(middle, 1)
        optimizer = optax.sgd(0.25, 0.5)
        fed = feed_by_step(adapted(base, LORA, mean_nats_of(predict), optimizer), drawn)
        state = fed.init(jax.random.fold_in(jax.random.key(0), 5), DATA)
        state = state._replace(params=adapter, step=jnp.int32(STAGE))
        return repeat(fed, STAGE).update(state, DATA)[0].params

    found = alone(jax.tree.map(jnp.asarray, middle))
    chex.assert_trees_all_close(at_stage(last, 1).adapter, found, atol=2e-5)
    assert np.abs(found["in"].up).max() > 0.05


def test_the_dead_row_is_held(study_of_all):
    _, states, _ = study_of_all
    first, last = (of_row(states[i], 1) for i in (0, -1))
    assert states[-1].extra["died"].tolist() == [-1, 0]
    assert states[-1].step == 2 * STAGE
    chex.assert_trees_all_equal(first.params, last.params)


def test_what_is_kept_has_the_logits_of_its_time(key):
    """Logits are of the parameters at the update in which an example came."""
    strategy = dark_replay(predict, 1.0, 1, 14)
    batches = [tuple(jnp.asarray(leaf[d, :8]) for leaf in DATA) for d in (0, 1)]
    params = [
        jax.tree.map(lambda leaf, c=c: c * leaf, start(key, None)) for c in (1, 2)
    ]

    @jax.jit
    def kept():
        memory = strategy.init(params[0], batches[0])
        gather = whole_batch(mean_nats_of(predict))
        for at, batch in zip(params, batches, strict=True):
            _, memory = strategy.gradient(gather, at, batch, key, memory)
        return memory, strategy.consolidate(params[1], batches[1], key, memory)

    buffer, ended = kept()
    (x, _), then = buffer.growing.kept
    assert int(buffer.growing.seen) == 14 and int(buffer.settled.seen) == 0
    for number in range(2):  # seven new rows of each batch of eight
        rows = slice(7 * number, 7 * number + 7)
        np.testing.assert_array_equal(x[rows], X[number, :7])
        expected = logits_of(params[number], X[number, :7])
        np.testing.assert_allclose(then[rows], expected, rtol=1e-5)
    chex.assert_trees_all_equal(ended.settled, buffer.growing)


def test_a_weight_that_is_traced_is_that_weight():
    """The last row of a study whose weight is zero is naive."""
    axis = grid(seed=(0,), weight=(2.0, 0.0))

    def one(weight):
        return continual(start, mean_nats_of(predict), l2_sp(weight), optax.sgd(0.3))

    batch = jax.tree.map(lambda leaf: jnp.asarray(leaf)[0], DATA)
    rows = replicate(one, axis)

    @jax.jit
    def held_and_plain(key):
        state = rows.init(key, batch)
        memory = state.extra["strategy"]
        shifted = jax.tree.map(lambda leaf: leaf + 1.0, memory.params)
        held = own(state, strategy=memory._replace(params=shifted, importance=shifted))
        return [rows.update(each, batch)[0].params["out"] for each in (held, state)]

    held, plain = held_and_plain(jax.random.key(0))
    np.testing.assert_allclose(held[1], plain[1], rtol=1e-6)
    assert np.abs(held[0] - plain[0]).min() > 1e-2


@pytest.mark.parametrize(
    "make, complaint",
    [
        (lambda: ewc(predict, -1.0), r"ewc\(weight\)=-1.0"),
        (lambda: ewc(predict, 1.0, decay=-0.5), r"ewc\(decay\)=-0.5"),
        (lambda: separate_ewc(predict, -3), r"separate_ewc\(weight\)=-3"),
        (lambda: l2_sp(np.nan), r"l2_sp\(weight\)=nan"),
        (lambda: si(-0.5), r"si\(weight\)=-0.5"),
        (lambda: si(0.5, damping=0.0), r"si\(damping\)=0.0"),
        (lambda: lwf(predict, 1.0, temperature=0), r"lwf\(temperature\)=0"),
        (lambda: dark_replay(predict, -2.0, 1, 1), r"dark_replay\(weight\)=-2.0"),
        (lambda: replay(0, 5), r"replay\(rows=0\)"),
        (
            lambda: replay(4, 5).init({}, jnp.zeros((4, 2))),
            r"replay\(rows=4\) of batches of 4: expected fewer",
        ),
        (
            lambda: adapter_per_stage(
                start, LORA, mean_nats_of(predict), optax.sgd(1), 0, 5
            ),
            r"adapter_per_stage\(stages=0\)",
        ),
    ],
)
def test_strategies_that_cannot_be_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
