"""The claim, run for real in its tiny preset."""

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.domain_generalization import claim, corpora
from experiments.domain_generalization.algorithm_runs import AlgorithmRuns
from experiments.domain_generalization.architecture_findings import (
    Told,
    robustness,
    told_by,
)
from experiments.domain_generalization.corpora import domains_of
from experiments.domain_generalization.diversity_findings import by_size, slopes
from experiments.domain_generalization.recall import scanned, share_right, task_of
from experiments.domain_generalization.selection import (
    SELECTIONS,
    Choice,
    with_a_look,
)
from experiments.domain_generalization.settings import (
    Algorithms,
    ArmName,
    Corpus,
    Diversity,
    MethodName,
    Net,
    Part,
    Recall,
    SelectionName,
)
from experiments.domain_generalization.text_models import (
    bits_of_domains,
    language_model,
)
from experiments.domain_generalization.text_runs import TextRuns
from experiments.domain_generalization.training_sets import (
    all_but_one,
    mixtures,
    rows_of,
    sets_on_circles,
    unique_bytes,
)
from jaxgen.data.associative_recall import associations
from jaxgen.models.language_model import parameter_count
from tests.markup import Reader

TINY = dataclasses.replace(
    claim.PRESETS["tiny"],
    parts=(
        "diversity",
        "architecture",
        "algorithms",
        "continual",
        "split_digits",
        "permuted_digits",
        "looks",
    ),
)
NAMES = TINY.corpus.train


def test_every_training_set_tells_of_every_domain(results):
    rows = results["diversity"]["rows"]
    sets = [tuple(row["train"]) for row in rows]
    assert len(set(sets)) == len(sets)
    # all of four domains alone, and four stretches of each size of a circle
    assert sorted(map(len, sets)) == [1] * 4 + [2] * 4 + [3] * 4
    assert {name for chosen in sets for name in chosen} == set(NAMES)
    for row in rows:
        for told in ("bits", "5-gram", "bytes alone"):
            assert set(row[told]) == {*NAMES, "legal"}
        assert all(0 < bits < 20 for bits in row["bits"].values())
        assert 0 < row["unique_bytes"] <= TINY.corpus.budget * TINY.corpus.length
    assert set(results["diversity"]["slopes"]["5-gram"]) == {*NAMES, "legal"}


def test_every_architecture_leaves_out_every_domain(results):
    rows = results["architecture"]["rows"]
    keys = {(row["architecture"], row["left_out"], row["step"]) for row in rows}
    times = 0, TINY.corpus.steps // 2, TINY.corpus.steps
    assert keys == {
        (arm, name, step)
        for arm in TINY.architecture.arms
        for name in NAMES
        for step in times
    }
    assert len(rows) == len(keys)


def test_every_architecture_is_asked_to_recall(results, folder):
    told = results["architecture"]["recall"]
    assert set(told["right"]) == set(TINY.architecture.recall.arms)
    seeds, asked = TINY.architecture.recall.seeds, 4 * 3
    for right in told["right"].values():
        assert len(right) == seeds
        assert all(abs(share * asked - round(share * asked)) < 1e-5 for share in right)
    assert (told["chance_in_row"], told["chance"]) == (1 / 3, 1 / 4)
    assert "any value of the row" in (folder / "report.html").read_text()


def test_models_that_recall_are_those_of_texts():
    net = Net(features=8, heads=2)
    for name in ArmName.__args__:
        model = language_model(name, net)
        assert parameter_count(scanned(model)) == parameter_count(model)
        assert scanned(model).encoder.scan and not model.encoder.scan


def test_what_is_recalled_is_scored_where_it_is_asked(monkeypatch):
    rows = associations(task_of(Recall()), jax.random.key(0), 5)
    few = jnp.arange(5)[:, None] < 2  # the first two rows are right

    class Told:
        def apply(self, variables, tokens):
            answers = jnp.where(rows.asked & few, rows.labels, rows.labels + 1)
            return jax.nn.one_hot(answers, 9)

    state: Any = SimpleNamespace(params=None)
    told: Any = Told()
    np.testing.assert_allclose(share_right(told, state, rows), 2 / 5)


def test_every_method_and_weight_leaves_out_every_domain(results):
    found = results["algorithms"]
    keys = {(row["method"], row["left_out"], row["weight"]) for row in found["rows"]}
    assert len(keys) == len(found["rows"]) == 4 * (1 + 2)
    # what is told of a choice is what the chosen weight came to, by every rule
    for method, by_rule in found["chosen"].items():
        assert set(by_rule) == set(SELECTIONS)
        for told in by_rule.values():
            for name, bits in told.items():
                assert bits in [
                    row["test"]
                    for row in found["rows"]
                    if (row["method"], row["left_out"]) == (method, name)
                ]


def test_every_strategy_learns_every_order(results):
    found = results["continual"]
    keys = {
        (row["strategy"], tuple(row["order"]), row["weight"]) for row in found["rows"]
    }
    strengths = 1 + 1 + 3
    assert len(keys) == len(found["rows"]) == 3 * strengths
    starts = [row["test"][0] for row in found["rows"]]
    # seeds are shared: before training all strategies are one model
    np.testing.assert_allclose(starts, [starts[0]] * len(starts), rtol=1e-5)
    for row in found["rows"]:
        assert row["steps"] == list(range(0, 13, 2)) and len(row["test"]) == 7
    second = [row for row in found["rows"] if row["order"] == found["orders"][1]]
    one = {row["strategy"]: row["test"] for row in second}
    naive, replay = (np.array(one[name]) for name in ("nothing (naive)", "replay"))
    lora = np.array(one["LoRA per domain, known at a test"])
    place = NAMES.index(second[0]["order"][0])
    # a stage learns its adapter alone: that of the first domain stays as it is
    np.testing.assert_allclose(lora[3:, place], lora[2, place], rtol=1e-6)
    np.testing.assert_allclose(lora[:3, place], naive[:3, place], rtol=1e-5)
    assert np.abs(naive[3:, place] - naive[2, place]).min() > 1e-4
    # in the first stage there is nothing to replay
    np.testing.assert_allclose(naive[:3], replay[:3], rtol=1e-5)
    assert np.abs(naive[3:] - replay[3:]).max() > 1e-4


def test_the_end_of_a_run_is_told_of_unseen_domains_too(results, folder):
    for row in results["continual"]["rows"]:
        assert 0 <= row["learned_error"] <= 1 and 0 <= row["unseen_error"] <= 1
        assert 0 < row["unseen"] < 20
    assert "unseen, calibration error" in (folder / "report.html").read_text()


def test_every_pair_of_digits_is_told_after_every_stage(results):
    rows = results["split_digits"]["rows"]
    assert {(row["weight"] > 0, row["seed"]) for row in rows} == {
        (heavy, seed) for heavy in (False, True) for seed in range(2)
    }
    for row in rows:
        assert np.shape(row["accuracy"]) == (5, 5)
        assert 0 <= np.min(row["accuracy"]) <= np.max(row["accuracy"]) <= 1


def test_every_look_is_left_out_by_every_method(results, folder):
    found, settings = results["looks"], TINY.looks
    keys = {(row["method"], row["left_out"], row["weight"]) for row in found["rows"]}
    assert len(keys) == len(found["rows"]) == 3 * (1 + 4 * 2)
    for row in found["rows"]:
        assert len(row["right"]) == settings.seeds
        assert np.shape(row["held_right"]) == (settings.seeds, 3)
        assert 0 <= min(row["right"]) <= max(row["right"]) <= 100
    for by_rule in found["chosen"].values():
        assert set(by_rule) == set(SELECTIONS)
    assert "unit of every interval is the seed" in (folder / "report.html").read_text()


def test_pixels_that_change_places_are_told_after_every_stage(results):
    rows = results["permuted_digits"]["rows"]
    assert {(row["strategy"], row["weight"] > 0, row["seed"]) for row in rows} == {
        (name, heavy, seed)
        for name, heavy in (("ewc", False), ("ewc", True), ("si", True))
        for seed in range(2)
    }
    assert all(np.shape(row["accuracy"]) == (2, 2) for row in rows)


def test_one_run_alone_and_the_mean_loss_of_many_start_alike(results):
    """Seeds are shared: before training all models of one architecture are one."""
    first = [
        row["bits"]["legal"]
        for row in results["architecture"]["rows"]
        if row["step"] == 0 and row["architecture"] == "attention"
    ]
    np.testing.assert_allclose(first, first[0], rtol=1e-6)


def test_the_page_stands_alone_and_calls_no_oracle_a_result(folder):
    text = (folder / "report.html").read_text()
    Reader(text)
    assert "http" not in text and "<script" not in text
    assert text.count("not a result: oracle") == 2  # of texts, and of looks


def test_a_second_start_trains_nothing_and_finds_the_same(second_start):
    before, after = second_start
    assert after == before


def test_other_settings_are_refused(folder):
    other = dataclasses.replace(TINY.net, rate=0.2)
    with pytest.raises(ValueError, match=r"net.rate: 0.005 there, 0.2 here"):
        claim.run(dataclasses.replace(TINY, out=folder, net=other))


def test_training_sets_are_nested_and_have_each_domain_equally_often():
    sets = sets_on_circles(10, (1, 2, 4, 8), draws=1)
    for size in (1, 2, 4, 8):
        own = [chosen for chosen in sets if len(chosen) == size]
        counts = np.bincount(np.concatenate(own), minlength=10)
        assert len(own) == 10 and set(counts) == {size}
    for large in sets:
        if len(large) > 1:
            smaller = [s for s in sets if len(s) == len(large) // 2]
            assert any(set(small) < set(large) for small in smaller)
    assert len(sets_on_circles(10, (1, 2, 4, 8), draws=2)) > 60
    assert all_but_one(3) == [(1, 2), (0, 2), (0, 1)]


def test_every_mixture_sees_the_same_number_of_different_bytes():
    windows = np.arange(3 * 12 * 2).reshape(3, 12, 2)
    table = mixtures([(0,), (0, 1), (0, 1, 2)], np.array([0.5, 0.25, 0.25]))
    rows = [rows_of(windows, mixture, 12) for mixture in table]
    assert [unique_bytes(each) for each in rows] == [24, 24, 24]
    counts = [np.bincount(each[:, 0] // 24, minlength=3).tolist() for each in rows]
    assert counts == [[12, 0, 0], [8, 4, 0], [6, 3, 3]]


def test_slopes_of_lines_and_of_a_hand_made_table():
    sizes = (1, 2, 4, 8)
    line = np.stack([5 - 0.3 * np.log2(sizes), 2 + 0 * np.log2(sizes)])
    np.testing.assert_allclose(slopes(line, sizes), [-0.3, 0], atol=1e-12)
    crooked = np.array([[1.0, 3.0, 2.0, 7.0]])
    np.testing.assert_allclose(
        slopes(crooked, sizes), np.polyfit(range(4), crooked[0], 1)[:1]
    )


def test_domains_are_told_of_by_all_models_that_leave_them_out():
    sets = [(0,), (1,), (0, 1), (1, 2)]
    bits = np.array([[1.0, 2, 3, 9], [4, 5, 6, 9], [7, 8, 9, 9], [10, 11, 12, 9]])
    found = by_size(sets, bits, (1, 2), trained=2)
    np.testing.assert_allclose(found.unseen[:, 0], [4, 2, (3 + 6) / 2, 9])
    np.testing.assert_allclose(found.unseen[:, 1], [10, np.nan, 9, 9])
    np.testing.assert_allclose(found.seen, [[1, 7], [5, (8 + 11) / 2]])
    assert [each.tolist() for each in found.worst] == [[9, 9], [9, 10]]


def test_runs_are_put_to_the_domain_they_left_out():
    chance = np.random.default_rng(0)
    sets = [chosen for chosen in all_but_one(3) for _ in range(2)]
    test = chance.uniform(size=(6, 3, 4))  # the last domain is only tested
    told = told_by(TextRuns(sets, [0, 1] * 3, test, np.arange(3), {}), 3)
    for left_out in range(3):
        own = test[2 * left_out : 2 * left_out + 2, 1:].mean(0)
        seen = [i for i in range(3) if i != left_out]
        np.testing.assert_allclose(told.unseen[left_out], own[:, left_out])
        np.testing.assert_allclose(told.seen[left_out], own[:, seen].mean(1))


def test_robustness_is_the_distance_from_the_line_of_the_others():
    seen = np.array([[4.0, 3.0], [5.0, 2.0]])  # (domains, evaluations)

    def on_line(shift):
        return Told(2 * (seen + shift) + 1, seen + shift)

    arms: dict[ArmName, Told] = {
        "attention": on_line(0.0),
        "window": on_line(0.5),
        "none": on_line(1.0),
    }
    for name in arms:
        np.testing.assert_allclose(robustness(arms, name), 0, atol=1e-12)
    arms["attention"] = Told(arms["attention"].unseen - 0.25, seen)
    np.testing.assert_allclose(robustness(arms, "attention"), -0.25)


def test_rules_choose_without_the_domain_that_is_left_out():
    validation = np.zeros((3, 2, 3))
    validation[:, 1] = 0.5  # the first weight is better in training
    own = np.arange(3)
    validation[own, 0, own] = [9, 9, 1]  # and worse where a domain is left out, but one
    validation[own, 1, own] = [2, 2, 2]
    choice = Choice(validation)
    assert SELECTIONS["training_domains"](choice).tolist() == [0, 0, 0]
    assert SELECTIONS["other_targets"](choice).tolist() == [1, 1, 1]
    # its own column moves neither rule
    validation[0, :, 0] = [-100, 100]
    for rule in SELECTIONS.values():
        assert rule(choice)[0] == (0 if rule is SELECTIONS["training_domains"] else 1)
    assert with_a_look(np.array([[3.0, 1.0], [2.0, 5.0]])).tolist() == [1, 2]
    assert "test" not in Choice._fields and "test" in AlgorithmRuns._fields


def test_architectures_have_as_many_parameters():
    net = Net(features=16, heads=2)
    sizes = [parameter_count(language_model(name, net)) for name in ArmName.__args__]
    assert max(sizes) / min(sizes) < 1.01


def test_bits_of_domains_are_those_of_a_model_that_knows_nothing():
    model = language_model("none", Net(features=8, layers=1, heads=2))
    windows = jax.random.randint(jax.random.key(0), (2, 3, 9), 0, 256)
    params = model.init(jax.random.key(1), windows[0])["params"]
    flat = jax.tree.map(np.zeros_like, params)
    bits = bits_of_domains(model, flat, windows, context=2, at_once=2)
    np.testing.assert_allclose(bits, 8, rtol=1e-6)


def test_names_on_the_command_line_are_those_that_exist():
    from experiments.domain_generalization.algorithm_findings import METHODS
    from experiments.domain_generalization.algorithm_runs import WEIGHTS
    from experiments.domain_generalization.architecture_tables import ARMS
    from experiments.domain_generalization.study import PARTS

    assert set(MethodName.__args__) == set(METHODS) == set(WEIGHTS)
    assert set(ArmName.__args__) == set(ARMS)
    assert set(SelectionName.__args__) == set(SELECTIONS)
    assert set(PARTS) == set(Part.__args__)


def written(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_a_folder_of_files_and_of_folders_is_a_corpus(tmp_path):
    for name in ("verse", "prose"):
        (tmp_path / name).mkdir()
        for number in range(20):
            (tmp_path / name / f"{number}.txt").write_text(f"{name} {number} " * 9)
    written(
        tmp_path, notes="\n\f\n".join(f"note {number} " * 9 for number in range(20))
    )
    corpus = Corpus(tmp_path, length=8, batch=2, updates=3, tested=5)
    domains = domains_of(corpus)
    assert domains.train == ("notes", "prose", "verse") and not domains.held_out
    assert domains.windows.train.shape == (3, 6, 8)
    assert domains.windows.test.shape == (3, 5, 9)
    assert b"verse" in domains.windows.train[2].tobytes()
    train = {row.tobytes() for row in domains.windows.train[1]}
    assert len(train) == 6


def test_records_and_sets_are_domains_beside(tmp_path, monkeypatch):
    texts = {name: [f"{name} {i} " * 9 for i in range(20)] for name in "abc"}
    for name in "ab":
        lines = [json.dumps({"body": text}) for text in texts[name]]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))

    def of_set(name, field):
        assert field == "body"
        return (text.encode() for text in texts[name])

    monkeypatch.setattr(corpora, "documents_from_tfds", of_set)
    size = dict(length=8, batch=2, updates=3, tested=5)
    domains = domains_of(Corpus(tmp_path, sets=("c",), field="body", **size))
    assert domains.train == ("a", "b", "c")
    assert b"c 1" in domains.windows.train[2].tobytes()
    with pytest.raises(ValueError, match=r"--corpus.sets a: a domain of that name"):
        domains_of(Corpus(tmp_path, sets=("a",), field="body", **size))
    (tmp_path / "b.jsonl").write_text('{"body": "x"}\nbroken')
    with pytest.raises(ValueError, match=r"b.jsonl, line 2: Expecting value"):
        domains_of(Corpus(tmp_path, field="body", **size))


LONG = "\n\f\n".join("abcdefgh " * 9 for _ in range(30))


@pytest.mark.parametrize(
    "texts, complaint",
    [
        ({"a": LONG, "b": LONG, "c": " \n"}, r"c.txt: no text in it"),
        (
            {"a": LONG, "b": LONG, "c": "\n\f\n".join("xyz" for _ in range(12))},
            r"domain c: 57 bytes in one of its three parts; expected 96 or more",
        ),
        ({"a": LONG, "b": LONG, "c": "one document"}, "domain c: split_documents"),
        ({"a": LONG, "b": LONG}, "2 domain.s. to train on; expected 3 or more"),
    ],
)
def test_folders_that_cannot_be_learned_from_are_refused(texts, complaint, tmp_path):
    corpus = Corpus(written(tmp_path, **texts), length=16, batch=2, updates=3)
    with pytest.raises(ValueError, match=complaint):
        domains_of(corpus)


@pytest.mark.parametrize(
    "make, complaint",
    [
        (
            lambda: Corpus(train=("code", "math"), held_out=("code",)),
            "--corpus.held-out code: also in --corpus.train",
        ),
        (
            lambda: Corpus(weights=(0.5, 0.4)),
            "corpus.weights 0.5 0.4: their sum is 0.9",
        ),
        (lambda: domains_of(Corpus(weights=(0.5, 0.5))), "2 weights for 10 domains"),
        (lambda: domains_of(Corpus(train=("poems",))), "domain 'poems'"),
        (lambda: Corpus(batch=0), "corpus.batch 0"),
        (lambda: Net(features=10, heads=4), "net.heads 4"),
        (lambda: Recall(vocabulary=7), "architecture.recall.vocabulary 7: expected 8"),
        (lambda: Recall(length=11), "architecture.recall.length 11: expected 12"),
        (lambda: Recall(seeds=1), "architecture.recall.seeds 1"),
        (lambda: Diversity(sizes=(2, 1)), "diversity.sizes 2 1"),
        (lambda: sets_on_circles(4, (1, 4), 1), "sizes 1 4: of 4 domains"),
        (lambda: Algorithms(methods=("irm",)), "algorithms.methods"),
        (lambda: Algorithms(methods=("erm", "coral")), "algorithms.each 1"),
        (
            lambda: dataclasses.replace(TINY, algorithms=Algorithms(updates=99)),
            "more windows of a domain than the 24",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
