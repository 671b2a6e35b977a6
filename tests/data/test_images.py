"""Images from files, split and stacked."""

import jax
import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.datasets import load_digits

from jaxgen.data.images import (
    Labelled,
    digits8,
    labelled_from_file,
    split,
    stacked_images,
    stacked_minibatch,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 5, 4), dtype=np.uint8)
LABELS = np.arange(12) % 10


def test_digits_fill_the_range_and_have_their_labels():
    data = digits8()
    pixels, labels = load_digits(return_X_y=True)
    assert data.images.min() == -1 and data.images.max() == 1
    np.testing.assert_allclose(data.images.reshape(1797, 64), pixels / 8 - 1)
    np.testing.assert_array_equal(data.labels, labels)


@pytest.mark.parametrize(
    "names", [("x_train", "y_train"), ("x", "y"), ("images", "labels")]
)
@pytest.mark.parametrize("kind", ["bytes", "floats", "channels"])
def test_files_of_every_kind_are_read(names, kind, tmp_path):
    images = {
        "bytes": IMAGES,
        "floats": IMAGES / 255,
        "channels": IMAGES[..., None],
    }[kind]
    np.savez(tmp_path / "set.npz", **dict(zip(names, (images, LABELS), strict=True)))
    data = labelled_from_file(tmp_path / "set.npz")
    np.testing.assert_allclose(data.images[..., 0], IMAGES / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(data.labels, LABELS)
    assert data.images.dtype == np.float32 and data.labels.dtype == np.int32


@pytest.mark.parametrize(
    "arrays, complaint",
    [
        ({"a": IMAGES, "b": LABELS}, "holds a, b: expected x_train and y_train"),
        ({"x": IMAGES, "y": LABELS[:3]}, r"x is \(12, 5, 4\) and y is \(3,\)"),
        ({"x": IMAGES[0], "y": LABELS[:5]}, r"x is \(5, 4\)"),
        ({"x": IMAGES * 1.0, "y": LABELS}, "float64 from 0.0 to 255.0; expected uint8"),
        ({"x": IMAGES.astype(int), "y": LABELS}, "int64 from 0 to"),
        ({"x": IMAGES // 200, "y": LABELS}, "uint8 from 0 to 1"),
        ({"x": IMAGES, "y": LABELS / 10}, "y is float64; expected whole numbers"),
    ],
)
def test_files_of_something_else_are_refused(arrays, complaint, tmp_path):
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(ValueError, match=complaint):
        labelled_from_file(tmp_path / "set.npz")


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "set.npz").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(ValueError, match=r"set.npz: expected an .npz file"):
        labelled_from_file(tmp_path / "set.npz")
    np.save(tmp_path / "set.npy", IMAGES)
    with pytest.raises(ValueError, match=r"set.npy: expected an .npz file"):
        labelled_from_file(tmp_path / "set.npy")
    with pytest.raises(FileNotFoundError):
        labelled_from_file(tmp_path / "absent.npz")


def test_a_split_holds_every_example_once():
    data = Labelled(np.arange(10.0).reshape(10, 1, 1, 1), np.arange(10))
    first, second = split(data, 0.7, seed=0)
    assert sorted([*first.labels, *second.labels]) == list(range(10))
    assert len(first.labels) == 7
    np.testing.assert_array_equal(first.images.ravel(), first.labels)
    again, _ = split(data, 0.7, seed=0)
    np.testing.assert_array_equal(again.labels, first.labels)
    with pytest.raises(ValueError, match=r"split\(share=1.0\)"):
        split(data, 1.0, seed=0)


def test_stacks_read_as_numbers_and_are_independent(key):
    labels = np.arange(10)
    data = Labelled(
        np.broadcast_to(labels[:, None, None, None] / 10, (10, 2, 2, 1)), labels
    )
    images, numbers = stacked_images(data, key, 20_000)
    digits = np.round(10 * images[:, 0, 0, :]).astype(int)
    np.testing.assert_array_equal(digits @ np.array([100, 10, 1]), numbers)
    counts = np.bincount(np.asarray(numbers), minlength=1000)
    assert chisquare(counts).pvalue > 1e-4
    drawn = stacked_minibatch(7, channels=2)(data, key)
    assert drawn.shape == (7, 2, 2, 2)


def test_coloured_images_are_not_stacked(key):
    data = Labelled(np.zeros((3, 2, 2, 3)), np.zeros(3, int))
    with pytest.raises(ValueError, match="images of 3 channels"):
        jax.eval_shape(stacked_minibatch(4), data, key)
