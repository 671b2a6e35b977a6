"""Classifier scores against closed forms and relative entropies in float64."""

import functools

import jax
import numpy as np
import pytest
import scipy.special

from jaxgen.metrics.classifier import (
    classifier_moments,
    classifier_score,
    label_counts,
    merged,
    score_of,
    stacked_labels,
)
from jaxgen.metrics.modes import histogram_scores

SCORE = jax.jit(classifier_score)
MOMENTS, MERGED = jax.jit(classifier_moments), jax.jit(merged)
SCORE_OF = jax.jit(score_of)
STACKED = jax.jit(stacked_labels)
COUNTS = jax.jit(label_counts, static_argnames="classes")
HISTOGRAM = jax.jit(histogram_scores, static_argnums=1)


def probabilities(seed, *shape, sharpness=3.0):
    logits = sharpness * np.random.default_rng(seed).normal(size=shape)
    return scipy.special.softmax(logits, axis=-1).astype(np.float32)


def brute(p):
    p = p.astype(np.float64)
    divergence = scipy.special.rel_entr(p, p.mean(0, keepdims=True)).sum(-1)
    return np.exp(divergence.mean())


@pytest.mark.parametrize("sharpness", [0.01, 1.0, 3.0, 100.0])
def test_score_is_that_of_relative_entropies(sharpness):
    p = probabilities(0, 300, 10, sharpness=sharpness)
    np.testing.assert_allclose(SCORE(p), brute(p), rtol=1e-5)


@pytest.mark.parametrize("classes", [1, 4, 10])
def test_sure_and_even_samples_score_the_number_of_classes(classes):
    p = np.eye(10, dtype=np.float32)[np.arange(300) % classes]
    np.testing.assert_allclose(SCORE(p), classes, rtol=1e-5)


def test_sure_samples_score_the_effective_number_of_classes():
    counts = np.array([150, 90, 50, 10, 0])
    p = np.eye(5, dtype=np.float32)[np.repeat(np.arange(5), counts)]
    expected = HISTOGRAM(counts, 300).effective
    np.testing.assert_allclose(SCORE(p), expected, rtol=1e-5)


def test_samples_all_alike_score_one():
    alike = np.repeat(probabilities(1, 1, 10), 300, axis=0)
    for p in (alike, np.full_like(alike, 0.1)):
        np.testing.assert_allclose(SCORE(p), 1.0, rtol=1e-5)


def test_rounding_takes_no_score_below_one():
    alike = np.repeat(probabilities(1, 40, 1, 10), 300, axis=1)
    scores = np.asarray(jax.jit(jax.vmap(classifier_score))(alike))
    assert (scores >= 1.0).all() and (scores < 1 + 1e-5).all()


def test_score_ignores_the_order_of_samples_and_of_classes():
    p = probabilities(2, 300, 10)
    np.testing.assert_allclose(SCORE(p[::-1, ::-1]), SCORE(p), rtol=1e-5)


@pytest.mark.parametrize("cuts", [[1], [150], [10, 20, 160]])
def test_merging_any_split_equals_the_whole(cuts):
    p = probabilities(3, 300, 10)
    parts = functools.reduce(MERGED, map(MOMENTS, np.split(p, cuts)))
    assert int(parts.count) == 300
    np.testing.assert_allclose(parts.total, p.astype(float).sum(0), rtol=1e-5)
    np.testing.assert_allclose(SCORE_OF(parts), brute(p), rtol=1e-5)


def test_many_merged_batches_keep_their_digits():
    p = probabilities(4, 2000, 10, sharpness=1.0)
    whole = functools.reduce(MERGED, [MOMENTS(p)] * 200)
    assert int(whole.count) == 400_000
    np.testing.assert_allclose(SCORE_OF(whole), brute(p), rtol=1e-4)


def test_a_broken_sample_shows():
    p = probabilities(5, 300, 10)
    p[7] = np.nan
    assert np.isnan(SCORE(p))
    with pytest.raises(ValueError, match="probabilities has 0 rows"):
        classifier_score(p[:0])


def test_score_is_that_of_torchmetrics():
    torch = pytest.importorskip("torch")
    inception = pytest.importorskip("torchmetrics.image.inception")
    p = probabilities(6, 300, 10)
    metric = inception.InceptionScore(feature=torch.nn.Identity(), splits=1)
    metric.update(torch.log(torch.tensor(p)))  # it takes logits
    np.testing.assert_allclose(SCORE(p), metric.compute()[0], rtol=1e-4)


def test_every_stack_of_digits_has_its_own_label():
    digits = np.stack(np.unravel_index(np.arange(1000), (10, 10, 10)), axis=-1)
    p = 0.4 * np.eye(10, dtype=np.float32)[digits] + 0.06
    labels, confidence = STACKED(p)
    np.testing.assert_array_equal(labels, np.arange(1000))
    np.testing.assert_allclose(confidence, 0.46**3, rtol=1e-5)


def test_confidence_is_the_chance_that_all_channels_are_right():
    p = probabilities(7, 200, 3, 10).astype(np.float64)
    joint = np.einsum("na,nb,nc->nabc", *p.transpose(1, 0, 2)).reshape(200, 1000)
    labels, confidence = STACKED(p)
    np.testing.assert_array_equal(labels, joint.argmax(-1))
    np.testing.assert_allclose(confidence, joint.max(-1), rtol=1e-5)


def test_two_channels_of_four_have_sixteen_labels():
    labels, _ = stacked_labels(np.eye(4, dtype=np.float32)[np.array([[3, 1], [0, 2]])])
    np.testing.assert_array_equal(labels, [13, 2])


def test_counts_are_of_samples_as_sure_as_the_threshold():
    labels = np.array([0, 2, 2, 2, 3, 3], np.int32)
    confidence = np.array([0.5, 0.25, 0.5, 0.75, 0.0, np.nan], np.float32)
    for threshold, expected in [
        (0.0, [1, 0, 3, 1]),
        (0.5, [1, 0, 2, 0]),
        (0.75, [0, 0, 1, 0]),
        (1.5, [0, 0, 0, 0]),
    ]:
        counts = COUNTS(labels, confidence, threshold, classes=4)
        np.testing.assert_array_equal(counts, expected)


def test_labels_of_no_class_are_not_counted():
    labels, confidence = np.array([-1, 0, 4, 9], np.int32), np.ones(4, np.float32)
    np.testing.assert_array_equal(
        COUNTS(labels, confidence, 0.0, classes=4), [1, 0, 0, 0]
    )
    with pytest.raises(ValueError, match="classes=0"):
        label_counts(labels, confidence, 0.5, 0)


def test_counts_of_stacks_are_modes():
    digits = np.array([[0, 0, 7], [0, 0, 7], [9, 9, 9], [1, 2, 3]])
    p = np.eye(10, dtype=np.float32)[digits]
    p[3, 1] = 0.1  # a channel that could be anything
    counts = COUNTS(*STACKED(p), 0.5, classes=1000)
    scores = HISTOGRAM(counts, 4)
    assert int(scores.covered) == 2 and float(scores.high_quality) == 0.75
    assert int(counts[7]) == 2 and int(counts[999]) == 1
