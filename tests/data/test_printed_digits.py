"""The printed digits that the package carries."""

from importlib.resources import files

import numpy as np

from jaxgen.data.images import digits8
from jaxgen.data.printed_digits import printed_digits28


def test_all_digits_are_there_in_sixteen_shades():
    images, labels = printed_digits28()
    assert np.bincount(labels, minlength=10).min() > 200 and labels.dtype == np.int32
    shades = (np.asarray(images) + 1) * 7.5
    np.testing.assert_allclose(shades, np.round(shades), atol=1e-5)
    assert len(np.unique(np.round(shades))) == 16


def test_a_zero_is_hollow_and_a_one_is_narrow():
    images, labels = printed_digits28()
    ink = (np.asarray(images)[..., 0] + 1) / 2
    zeros, ones = (ink[labels == digit].mean(0) for digit in (0, 1))
    assert zeros[13:15, 13:15].mean() < 0.5 * zeros[13:15].max()
    assert (ones.sum(0) > 1).sum() < (zeros.sum(0) > 1).sum()


def test_written_digits_look_like_printed_ones_of_their_class():
    """The means of classes tell written digits far better than chance does."""
    printed, labels = printed_digits28()
    blocks = np.pad((np.asarray(printed)[..., 0] + 1) / 2, ((0, 0), (2, 2), (2, 2)))
    small = blocks.reshape(-1, 8, 4, 8, 4).mean((2, 4)).reshape(len(labels), -1)
    means = np.stack([small[labels == digit].mean(0) for digit in range(10)])
    means = means / np.linalg.norm(means, axis=1, keepdims=True)
    written = digits8()
    flat = (np.asarray(written.images).reshape(len(written.labels), -1) + 1) / 2
    told = (flat @ means.T).argmax(1)
    assert 0.4 < (told == written.labels).mean() < 0.95


def test_their_terms_are_told():
    notice = (files("jaxgen.data") / "digits" / "NOTICE").read_text()
    for licence in ("Open Font License", "Apache", "MIT", "public domain"):
        assert licence in notice
