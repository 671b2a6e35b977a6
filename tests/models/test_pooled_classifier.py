"""The classifier against loops in float64, and by what it cannot see."""

import jax
import numpy as np
import pytest

from jaxgen.models.pooled_classifier import PooledClassifier

NET = PooledClassifier(3, widths=(4, 6), strides=(1, 2), groups=2)


def looped(params, image):
    """Layers of one image, pixel by pixel."""
    x = np.asarray(image, np.float64)
    for layer, stride in enumerate(NET.strides):
        conv = jax.tree.map(np.float64, params[f"Convolution_{layer}"])
        norm = jax.tree.map(np.float64, params[f"GroupNorm_{layer}"])
        side, width = x.shape[0], conv["bias"].shape[0]
        framed = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        places = range(0, side, stride)
        y = np.zeros((len(places), len(places), width))
        for i, row in enumerate(places):
            for j, column in enumerate(places):
                patch = framed[row : row + 3, column : column + 3]
                y[i, j] = np.einsum("uvc,uvcd->d", patch, conv["kernel"]) + conv["bias"]
        y = np.maximum(y, 0)
        groups = np.split(y, NET.groups, axis=-1)
        even = [(g - g.mean()) / np.sqrt(g.var() + 1e-5) for g in groups]
        x = np.concatenate(even, -1) * norm["scale"] + norm["bias"]
    features = x.mean((0, 1))
    last = jax.tree.map(np.float64, params["Dense_0"])
    return features, features @ last["kernel"] + last["bias"]


@pytest.mark.parametrize("side", [5, 6])  # "SAME" is another for even ones
def test_it_is_its_loops(side):
    keys = jax.random.split(jax.random.key(side), 3)
    images = jax.random.normal(keys[0], (2, side, side, 2))
    params = NET.init(keys[1], images)["params"]
    leaves, tree = jax.tree.flatten(params)
    noise = jax.random.split(keys[2], len(leaves))
    moved = [
        x + 0.3 * jax.random.normal(k, x.shape)
        for x, k in zip(leaves, noise, strict=True)
    ]
    params = jax.tree.unflatten(tree, moved)
    seen = jax.jit(NET.apply)({"params": params}, images)
    for image, features, logits in zip(images, *seen, strict=True):
        expected = looped(params, image)
        np.testing.assert_allclose(features, expected[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(logits, expected[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("how", [{"strides": (1,)}, {"groups": 4}])
def test_layers_that_cannot_be_are_refused(how):
    net = PooledClassifier(
        3, **{"widths": (4, 6), "strides": (1, 2), "groups": 2} | how
    )
    with pytest.raises(ValueError, match="a stride for each width"):
        net.init(jax.random.key(0), jax.numpy.zeros((1, 4, 4, 1)))
