"""The claim, run for real in its tiny preset."""

import dataclasses
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.digits import digits_of
from experiments.latent_spaces import claim
from experiments.latent_spaces.arms import FAMILIES, TITLES, warmed
from experiments.latent_spaces.latent_findings import latent_criteria
from experiments.latent_spaces.likelihood_protocols import gate, iwae2016
from experiments.latent_spaces.samplers import SAMPLERS
from experiments.latent_spaces.settings import (
    Collapse,
    FamilyName,
    Generation,
    Likelihood,
    ModelName,
    Models,
    SamplerName,
    Text,
    TextName,
    WiderName,
)
from experiments.latent_spaces.text_findings import text_criteria
from experiments.latent_spaces.text_models import TEXT_ARMS, axis_of
from experiments.latent_spaces.text_scores import ngram_scores
from experiments.latent_spaces.text_windows import Texts, texts_of
from experiments.latent_spaces.wider import WIDER, WIDER_TITLES
from jaxgen.data.images import Labelled
from jaxgen.training.players import parted
from tests.markup import Reader

TINY = claim.PRESETS["tiny"]


def test_every_model_and_seed_has_its_row(results):
    rows = results["points_and_distributions"]["rows"]
    keys = [(row["model"], row["seed"]) for row in rows]
    titles = [TITLES[name].title for name in TINY.models.names]
    assert keys == [(title, seed) for title in titles for seed in range(TINY.seeds)]
    for row in rows:
        assert row["distortion"] > 0 and 0 <= row["probe"] <= 1
        assert (row["rate"] > 0) == (row["width"] > 0) == (row["model"] == "VAE")


def test_references_score_what_they_must(results):
    rows = results["generation"]["rows"]
    by_model = {(row["model"], row["sampler"], row["seed"]): row for row in rows}
    for seed in range(TINY.seeds):
        perfect, trivial = (by_model[name, "", seed] for name in ("perfect", "trivial"))
        assert perfect["precision"] > 0.9 and perfect["classes"] == 10
        assert perfect["nearest"] == 0  # they are learned images
        assert trivial["frechet"] > 3 * perfect["frechet"]
        assert trivial["precision"] < perfect["precision"]
    drawn = {(model, sampler) for model, sampler, _ in by_model if sampler}
    assert drawn == {
        (TITLES[model].title, sampler)
        for model in TINY.models.names
        for sampler in TINY.generation.samplers
    }


def test_the_wider_family_is_drawn_from_its_own_priors(results):
    rows = results["generation"]["wider"]
    wanted = [WIDER_TITLES[name] for name in TINY.generation.wider]
    assert [row["model"] for row in rows] == [name for name in wanted for _ in range(2)]
    # three groups of one dimension, each at one of sixteen places
    for row in rows[:2]:
        assert row["rate"] == pytest.approx(3 * np.log(16), rel=1e-4)
    for row in rows:
        assert row["frechet"] > 0 and row["distortion"] > 0
        assert 0 <= row["agrees"] < row["agrees_of_real"] <= 1


def test_each_of_the_wider_family_is_a_model_of_its_prior():
    assert set(get_args(WiderName)) == set(WIDER_TITLES) == set(WIDER)
    data = Labelled(jnp.zeros((2, 8, 8, 1)), jnp.arange(2))
    settings = dataclasses.replace(TINY.models, code=4)
    for name, family in WIDER.items():
        net = family.net(settings, 8)
        terms = terms_of(net, family.seen(data))
        layers = 2 if name in ("two_layers", "ladder") else 1
        # the lowest layer is as large as the code of all other models
        assert terms.codes.shape == (1, 2, 4 + 2 * (layers - 1))
        assert set(family.weights) == {name}


def terms_of(net, batch):
    """Shapes of what a net says of a batch."""
    images, conditions = parted(batch)

    def run(key):
        return net.init_with_output(key, images, key, 1, *conditions)[0]

    return jax.eval_shape(run, jax.random.key(0))


def test_likelihoods_are_nats_of_an_image_and_bounds_are_bounds(results):
    rows = results["likelihood"]["rows"]
    assert {row["model"] for row in rows} == {"autoencoder", "VAE", "IWAE, k 5"}
    for row in rows:
        # 64 pixels, each at most a few nats
        assert 10 < np.mean(row["annealed"]) < 100
        assert ("tightened" in row) == (row["model"] != "autoencoder")


def test_the_sweep_has_every_setting(results):
    rows = results["collapse"]["rows"]
    settings = TINY.collapse
    found = {
        (row["depth"], round(row["weight"], 3), round(row["warmup"], 3), row["seed"])
        for row in rows
    }
    assert len(rows) == len(found) == 2 * 2 * settings.seeds
    assert all(0 <= row["active"] <= TINY.models.code for row in rows)


def test_every_model_of_text_writes_from_codes_of_each_kind(results):
    rows = {
        (row["model"], row["sampler"], row["seed"]): row
        for row in results["text"]["rows"]
    }
    seeds = range(TINY.text.seeds)
    wanted = {
        (arm.title, sampler, seed)
        for arm in TEXT_ARMS.values()
        for sampler in ("prior", "mixture")
        for seed in seeds
    }
    beside = {(name, "", seed) for name in ("perfect", "trivial") for seed in seeds}
    assert set(rows) == wanted | beside
    for model, sampler, seed in wanted:
        row, points = rows[model, sampler, seed], model == "autoencoder"
        assert ("bound" in row) != points == (row["rate"] == 0)
        assert 0 < row["distortion"] < 8 and row["bits"] > 0
    for seed in seeds:
        perfect, trivial = (rows[name, "", seed] for name in ("perfect", "trivial"))
        assert all(perfect[way] < trivial[way] for way in ("bits", "back"))


def test_text_that_is_all_alike_is_far_from_real_text_one_way():
    real = texts_of(TINY.text)
    spaces = np.full((2, 16, 8), ord(" "))
    both = np.stack([spaces, np.stack([real.real[:16]] * 2)], axis=1).reshape(4, 16, 8)
    found = ngram_scores(real, both)
    alike, own = slice(0, None, 2), slice(1, None, 2)
    assert (found["bits"][alike] < found["bits"][own]).all()
    assert (found["back"][alike] > found["back"][own] + 1).all()


def test_held_out_windows_of_text_are_of_other_documents():
    texts = texts_of(dataclasses.replace(TINY.text, length=64))
    assert isinstance(texts, Texts) and len(texts.held_out) == TINY.text.scored
    learned = {row.tobytes() for row in texts.learned}
    copies = sum(row.tobytes() in learned for row in texts.real)
    assert copies < 0.02 * len(texts.real)  # a licence may be told twice


def test_prices_of_text_are_paired_by_seed():
    names = list(get_args(TextName))
    assert names == list(TEXT_ARMS)
    axis = axis_of(Text(seeds=2), names[1:])
    assert axis["seed"].tolist() == [0, 1] * 3
    assert axis["warmup"].tolist() == [0, 0, 0.5, 0.5, 0, 0]
    assert axis["free"].tolist() == [0, 0, 0, 0, 0.5, 0.5]


def test_the_page_stands_alone(folder):
    text = (folder / "report.html").read_text()
    Reader(text)
    assert "http" not in text
    assert "<script" not in text


def test_points_and_densities_start_alike_and_see_the_same():
    point, dense = (
        FAMILIES[name].net(TINY.models, 8) for name in ("points", "variational")
    )
    images = jnp.zeros((2, 8, 8, 1))
    one, other = (
        net.init(jax.random.key(0), images, jax.random.key(1)) for net in (point, dense)
    )
    jax.tree.map(np.testing.assert_array_equal, one, other)
    # the codes of a density lie around those of the point
    means = [net.apply(one, images, method="encode").mean for net in (point, dense)]
    np.testing.assert_array_equal(*means)


def test_names_on_the_command_line_are_those_that_exist():
    assert set(get_args(ModelName)) == set(TITLES)
    assert set(get_args(FamilyName)) == set(FAMILIES)
    assert set(get_args(SamplerName)) == set(SAMPLERS)
    assert set(TITLES) == {name for one in FAMILIES.values() for name in one.weights}


def test_schedules_are_those_of_the_published_code():
    full, short = iwae2016(8), iwae2016(5)
    assert sum(full.epochs) == 3280 and sum(short.epochs) == 121
    np.testing.assert_allclose(
        np.array(full.rates) * 1e4, [10, 7.2, 5.2, 3.7, 2.7, 1.9, 1.4, 1.0]
    )
    assert sum(gate().steps(60_000)) == round(10 * 60_000 / 128)


def test_a_weight_is_warmed_up_or_not():
    half = [float(warmed(2.0, 4.0)(step)) for step in range(6)]
    assert half == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]
    assert float(warmed(2.0, 0.0)(0)) == 2.0


def test_criteria_of_text_tell_points_from_densities():
    good, bad = ({"bits": np.full(6, x), "back": np.full(6, x)} for x in (3.0, 4.0))
    coded = {"free": {"heard": np.full(6, 2.0)}}
    right = text_criteria(coded, {("point", "prior"): bad, ("free", "prior"): good})
    wrong = text_criteria(coded, {("point", "prior"): good, ("free", "prior"): bad})
    assert [part.verdict for part in right] == ["supported"] * 3
    assert [part.verdict for part in wrong] == ["supported", "refuted", "refuted"]


def test_criteria_tell_points_from_densities():
    dense = {"width": np.full(6, 0.4), "from_prior": np.full(6, 0.1)}
    empty = {"width": np.zeros(6), "from_prior": np.full(6, 17.0)}
    right = latent_criteria({"vae": dense, "autoencoder": empty})
    wrong = latent_criteria({"vae": empty, "autoencoder": dense})
    assert [part.verdict for part in right] == ["supported"] * 3
    assert [part.verdict for part in wrong] == ["refuted"] * 3


@pytest.mark.parametrize(
    "make, complaint",
    [
        (lambda: Models(names=("vae",)), "expected autoencoder"),
        (lambda: Models(code=0), "models.code 0"),
        (lambda: Models(steps=10, dispatch=3), "models.steps 10"),
        (lambda: Generation(samplers=("mixture",)), "expected prior"),
        (lambda: Generation(components=0), "generation.components 0"),
        (lambda: Likelihood(codes=0), "likelihood.codes 0"),
        (lambda: Likelihood(stages=9), "likelihood.stages 9"),
        (lambda: Collapse(weights=()), "collapse.weights"),
        (lambda: Text(domains=("legal",)), "text.domains: expected two"),
        (lambda: Text(steps=10, dispatch=3), "text.steps 10"),
        (lambda: texts_of(Text(scored=10**6)), "text.scored 1000000"),
        (lambda: Collapse(noises=(-0.1,)), "collapse.noises"),
        (lambda: dataclasses.replace(TINY, seeds=1), "--seeds 1"),
        (
            lambda: dataclasses.replace(TINY, likelihood=Likelihood("gate")),
            "give --images.source mnist",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


def test_images_that_are_none_are_refused(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, x=np.zeros((1_000, 28, 28)), y=np.arange(1_000) % 10)
    with pytest.raises(ValueError, match=r"--images.file .*28 x 28 pixels"):
        digits_of("images", "digits8", path)
