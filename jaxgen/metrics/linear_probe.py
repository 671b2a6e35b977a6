"""What a linear classifier reads off codes: multinomial logistic regression by Newton."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import Array, Float, Int, Scalar
from jaxgen.metrics.decompositions import solution

Points = Array | np.ndarray

SHORTER = 12  # halvings of a step that are tried, all at once
DAMPING = 1e-5  # of the Hessian, which does not tell shifts of all biases


class LinearProbe(NamedTuple):
    """A linear classifier of codes that are scaled first.

    Attributes:
        mean: of the training codes.
        scale: standard deviation of them; one where it is zero.
        weights: of scaled codes, the last row those of a one.
    """

    mean: Float[Array, " z"]
    scale: Float[Array, " z"]
    weights: Float[Array, "z+1 c"]

    def __call__(self, codes: Float[Points, "n z"]) -> Float[Array, "n c"]:
        """Logits of each code."""
        scaled = (jnp.asarray(codes) - self.mean[None]) / self.scale[None]
        return jnp.matmul(with_one(scaled), self.weights, precision="highest")


def linear_probe(
    codes: Float[Points, "n z"],
    labels: Int[Points, " n"],
    classes: int,
    penalty: float = 1e-3,
    steps: int = 20,
) -> LinearProbe:
    """The logistic regression of labels on codes of mean zero and variance one.

    Minimises, over W and b, mean of −log softmax(Wx + b)_label + penalty ‖W‖² / 2, by so
    many steps of Newton's method, each shortened by halves to where the loss is least.

    Args:
        codes: of training examples.
        labels: from 0 to classes − 1.
        classes: how many; memory is that of (z classes)² numbers.
        penalty: of the squared weights, positive; 1 / (n C) in scikit-learn's terms.
        steps: of Newton's method.

    Raises:
        ValueError: for a penalty that is not positive, or fewer than two classes.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> codes = jnp.array([[-1.0], [-3.0], [2.0], [3.0]])
        >>> labels = jnp.array([0, 0, 1, 1])
        >>> fit = jax.jit(linear_probe, static_argnames="classes")
        >>> fit(codes, labels, classes=2)(codes).argmax(-1).tolist()
        [0, 0, 1, 1]
    """
    if not penalty > 0:
        raise ValueError(f"penalty={penalty}: expected a positive number.")
    if classes < 2:
        raise ValueError(f"classes={classes}: expected at least 2.")
    codes = jnp.asarray(codes)
    mean, scale = codes.mean(0), codes.std(0)
    scale = jnp.where(scale > 0, scale, 1.0)
    inputs = with_one((codes - mean[None]) / scale[None])
    decay = jnp.full(inputs.shape[1], penalty).at[-1].set(0.0)[:, None]
    targets = jax.nn.one_hot(jnp.asarray(labels), classes)
    return LinearProbe(mean, scale, logistic_weights(inputs, targets, decay, steps))


def linear_probe_accuracy(
    train: Float[Points, "n z"],
    train_labels: Int[Points, " n"],
    test: Float[Points, "m z"],
    test_labels: Int[Points, " m"],
    classes: int,
    penalty: float = 1e-3,
) -> Scalar:
    """Share of test codes that the `linear_probe` of training codes gives their label.

    Codes are scaled to variance one, so that those of a point and of a density, whose
    units differ, are penalised alike.

    Raises:
        ValueError: as `linear_probe`.

    References:
        Alain and Bengio, "Understanding intermediate layers using linear classifier
        probes", 2016.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> codes = jnp.array([[-1.0], [-3.0], [2.0], [3.0]])
        >>> labels = jnp.array([0, 0, 1, 1])
        >>> test = jnp.array([[-9.0], [-0.5], [9.0], [-8.0]])
        >>> accuracy = jax.jit(linear_probe_accuracy, static_argnames="classes")
        >>> float(accuracy(codes, labels, test, labels, classes=2))
        0.75
    """
    probe = linear_probe(train, train_labels, classes, penalty)
    return jnp.mean(probe(test).argmax(-1) == jnp.asarray(test_labels))


def logistic_weights(
    inputs: Float[Array, "n d"],
    targets: Float[Array, "n c"],
    decay: Float[Array, "d 1"],
    steps: int,
) -> Float[Array, "d c"]:
    """Weights W that minimise the mean loss of softmax(Wᵀx), plus decay W² / 2.

    Args:
        inputs: x.
        targets: rows that add up to one.
        decay: of the weights of each input.
        steps: of Newton's method, none of which makes the loss larger.
    """

    def loss(weights: Float[Array, "d c"]) -> Scalar:
        logits = jnp.matmul(inputs, weights, precision="highest")
        fit = jnp.mean(jax.nn.logsumexp(logits, axis=1) - (targets * logits).sum(1))
        return fit + (decay * weights**2).sum() / 2

    halves = jnp.append(0.5 ** jnp.arange(SHORTER + 1), 0.0)[:, None, None]

    def step(weights: Float[Array, "d c"], _: None) -> tuple[Array, None]:
        logits = jnp.matmul(inputs, weights, precision="highest")
        slope, p = jax.grad(loss)(weights), jax.nn.softmax(logits)
        tried = weights[None] - halves * newton_step(inputs, p, slope, decay)[None]
        return tried[jnp.argmin(jax.lax.map(loss, tried))], None

    start = jnp.zeros((inputs.shape[1], targets.shape[1]))
    return jax.lax.scan(step, start, length=steps)[0]


def newton_step(
    inputs: Float[Array, "n d"],
    probabilities: Float[Array, "n c"],
    slope: Float[Array, "d c"],
    decay: Float[Array, "d 1"],
) -> Float[Array, "d c"]:
    """H⁻¹ times the slope, H the Hessian of the penalised mean logistic loss.

    ``H[ck, dl] = mean p_k (δ_kl − p_l) x_c x_d + decay_c δ_cd δ_kl``, a little damped.
    """
    (n, d), c = inputs.shape, probabilities.shape[1]
    weighted = inputs[:, :, None] * probabilities[:, None]
    same = jnp.einsum("nck,nd->ckd", weighted, inputs, precision="highest") / n
    flat = weighted.reshape(n, d * c)
    hessian = -jnp.matmul(flat.T, flat, precision="highest").reshape(d, c, d, c) / n
    each = jnp.arange(c)
    hessian = hessian.at[:, each, :, each].add(jnp.moveaxis(same, 1, 0))
    hessian = hessian.reshape(d * c, d * c)
    diagonal = jnp.broadcast_to(decay + DAMPING, (d, c)).reshape(-1)
    return solution(hessian + jnp.diag(diagonal), slope.reshape(-1)).reshape(d, c)


def with_one(x: Float[Array, "n z"]) -> Float[Array, "n z+1"]:
    """A column of ones after the others."""
    return jnp.concatenate([x, jnp.ones_like(x[:, :1])], axis=1)
