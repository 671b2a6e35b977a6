"""Small models of text: how they are trained, and the law through their losses."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.attention_scaling import scaling_laws as scaling_laws_part
from experiments.attention_scaling import text_models
from experiments.attention_scaling.claim import PRESETS
from experiments.attention_scaling.scaling_law_tables import (
    curve_of,
    law_of,
    loss_figure,
    loss_table,
    size_name,
    sizes,
)
from experiments.attention_scaling.scaling_laws import Found, found_law, results
from experiments.attention_scaling.settings import ScalingLaws
from experiments.attention_scaling.text_models import (
    MASK,
    Corpus,
    drawn,
    language_loss,
    losses,
    masked_loss,
    net_of,
    parameters,
    scaled,
)
from experiments.attention_scaling.text_runs import Runs, corpus_of
from jaxgen.data.text_domains import DOMAINS, documents, split_documents
from jaxgen.objectives.language import masked
from jaxgen.stats import scaling_law_bootstrap, scaling_law_fit
from jaxgen.stats.scaling_law import ScalingLaw, predicted_losses
from jaxgen.training.descent import descent

SETTINGS = PRESETS["tiny"].scaling_laws


@pytest.mark.parametrize("horizon", [4, 40])
def test_parameters_move_by_the_schedule_times_the_gradient(horizon):
    def loss(w, batch, key):
        return 0.5 * ((w - batch[0].mean()) ** 2).sum(), {}

    learner = scaled(
        descent(lambda key, x: jnp.array([3.0, 5.0]), loss, optax.sgd(1.0)), 0.4
    )
    batch = jnp.full(2, 1.0), jnp.full(2, horizon, jnp.float32)
    state = learner.init(jax.random.key(0), batch)
    update = jax.jit(learner.update)
    expected = np.array([3.0, 5.0])
    for step in range(1, horizon + 1):
        state, _ = update(state, batch)
        warm, cosine = step / (horizon / 20), (1 + np.cos(np.pi * step / horizon)) / 2
        expected = expected - 0.4 * min(warm, cosine) * (expected - 1.0)
        np.testing.assert_allclose(state.params, expected, rtol=1e-5)
    assert int(state.step) == horizon


def test_batches_are_windows_of_the_corpus_and_tell_the_horizon():
    text = np.arange(9, dtype=np.uint8) * 3
    corpus = Corpus(text, text[None], np.float32(7))
    rows, horizon = drawn(corpus, jax.random.key(0), (200, 4))
    assert rows.dtype == jnp.int32 and (horizon == 7).all() and horizon.shape == (200,)
    found = np.unique(np.asarray(rows), axis=0)
    np.testing.assert_array_equal(found, [text[i : i + 4] for i in range(6)])


ROWS = np.random.default_rng(0).integers(0, 256, (3, 12))


def nats(logits, tokens):
    """By brute force, in float64, of each token."""
    each = np.asarray(logits, np.float64)
    logs = each - np.log(np.exp(each).sum(-1))[..., None]
    return -np.take_along_axis(logs, tokens[..., None], -1)[..., 0]


def test_the_loss_of_language_is_that_of_each_next_byte():
    net = net_of("language", 8)
    params = jax.jit(net.init)(jax.random.key(0), ROWS)
    apply = jax.jit(net.apply)
    logits = apply(params, ROWS)
    found = jax.jit(lambda x: language_loss(net, params, x, jax.random.key(1)))(ROWS)
    told = nats(logits[:, :-1], ROWS[:, 1:])
    assert float(found) == pytest.approx(told.mean(), rel=1e-5)
    later = ROWS.copy()
    later[:, 7:] = 9
    changed = apply(params, later)
    np.testing.assert_allclose(changed[:, :7], logits[:, :7], rtol=1e-4, atol=1e-5)
    assert np.abs(changed[:, 7:] - logits[:, 7:]).max() > 0.1


def test_the_loss_of_hidden_bytes_is_that_of_those_chosen():
    net, key = net_of("masked_language", 8), jax.random.key(2)
    params = jax.jit(net.init)(jax.random.key(0), ROWS)
    seen, chosen = masked(jnp.asarray(ROWS), key, 256, 256)
    assert 0 < chosen.sum() < ROWS.size / 2 and (seen == MASK).any()
    apply = jax.jit(net.apply)
    logits = apply(params, seen)
    found = jax.jit(lambda x: masked_loss(net, params, x, key))(jnp.asarray(ROWS))
    told = nats(logits, ROWS)[np.asarray(chosen)]
    assert float(found) == pytest.approx(told.mean(), rel=1e-5)
    later = np.array(seen)
    later[:, -1] = 9
    assert np.abs(apply(params, later)[:, 0] - logits[:, 0]).max() > 1e-3  # not causal


def test_the_corpus_is_of_some_documents_and_its_test_of_others():
    corpus = corpus_of(dataclasses.replace(SETTINGS, length=100))
    parts = {name: split_documents(documents(name)) for name in DOMAINS}
    train = corpus.train.tobytes()
    assert all(text in train for first, _ in parts.values() for text in first)
    assert corpus.test.shape == (512, 100)
    others = [text for _, last in parts.values() for text in last]
    assert all(any(row.tobytes() in text for text in others) for row in corpus.test)
    assert len(corpus_of(dataclasses.replace(SETTINGS, length=4096)).test) < 512


def test_one_program_serves_every_number_of_updates(tmp_path, monkeypatch):
    settings = dataclasses.replace(SETTINGS, steps=(20, 40, 60), batch=8)
    text = np.tile(np.frombuffer(b"abcd", np.uint8), 64)
    corpus = Corpus(text, text.reshape(16, 16), np.ones((), np.float32))
    made, program_of = [], text_models.program_of

    def counted(*given):
        made.append(program_of(*given))
        return made[-1]

    monkeypatch.setattr(text_models, "program_of", counted)
    found = losses(settings, "language", 8, corpus, tmp_path)
    assert list(found) == [20, 40, 60] and len(made) == 1
    means = [np.mean(each) for each in found.values()]
    assert [len(each) for each in found.values()] == [2, 2, 2]
    assert means[0] > means[1] > means[2] and means[2] < 3 < np.log(257)
    assert losses(settings, "language", 8, corpus, tmp_path) == found
    assert len(made) == 1  # what is there is read


LAW = ScalingLaw(1.2, 40.0, 300.0, 0.45, 0.4)


def made_up(noise=0.0, seeds=2):
    """Runs of a law: four nets, four numbers of tokens."""
    nets, tokens = np.geomspace(3e3, 5e4, 4), np.geomspace(4e5, 6.4e6, 4)
    each = np.array([(n, d) for n in nets for d in tokens for _ in range(seeds)]).T
    told = predicted_losses(LAW, *each)
    drawn = np.random.default_rng(0).normal(size=told.size)
    return Runs(*each, told * np.exp(noise * drawn))


QUICK = ScalingLaws(resamples=2)


@pytest.fixture(scope="module")
def found():
    """With a sixteenth of the starts, which is enough for runs of a law."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (scaling_law_bootstrap, scaling_law_fit):
            every = module.balanced_starts
            patch.setattr(
                module, "balanced_starts", lambda *x, every=every: every(*x)[::16]
            )
        return found_law(made_up(1e-5, seeds=1), QUICK)


def test_the_law_of_runs_of_a_law_is_that_law(found):
    assert isinstance(found, Found) and len(found.laws) == 3
    np.testing.assert_allclose(found.laws[0], LAW, rtol=0.05)
    assert found.beyond.error.high < 0.01 < found.beyond.unchanged.estimate
    assert found.beyond.errors.size == 4  # the budgets that are held out


def test_curves_are_means_between_the_ends_of_seeds():
    runs = made_up(0.05)
    size = sizes(runs)[2]
    curve = curve_of(runs, size)
    pairs = runs.losses.reshape(4, 4, 2)[2]
    np.testing.assert_allclose(curve.lengths, runs.tokens.reshape(4, 4, 2)[0, :, 0])
    for part, of in (("low", np.min), ("estimate", np.mean), ("high", np.max)):
        np.testing.assert_allclose(getattr(curve, part), of(pairs, axis=1))
    law = law_of(LAW, runs, size)
    at = np.interp(np.log(curve.lengths), np.log(law.lengths), law.estimate)
    expected = LAW.E + LAW.A / size**LAW.alpha + LAW.B / curve.lengths**LAW.beta
    np.testing.assert_allclose(at, expected, rtol=1e-3)


def test_results_tables_and_figure_hold_every_run(found):
    runs = made_up(1e-5, seeds=1)
    told = results({"language": runs}, {"language": found})
    json.dumps(told, default=float, allow_nan=False)
    rows = np.array([list(row.values())[1:] for row in told["rows"]])
    np.testing.assert_array_equal(rows, np.stack(runs, axis=1))
    assert told["laws"]["language"]["law"] == found.laws[0]._asdict()
    figure = loss_figure({"language": runs}, {"language": found.laws[0]})
    table = str(loss_table("language", runs))
    for size in sizes(runs):
        assert size_name(size) in figure and f">{size:,.0f}<" in table
        assert f">{curve_of(runs, size).estimate[0]:.3f}<" in table


def test_a_run_that_died_leaves_a_gap_in_its_table():
    runs = Runs(*(each[2:] for each in made_up()))
    assert str(loss_table("language", runs)).count(">–<") == 1


def tied():
    """Runs in which each net saw a number of tokens of its own."""
    nets = np.geomspace(3e3, 5e4, 6)
    return Runs(nets, 100 * nets, np.linspace(3.0, 2.0, 6))


def test_runs_of_no_law_say_why():
    assert "fix each other" in found_law(tied(), QUICK)


def test_a_page_without_a_law_says_why_and_shows_the_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(scaling_laws_part, "corpus_of", lambda settings: None)
    monkeypatch.setattr(scaling_laws_part, "runs_of", lambda *given: tied())
    part = scaling_laws_part.scaling_laws(PRESETS["tiny"], tmp_path)
    text = "".join(map(str, part.sections))
    assert "No law for next byte: parameters and tokens fix each other" in text
    assert len(part.results["rows"]) == 6 and part.results["laws"] == {}
    assert ">2.000<" in text and "<svg" in part.drawings["losses"]


def test_nets_are_counted_whole():
    width, hidden = 16, 64
    block = 4 * width**2 + 2 * width * hidden
    assert block * 2 + 257 * width < parameters("language", width)
    assert parameters("language", width) < block * 2 + 257 * (width + 1) + 20 * hidden
