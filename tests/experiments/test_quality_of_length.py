"""What mixers answer: the questions, the encoders that answer, what is found of them."""

import dataclasses
import statistics
from collections import Counter
from itertools import product
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.attention_scaling import quality_training, questions
from experiments.attention_scaling.answering import (
    Questions,
    answerer,
    parameters,
    with_width,
)
from experiments.attention_scaling.claim import PRESETS
from experiments.attention_scaling.mixer_costs import MixerCost
from experiments.attention_scaling.quality_drawings import (
    cost_and_quality_figure,
    distance_figure,
)
from experiments.attention_scaling.quality_findings import (
    Answers,
    beyond,
    difference,
    learned,
    price_criteria,
)
from experiments.attention_scaling.quality_of_length import found_verdict, results
from experiments.attention_scaling.quality_tables import (
    accuracy_table,
    baseline_table,
    difference_table,
    recall_table,
    side_by_side_table,
)
from experiments.attention_scaling.quality_training import (
    mean_loss,
    rows_of,
    scores,
    told_answers,
    trained_on_all,
    trapezoid,
)
from experiments.attention_scaling.questions import PAIRS, pools_of, tasks_of
from experiments.attention_scaling.settings import MixerName, Net, QualityOfLength
from experiments.attention_scaling.titles import MIXERS
from jaxgen.data.list_values import TOKENS
from jaxgen.data.text_domains import DOMAINS, documents, split_documents
from jaxgen.nn.attention import SelfAttention
from jaxgen.stats.intervals import Interval
from jaxgen.training.learner import fresh

SETTINGS = dataclasses.replace(PRESETS["tiny"].quality_of_length, examples=120)
SPLITS = ("train", "test")


@pytest.fixture(scope="module")
def tasks():
    return tasks_of(SETTINGS)


def rows_in(tasks, name):
    """Every row of a task, a question at a time: tokens, place, answer, kind."""
    for split in SPLITS:
        asked = getattr(tasks[name], split)
        for tokens, _, *each in zip(*asked, strict=True):
            for place, answer, kind in zip(*each, strict=True):
                if answer >= 0:
                    yield tokens, place, answer, kind


def test_the_answer_is_the_needle_at_its_distance(tasks):
    for tokens, place, answer, distance in rows_in(tasks, "needle"):
        assert place == SETTINGS.length - 1 and tokens[place] == 0
        (found,) = np.flatnonzero((tokens >= 1) & (tokens <= questions.ANSWERS))
        assert found == place - distance and tokens[found] == 1 + answer


def test_the_answer_is_what_followed_the_key(tasks):
    asked = Counter()
    for tokens, place, answer, pairs in rows_in(tasks, "recall"):
        said = dict(tokens[: 2 * pairs].reshape(pairs, 2).tolist())
        assert len(said) == pairs and place >= 2 * pairs
        assert said[tokens[place]] == answer
        asked[int(pairs)] += 1
    assert asked == {pairs: pairs * (40 + 10) for pairs in PAIRS}


def value(words):
    """Of an expression, read from its first word on; what is read is used up."""
    word = words.pop(0)
    if word.isdigit():
        return int(word)
    given = []
    while words[0] != "]":
        given.append(value(words))
    words.pop(0)
    apply = {
        "[MIN": min,
        "[MAX": max,
        "[MED": lambda x: int(statistics.median(x)),
        "[SM": lambda x: sum(x) % 10,
    }
    return apply[word](given)


def test_the_answer_is_the_value_of_the_expression(tasks):
    for tokens, place, answer, kind in rows_in(tasks, "list_operations"):
        words = [TOKENS[token] for token in tokens if TOKENS[token] != "padding"]
        assert value(words) == answer == kind and not words
        assert place == questions.NOTHING


def test_there_are_expressions_for_rows_of_any_length():
    found = questions.nested(dataclasses.replace(SETTINGS, length=512))
    assert found.train.tokens.shape == (120, 512)
    assert ((~found.train.padding).sum(axis=1) > 32).all()


def test_the_answer_is_the_domain_of_a_document_of_its_own_split(tasks):
    for part, split in enumerate(SPLITS):
        asked = getattr(tasks["text"], split)
        there = [split_documents(documents(name))[part] for name in DOMAINS]
        for tokens, padding, (label,) in zip(
            asked.tokens, asked.padding, asked.answers, strict=True
        ):
            window = tokens[~padding].tobytes()
            assert any(window in document for document in there[label])
        assert (asked.places == questions.NOTHING).all()


@pytest.mark.parametrize("name", ["needle", "recall", "list_operations"])
def test_no_row_is_both_learned_and_judged_by(tasks, name):
    seen, judged = (
        {row.tobytes() for row in getattr(tasks[name], split).tokens}
        for split in SPLITS
    )
    assert seen and judged and not seen & judged


def test_padding_is_where_there_is_no_token(tasks):
    asked = tasks["list_operations"].train
    names = np.array(TOKENS)[asked.tokens]
    np.testing.assert_array_equal(asked.padding, names == "padding")
    assert asked.padding.any()


def test_pools_hold_the_rows_of_all_tasks_and_ask_nothing_more(tasks):
    pools = pools_of(tasks)
    for split, count in zip(SPLITS, (120, 30), strict=True):
        pool = getattr(pools, split)
        assert pool.tokens.shape == pool.padding.shape == (4, count, SETTINGS.length)
        for index, name in enumerate(tasks):
            own = getattr(tasks[name], split)
            here = Questions(*(leaf[index] for leaf in pool))
            width = own.places.shape[1]
            np.testing.assert_array_equal(here.tokens, own.tokens[:count])
            for part in ("places", "answers", "kinds"):
                now, before = getattr(here, part), getattr(own, part)
                np.testing.assert_array_equal(now[:, :width], before[:count])
            assert (here.answers[:, width:] == questions.NOTHING).all()
            assert (here.places[:, width:] >= 0).all()


def share(guess, labels):
    return sum(guess == label for label in labels) / len(labels)


def test_baselines_are_what_they_say(tasks):
    seen, judged = (
        [getattr(tasks["text"], split).answers[:, 0].tolist() for split in SPLITS][i]
        for i in (0, 1)
    )
    majority = min(set(seen), key=lambda label: (-seen.count(label), label))
    told = tasks["text"].baselines
    assert list(told) == ["majority", "frequencies of bytes"]
    assert told["majority"] == pytest.approx(share(majority, judged))
    assert tasks["needle"].baselines == {"chance": 1 / 16}
    kinds = [kind for *_, kind in rows_in({"recall": one_split(tasks)}, "recall")]
    blind = tasks["recall"].baselines
    assert blind["chance"] == 1 / 17
    assert blind["any value of the row"] == pytest.approx(
        np.mean([1 / kind for kind in kinds])
    )


def one_split(tasks):
    """The task of recall, its test rows alone."""
    test = tasks["recall"].test
    return SimpleNamespace(test=test, train=Questions(*(leaf[:0] for leaf in test)))


def test_the_first_operator_and_frequencies_tell_what_they_can(tasks):
    asked = tasks["list_operations"]
    table = {}
    for row, (answer,) in zip(asked.train.tokens, asked.train.answers, strict=True):
        table.setdefault(row[0], []).append(int(answer))
    guesses = {
        first: min(set(told), key=lambda x: (-told.count(x), x))
        for first, told in table.items()
    }
    right = [
        guesses[row[0]] == answer
        for row, (answer,) in zip(asked.test.tokens, asked.test.answers, strict=True)
    ]
    assert asked.baselines["the first operator"] == pytest.approx(np.mean(right))

    text = tasks["text"]
    labels = text.train.answers[:, 0]
    counts = np.ones((10, 256))
    for row, padding, label in zip(*text.train[:2], labels, strict=True):
        np.add.at(counts[label], row[~padding], 1)
    rates = np.log(counts / counts.sum(1)[:, None])
    before = np.log(np.bincount(labels) / len(labels))
    right = [
        (before + rates[:, row[~padding]].sum(1)).argmax() == answer
        for row, padding, (answer,) in zip(
            *text.test[:2], text.test.answers, strict=True
        )
    ]
    assert text.baselines["frequencies of bytes"] == pytest.approx(np.mean(right))


@pytest.mark.parametrize(
    "layers, names", [(1, MixerName.__args__), (3, ("fourier", "linformer"))]
)
def test_every_encoder_has_the_parameters_of_full_attention(layers, names):
    net, length = Net(features=16, layers=layers, batch=2, window=6), 64
    full = with_width(SelfAttention(net.heads), net, 4 * 32)
    most, unit = parameters(full, length), layers * (2 * 32 + 1)
    for name in names:
        count = parameters(answerer(name, net, length), length)
        assert most - unit < count <= most, name


def test_a_mixer_too_large_is_refused_by_its_name():
    net = Net(features=4, layers=1, window=4)
    with pytest.raises(ValueError, match=r"mixers synthesizer: at 512 tokens"):
        answerer("synthesizer", net, 512)


NET = answerer("full", Net(features=4, layers=1, window=4), 8)


@pytest.fixture(scope="module")
def asked():
    """Ten rows of eight tokens, the last two padding; all are asked, and the mean."""
    random = np.random.default_rng(0)
    tokens = random.integers(0, 256, (10, 8)).astype(np.uint8)
    places = np.tile(np.array([*range(8), -1], np.int16), (10, 1))
    padding = np.tile(np.arange(8) >= 6, (10, 1))
    answers = random.integers(-1, 256, places.shape).astype(np.int16)
    return Questions(tokens, padding, places, answers, answers * 0)


@pytest.fixture(scope="module")
def params(asked):
    return jax.jit(NET.init)(jax.random.key(0), asked)


def test_logits_are_those_of_a_place_or_of_the_mean_without_padding(asked, params):
    other = asked._replace(tokens=np.where(asked.padding, 7, asked.tokens))
    apply = jax.jit(NET.apply)
    logits, changed = (np.asarray(apply(params, each)) for each in (asked, other))
    np.testing.assert_allclose(
        logits[:, 8], logits[:, :6].mean(1), rtol=1e-4, atol=1e-5
    )  # the head is affine
    assert np.abs(np.diff(logits[:, :6], axis=1)).max(-1).min() > 1e-3
    kept = [*range(6), 8]
    np.testing.assert_allclose(logits[:, kept], changed[:, kept], rtol=1e-4, atol=1e-5)


def test_answers_told_in_pieces_are_those_told_at_once(asked, params, monkeypatch):
    monkeypatch.setattr(quality_training, "AT_ONCE", 4)
    told = jax.jit(lambda: told_answers(NET, params, asked))()
    at_once = jax.jit(NET.apply)(params, asked).argmax(-1)
    np.testing.assert_array_equal(told, at_once)
    assert len(np.unique(at_once)) > 2


class Table:
    """A net whose logits are the parameters' rows of the tokens asked for."""

    @staticmethod
    def apply(params, asked):
        tokens = jnp.take_along_axis(
            jnp.asarray(asked.tokens, jnp.int32), asked.places.astype(jnp.int32), axis=1
        )
        return params[tokens]


def some_questions(random, *shape):
    """Random ones of four answers, a quarter of them not asked; of kinds 0, 1 and 3."""
    tokens = random.integers(0, 6, (*shape, 5)).astype(np.uint8)
    places, answers, kinds = (
        random.integers(low, high, (*shape, 3)).astype(np.int16)
        for low, high in ((0, 5), (-1, 4), (0, 3))
    )
    return Questions(
        tokens, tokens > 9, places, answers, np.where(kinds == 2, 3, kinds)
    )


def test_scores_are_shares_of_what_was_asked():
    random = np.random.default_rng(0)
    test, params = some_questions(random, 2, 40), random.normal(size=(6, 4))
    state = fresh(
        jax.random.key(0), jnp.asarray(params), (), hyper={"task": jnp.float32(1)}
    )
    found = scores(Table, state, test, 5)
    right, of = Counter(), Counter()
    for tokens, _, *each in zip(*(leaf[1] for leaf in test), strict=True):
        for place, answer, kind in zip(*each, strict=True):
            if answer >= 0:
                of[kind] += 1
                right[kind] += params[tokens[place]].argmax() == answer
    expected = [right[kind] / of[kind] if of[kind] else np.nan for kind in range(5)]
    np.testing.assert_allclose(found["right_by_kind"], expected, rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(expected), [0, 0, 1, 0, 1])
    share = sum(right.values()) / sum(of.values())
    assert float(found["right"]) == pytest.approx(share)


def test_the_loss_is_the_mean_over_what_was_asked():
    random = np.random.default_rng(1)
    batch, params = some_questions(random, 7), random.normal(size=(6, 4))
    losses = []
    for tokens, _, *each in zip(*batch, strict=True):
        for place, answer, _ in zip(*each, strict=True):
            row = params[tokens[place]]
            if answer >= 0:
                losses.append(np.log(np.exp(row).sum()) - row[answer])
    found = mean_loss(Table, jnp.asarray(params), batch)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)
    nothing = batch._replace(answers=np.full_like(batch.answers, -1))
    assert float(mean_loss(Table, jnp.asarray(params), nothing)) == 0


def test_rows_are_drawn_from_one_task_and_all_of_it():
    row = np.broadcast_to(np.arange(20)[None, :, None], (3, 20, 2))
    task = np.broadcast_to(np.arange(3)[:, None, None], (3, 20, 2))
    pools = quality_training.Pools(Questions(row, task, row, row, row), ())
    drawn = rows_of(jnp.float32(2), 400)(pools, jax.random.key(0))
    assert (drawn.padding == 2).all() and drawn.tokens.shape == (400, 2)
    np.testing.assert_array_equal(np.unique(drawn.tokens), np.arange(20))
    np.testing.assert_array_equal(drawn.tokens, drawn.answers)


def test_the_rate_rises_for_a_tenth_stays_and_falls_over_a_third():
    rate = trapezoid(2.0, 30)
    found = [float(rate(step)) for step in range(31)]
    rise, fall = np.arange(3) / 3, 1 - np.arange(11) / 10
    expected = 2 * np.concatenate([rise, np.ones(17), fall])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_what_is_easy_is_learned(tmp_path):
    settings = QualityOfLength(
        tasks=("needle",),
        mixers=("full",),
        seeds=2,
        length=3,
        net=Net(features=8, layers=1, batch=32, window=2),
        examples=512,
        steps=150,
        dispatch=150,
        learning_rate=1e-2,
    )
    pools = pools_of(tasks_of(settings))
    found = trained_on_all("full", settings, pools, 3, tmp_path)
    first, last = found.scores["right"].T
    assert first.max() < 0.4 and last.min() > 0.9
    by_kind = found.last("right_by_kind")
    assert np.isnan(by_kind[:, 0]).all() and by_kind[:, 1:].min() > 0.8


def made_up(text_lost=0.0, needles_lost=0.9, noise=0.005, mixers=("full", "window")):
    """Answers that are all right but for these; near needles are found by all."""
    random, names = np.random.default_rng(0), ("text", "needle", "recall")
    found = {}
    for mixer in mixers:
        lost = (0.0, 0.0) if mixer == "full" else (text_lost, needles_lost)
        right = 0.9 - np.array([lost[0], lost[1] / 2, 0.0])[:, None]
        right = right + noise * random.normal(size=(3, 5))
        by_kind = 0.95 + noise * random.normal(size=(3, 5, 1)) * np.ones(32)
        by_kind[1, :, 6:] -= lost[1]
        by_kind[1, :, [0, 9]] = np.nan  # distances that were not asked for
        found[mixer] = {"right": right, "by_kind": by_kind}
    return Answers(names, found)


@pytest.mark.parametrize(
    "found, text, needles",
    [
        (made_up(), "supported", "supported"),
        (made_up(text_lost=-0.2), "supported", "supported"),
        (made_up(text_lost=0.1), "refuted", "supported"),
        (made_up(needles_lost=0.3), "supported", "refuted"),
        (made_up(text_lost=0.05, noise=0.05), "undecided", "supported"),
        (made_up(needles_lost=0.5, noise=0.3), "undecided", "undecided"),
    ],
)
def test_what_was_lost_decides_the_claim(found, text, needles):
    settings = dataclasses.replace(SETTINGS, net=Net(layers=1, window=4))
    first, second = price_criteria(found, settings)
    assert (first.verdict, second.verdict) == (text, needles)
    assert "text" in first.sentence and "over 5 tokens" in second.sentence


def test_only_needles_out_of_reach_count():
    found = made_up()
    assert beyond(found, "window", 5).shape == (5, 25)  # 6 to 31, without 9
    assert beyond(found, "full", 30).shape == (5, 1)
    far = dataclasses.replace(SETTINGS, net=Net(layers=2, window=15))
    near = dataclasses.replace(SETTINGS, net=Net(layers=1, window=7))
    assert [len(price_criteria(found, each)) for each in (far, near)] == [1, 2]


def test_what_was_not_measured_decides_nothing():
    assert price_criteria(made_up(mixers=("full", "linear")), SETTINGS) == []
    assert found_verdict([], True) == "undecided"


def test_where_full_attention_learned_nothing_nothing_follows():
    found = made_up()
    below, above = (
        {name: {"chance": 0.01, "more": share} for name in found.tasks}
        for share in (0.02, 0.999)
    )
    assert learned(found, below) and not learned(found, above)
    criteria = price_criteria(found, SETTINGS)
    assert found_verdict(criteria, True) == "supported"
    assert found_verdict(criteria, False) == "undecided"


def test_a_loss_is_that_of_full_attention_less_the_mixers():
    lost = difference(made_up(text_lost=0.1), "window", "text").interval
    assert lost.low < 0.1 < lost.high and lost.high - lost.low < 0.05


COST = MixerCost(
    Interval(1.1, 1.25, 1.4), 1.0, 1.0, Interval(2.0, 3.25, 4.0), 0.31, 8192
)


def test_every_table_and_figure_has_every_mixer():
    every = MixerName.__args__
    found, costs = made_up(mixers=every), {name: COST for name in every}
    baselines = {name: {"chance": 0.125, "more": 0.25} for name in found.tasks}
    counts = {name: 12_345 for name in every}
    shown = [
        accuracy_table(found, baselines, counts),
        recall_table(found),
        side_by_side_table(found, costs),
        distance_figure(found),
        cost_and_quality_figure(found, costs, baselines),
        difference_table(found),
    ]
    for fragment, name in product(shown[:-1], every):
        assert MIXERS[name] in str(fragment), name
    rows = str(shown[-1]).count("<tr>")
    assert rows == len(every)  # a header, and all but full attention
    for cell in ("12,345", "12.5", "25.0"):
        assert f">{cell}<" in shown[0]
    assert ">1.25 [1.10, 1.40]<" in shown[2]
    told = str(baseline_table(baselines))
    assert ">chance<" in told and ">more<" in told


def test_a_mixer_without_costs_is_left_out_beside_costs():
    found = made_up(mixers=("full", "window", "linear"))
    shown = str(side_by_side_table(found, {"full": COST, "window": COST}))
    assert MIXERS["window"] in shown and MIXERS["linear"] not in shown


def test_results_hold_every_row_with_its_keys():
    found = made_up(mixers=("full", "window"))
    criteria = price_criteria(found, SETTINGS)
    told = results(found, criteria, {name: {"chance": 0.1} for name in found.tasks})
    assert told["verdict"] == "supported" and len(told["criteria"]) == 2
    keys = [(row["mixer"], row["task"], row["seed"]) for row in told["rows"]]
    assert keys == list(product(("full", "window"), found.tasks, range(5)))
    for row in told["rows"]:
        place = found.tasks.index(row["task"])
        scores = found.scores[row["mixer"]]
        assert row["right"] == scores["right"][place, row["seed"]]
        np.testing.assert_array_equal(
            row["right_by_kind"], scores["by_kind"][place, row["seed"]]
        )
