"""What length costs: the counts behind it, what is found of made-up costs, a tiny run."""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.attention_scaling import quality_of_length, scaling_laws
from experiments.attention_scaling.calibration import KNOWN, calibration_programs
from experiments.attention_scaling.claim import PRESETS
from experiments.attention_scaling.cost_of_length import found_verdict
from experiments.attention_scaling.costs import Line
from experiments.attention_scaling.drawings import (
    exact_curve,
    layer_law,
    local_figure,
    time_figure,
)
from experiments.attention_scaling.findings import (
    calibrated,
    quadratic_criteria,
    sparse_criteria,
)
from experiments.attention_scaling.memory_on_tpu import by_line, memory_table
from experiments.attention_scaling.mixer_costs import mixer_costs, mixer_table
from experiments.attention_scaling.mixers import PATTERNS
from experiments.attention_scaling.programs import PARTS, mixer_program, program
from experiments.attention_scaling.published import (
    LONG_RANGE_ARENA,
    published_exponents,
)
from experiments.attention_scaling.settings import MechanismName, Net
from experiments.attention_scaling.study import report
from experiments.attention_scaling.text_runs import Runs
from experiments.attention_scaling.tpu_memory import peak_bytes
from experiments.criterion import overall
from experiments.executed import executed_products
from experiments.launch import launch
from installed import with_libtpu
from jaxgen.sharding.topology import topology
from tests.markup import Reader

ROOT = Path(__file__).parents[2]
NET = Net(heads=2, features=4, layers=2, batch=2, window=8)
CALLS = [
    (scope, gradient, name)
    for scope in PARTS
    for gradient in (False, True)
    for name in MechanismName.__args__
]


@pytest.mark.parametrize("scope, gradient, name", CALLS)
def test_work_is_what_is_computed(scope, gradient, name):
    one = program(scope, gradient, name, 96, NET)
    drawn = one.arguments(jax.random.key(0))
    assert executed_products(one.function, *drawn)["flops"] == one.flops


@pytest.mark.parametrize("name", PATTERNS)
def test_work_of_a_mixer_with_a_pattern_is_what_is_computed(name):
    one = mixer_program(name, 96, NET)
    shapes = jax.eval_shape(one.arguments, jax.random.key(0))
    assert executed_products(one.function, *shapes)["flops"] == one.flops
    assert one.call == ("mixer", True, name, 96)


@pytest.mark.parametrize("scope", PARTS)
def test_full_attention_is_the_same_all_at_once_and_in_tiles(scope):
    found = [
        program(scope, True, name, 96, NET, dtype="float32")
        for name in ("dense", "full")
    ]
    drawn = [one.arguments(jax.random.key(0)) for one in found]
    jax.tree.map(np.testing.assert_array_equal, *drawn)
    slopes = [
        jax.jit(one.function)(*each) for one, each in zip(found, drawn, strict=True)
    ]
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5), *slopes
    )


def test_the_law_of_the_layer_is_the_slope_of_its_work():
    net = Net(heads=4, features=16)
    lengths = np.array([128, 256, 512, 1024, 2048])
    work = [program("layer", False, "dense", n, net).flops for n in lengths.tolist()]
    ends = exact_curve(lengths, lengths)
    law = layer_law({"dense": ends}, width=64)
    counted = np.diff(np.log(work)) / np.diff(np.log(lengths))
    for first, last, slope in zip(lengths, lengths[1:], counted, strict=False):
        inside = (law.lengths >= first) & (law.lengths <= last)
        assert abs(law.estimate[inside].mean() - slope) < 0.01


def test_published_exponents_are_those_of_the_table():
    found = np.round(published_exponents(LONG_RANGE_ARENA["BigBird"]), 2)
    np.testing.assert_array_equal(found, [1.09, 1.38, 0.95, 0.95])


def test_xla_counts_known_operations_as_they_grow():
    for one in calibration_programs():
        known = KNOWN[one.call.mechanism]
        if one.call.length == known.lengths[0]:
            shapes = jax.eval_shape(one.arguments, jax.random.key(0))
            assert shapes[0].shape == (one.call.length,) * known.axes


LENGTHS = np.array([512, 1024, 2048, 4096, 8192, 16384])


def line(power, scale=1e-9, noise=0.01, lengths=LENGTHS):
    """Costs that grow with a power of the length, in five rounds."""
    random = np.random.default_rng(len(lengths) + round(10 * power))
    cost = scale * lengths.astype(float) ** power
    seconds = cost * np.exp(noise * random.normal(size=(5, len(lengths))))
    return Line(lengths, cost, cost, cost, cost, seconds, cost)


def made_up(full, sparse, known=None):
    """Costs of operator and model with these powers; all equal at 256 tokens."""
    names = {"dense": full, "full": full, "window": sparse, "bigbird": sparse}
    lines = {
        (scope, True, name): line(power, scale=256.0**-power)
        for scope in ("operator", "model")
        for name, power in names.items()
    }
    for name, operation in KNOWN.items():
        lengths = np.array(operation.lengths)
        at = operation.growth(lengths.astype(float))
        seconds = np.tile(at if known is None else lengths**known, (5, 1))
        lines["calibration", False, name] = Line(lengths, at, at, at, at, seconds, at)
    return lines


def test_what_a_mixer_costs_is_told_beside_full_attention():
    short = LENGTHS[:4]
    costs = made_up(2.0, 1.0) | {
        ("mixer", True, "full"): line(2.0, scale=1.0),
        ("mixer", True, "linear"): line(1.0, scale=512.0),
        ("mixer", True, "fourier"): line(1.5, scale=10.0, lengths=short),
        ("mixer", True, "lsh"): line(1.0, lengths=LENGTHS[:1]),
    }
    found = mixer_costs(costs)
    assert set(found) == {"full", "linear", "fourier"}
    for name, power in (("full", 2.0), ("linear", 1.0), ("fourier", 1.5)):
        one = found[name]
        assert one.time.low - 0.02 < power < one.time.high + 0.02
        assert (one.memory, one.work) == pytest.approx((power, power))
    assert found["linear"].at == 16384 and found["fourier"].at == 4096
    assert found["linear"].share == pytest.approx(1 / 32, rel=0.05)
    assert found["linear"].faster.estimate == pytest.approx(32, rel=0.05)
    assert found["fourier"].faster.estimate == pytest.approx(4096**0.5 / 10, rel=0.05)
    assert found["full"].share == found["full"].faster.estimate == 1
    text = str(mixer_table(found))
    assert all(f">{word}<" in text for word in ("FNet", "4,096", "linear attention"))
    del costs["mixer", True, "full"]
    assert mixer_costs(costs) == {}


def test_a_mixer_without_products_has_no_exponent_of_work():
    none = line(1.0)._replace(flops=np.zeros(6))
    found = mixer_costs({("mixer", True, name): none for name in ("full", "fourier")})
    assert found["fourier"].work == 0


def verdicts(costs):
    return (
        overall(quadratic_criteria(costs, "model", True)),
        overall(sparse_criteria(costs, "model", True)),
    )


def test_a_square_and_lines_support_the_claim():
    assert verdicts(made_up(2.0, 1.0)) == ("supported", "supported")


def test_other_growth_refutes_it():
    assert verdicts(made_up(1.1, 1.0)) == ("refuted", "refuted")  # and it never pays
    assert verdicts(made_up(2.0, 1.5)) == ("supported", "refuted")


def test_a_machine_too_noisy_decides_nothing():
    costs = made_up(2.0, 1.0, known=1.4)
    halves = {"one": quadratic_criteria(costs, "model", True)}
    assert [one.right for one in calibrated(costs)] == [False] * 4
    assert found_verdict(halves, calibrated(costs)) == "undecided"
    assert found_verdict(halves, calibrated(made_up(2.0, 1.0))) == "supported"


@with_libtpu
def test_memory_on_a_chip_grows_with_all_pairs_until_it_has_no_more():
    (chip, *_) = topology("v5litepod-4")
    net = Net(heads=8, features=128)

    def peak(name, length):
        one = program("operator", True, name, length, net, "tpu", "bfloat16")
        return peak_bytes(one, chip)

    pairs = 8 * 4096**2 * 2  # bytes
    assert pairs < peak("dense", 4096) < 5 * pairs
    assert peak("full", 4096) < pairs / 2
    assert peak("dense", 65536) is None


def test_what_a_chip_would_hold_is_where_its_law_meets_its_memory():
    rows = [
        {
            "slice": "v5litepod-4",
            "scope": "operator",
            "mechanism": "dense",
            "length": length,
            "peak": 16 * length**2 if length < 16384 else None,
        }
        for length in (2048, 4096, 8192, 16384)
    ]
    text = memory_table(by_line(rows), rows)
    # (15.75 - 0.26) GiB are 16 bytes of each pair of 32,242 tokens
    for cell in ("8,192 *", "1.00 GiB", "2.00", "32,000"):
        assert f">{cell}<" in text


def start(out, *options):
    """The command, as a user gives it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    given = [sys.executable, "-m", "experiments.attention_scaling", "tiny", "--out"]
    return subprocess.run(
        [*given, str(out), *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("scaling") / "run"
    done = start(out, "--parts", "cost_of_length")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"report: {out / 'report.html'}"
    return out


def test_every_call_has_its_costs(folder):
    found = json.loads((folder / "results.json").read_text())["cost_of_length"]
    settings = PRESETS["tiny"].cost_of_length
    aside = ("calibration", "mixer")
    rows = [row for row in found["rows"] if row["scope"] not in aside]
    keys = [
        tuple(row[name] for name in ("scope", "gradient", "mechanism", "lengths"))
        for row in rows
    ]
    assert sorted(keys) == sorted(
        (scope, gradient, name, length)
        for scope in settings.scopes
        for gradient in (False, True)
        for name in settings.mechanisms
        for length in settings.lengths
    )
    mixed = [row for row in found["rows"] if row["scope"] == "mixer"]
    assert sorted((row["mechanism"], row["lengths"]) for row in mixed) == sorted(
        (name, length) for name in settings.mixers for length in settings.mixer_lengths
    )
    for row in rows + mixed:
        assert len(row["seconds"]) == settings.rounds and min(row["seconds"]) > 0
        assert row["flops"] > 0 < row["compile_seconds"]
    for check in found["calibration"]:
        assert abs(check["flops"] - check["known"]) < 0.05, check
    assert found["verdict"] in ("supported", "refuted", "undecided")


def test_the_page_stands_alone(folder):
    text = (folder / "report.html").read_text()
    Reader(text)
    assert "http" not in text and "<script" not in text
    assert {"time.svg", "memory.svg"} <= {path.name for path in folder.iterdir()}


def test_a_run_that_was_cut_short_keeps_what_it_has(folder):
    rounds = folder / "cost_of_length" / "rounds.jsonl"
    first, second = rounds.read_text().splitlines()
    described = (folder / "cost_of_length" / "programs.json").read_text()
    rounds.write_text(first + "\n" + second[:20])
    done = start(folder, "--parts", "cost_of_length")
    assert done.returncode == 0, done.stderr
    again = rounds.read_text().splitlines()
    assert again[0] == first and json.loads(again[-1])["step"] == 1
    assert (folder / "cost_of_length" / "programs.json").read_text() == described


@pytest.mark.parametrize(
    "options, told",
    [
        (("--cost-of-length.rounds", "1"), "--cost-of-length.rounds 1: an interval"),
        (("--net.window", "0"), "--net.window 0: expected more than 0"),
        (("--cost-of-length.lengths", "64", "32"), "64 32: expected 6 or more"),
        (("--parts", "memory"), "memory_on_tpu"),
        (("--quality-of-length.net.window", "0"), "--quality-of-length.net.window 0:"),
        (("--quality-of-length.mixers", "window"), "mixers: expected full among"),
        (("--quality-of-length.steps", "5"), "steps 5 --quality-of-length.dispatch 2:"),
        (
            ("--quality-of-length.seeds", "1"),
            "--quality-of-length.seeds 1: an interval",
        ),
        (("--quality-of-length.examples", "11"), "examples 11: expected 12 or more"),
        (("--scaling-laws.widths", "8", "6", "9"), "8 6 9: expected 3 or more, from 1"),
        (
            ("--scaling-laws.widths", *map(str, range(8, 80, 8))),
            "--scaling-laws.widths: expected 8 or fewer",
        ),
        (("--scaling-laws.steps", "0", "4", "8"), "0 4 8: expected 3 or more, from 1"),
        (("--scaling-laws.models", "language", "language"), "models: expected one or"),
        (("--memory-on-tpu.net.heads", "0"), "--memory-on-tpu.net.heads 0: expected"),
    ],
)
def test_wrong_input_is_answered_before_anything_runs(options, told, capsys):
    def run(experiment):
        raise AssertionError("it ran")

    with pytest.raises(SystemExit):
        launch(PRESETS, run, "", arguments=["tiny", *options])
    assert told in " ".join(capsys.readouterr().err.split())


def test_a_mixer_too_large_is_told_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(quality_of_length, "trained_on_all", lambda *given: 1 / 0)
    settings = dataclasses.replace(
        PRESETS["tiny"].quality_of_length, mixers=("full", "synthesizer"), length=512
    )
    asked = dataclasses.replace(PRESETS["tiny"], quality_of_length=settings)
    with pytest.raises(ValueError, match="mixers synthesizer: at 512 tokens"):
        quality_of_length.quality_of_length(asked, tmp_path)


def some_runs(*given):
    """Runs of no law: each net saw a number of tokens of its own."""
    return Runs(np.arange(1.0, 7), 100 * np.arange(1.0, 7), np.linspace(3, 2, 6))


def test_parts_that_are_asked_for_in_turn_stay_in_one_folder(tmp_path, monkeypatch):
    def ask(part):
        asked = dataclasses.replace(
            PRESETS["tiny"], out=tmp_path / "run", parts=(part,)
        )
        page = report(asked).read_text()
        return page, json.loads((tmp_path / "run" / "results.json").read_text())

    trained_on_all, trained = quality_of_length.trained_on_all, []

    def killed(name, *given):
        trained.append(name)
        if trained == ["full", "window"]:
            raise KeyboardInterrupt
        *rest, folder = given  # the second is taken to answer as the first does
        return trained_on_all("full", *rest, folder.parent / "full")

    monkeypatch.setattr(quality_of_length, "trained_on_all", killed)
    with pytest.raises(KeyboardInterrupt):
        ask("quality_of_length")
    record = tmp_path / "run" / "quality_of_length" / "full" / "record.jsonl"
    before = record.read_text()
    _, first = ask("quality_of_length")
    assert record.read_text() == before  # it was not trained again
    monkeypatch.setattr(scaling_laws, "runs_of", some_runs)
    page, both = ask("scaling_laws")
    assert first["quality_of_length"] == both["quality_of_length"]
    assert len(both["scaling_laws"]["rows"]) == 6
    settings = PRESETS["tiny"].quality_of_length
    rows = both["quality_of_length"]["rows"]
    keys = [(row["mixer"], row["task"], row["seed"]) for row in rows]
    assert keys == list(product(settings.mixers, settings.tasks, range(settings.seeds)))
    told = [json.loads(line) for line in before.splitlines()][-1]
    assert [row["right"] for row in rows if row["mixer"] == "full"] == told["right"]
    Reader(page)
    for word in (
        "What is lost",
        "Scaling laws of small models",
        "No law for next byte",
    ):
        assert word in page


def test_a_missing_compiler_is_told_before_anything_is_written(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    asked = dataclasses.replace(
        PRESETS["tiny"], out=tmp_path / "run", parts=("memory_on_tpu",)
    )
    with pytest.raises(ImportError, match="jaxgen\\[prove\\]"):
        report(asked)
    assert not (tmp_path / "run").exists()


def test_a_half_that_was_not_measured_leaves_the_claim_undecided():
    costs = made_up(2.0, 1.0)
    checks = calibrated(costs)
    square = quadratic_criteria(costs, "model", True)
    assert found_verdict({"one": square, "other": []}, checks) == "undecided"
    assert found_verdict({"one": [], "other": []}, checks) == "undecided"


def test_every_figure_has_every_line():
    costs = made_up(2.0, 1.0)
    costs |= {("layer", *key[1:]): one for key, one in costs.items() if key[1]}
    for svg in (time_figure(costs), local_figure(costs, Net())):
        for name in ("dense", "full, tiled", "window", "BigBird", "layer + grad"):
            assert name in svg
    assert "1 + n / (n + 6d)" in local_figure(costs, Net())
