"""What is measured: attention alone, a layer around it, a classifier of texts."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from experiments.attention_scaling.mechanisms import Mechanism, mechanism
from experiments.attention_scaling.mixers import mixer
from experiments.attention_scaling.settings import (
    MechanismName,
    MixerName,
    Net,
    ScopeName,
)
from experiments.executed import executed_products
from jaxgen.arrays import Array, Key
from jaxgen.attention.attend import attend, attention_cost
from jaxgen.keys import named
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.models.text_heads import TextClassifier
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.mixer import PLAIN
from jaxgen.nn.transformer_block import TransformerBlock

BYTES = 256
SHORT = 8  # parameters know nothing of the length


class Call(NamedTuple):
    """Which call it is.

    Attributes:
      scope: of what.
      gradient: with that of all parameters and vectors, or forward alone.
      mechanism: of its attention.
      length: tokens of a sequence.
    """

    scope: str
    gradient: bool
    mechanism: str
    length: int


class Program(NamedTuple):
    """One call, not yet compiled.

    Attributes:
      call: which one it is.
      function: what is compiled.
      arguments: draws what it is given.
      flops: multiplications and additions of its products of matrices, exactly.
    """

    call: Call
    function: Callable[..., Any]
    arguments: Callable[[Key], tuple[Any, ...]]
    flops: int


class Part(NamedTuple):
    """A function to be measured forward, or with its gradient.

    Attributes:
      output: what is computed.
      arguments: draws what it is given.
      by: which arguments the gradient is taken by.
      of_attention: how many times it attends.
      dense_flops: of all its other products of matrices, forward.
    """

    output: Callable[..., Any]
    arguments: Callable[[Key], tuple[Any, ...]]
    by: tuple[int, ...]
    of_attention: int
    dense_flops: int


def program(
    scope: ScopeName,
    gradient: bool,
    name: MechanismName,
    length: int,
    net: Net,
    platform: str = "cpu",
    dtype: str = "float32",
) -> Program:
    """A call of a scope, for a platform.

    Its work is that of attention and, in a layer of d features and n tokens, ``24 n d²``
    of projections and perceptron; three times as much with the gradient.

    Example:
      >>> one = program("layer", False, "dense", 64, Net(heads=2, features=8))
      >>> one.flops == 24 * 64 * 16**2 + 4 * 64**2 * 16
      True
    """
    how = mechanism(name, net, length, platform, dtype)
    part = PARTS[scope](net, how, length)
    forward, back = flops_of(part, how, net, length, dtype)
    return Program(
        Call(scope, gradient, name, length),
        with_gradient(part) if gradient else part.output,
        lambda key: in_dtype(part.arguments(key), dtype),
        forward + back if gradient else forward,
    )


def with_gradient(part: Part) -> Callable[..., Any]:
    """The gradient of half the sum of squares, whose slope is the output itself.

    The slope of a plain sum is all ones, and XLA would compute less.
    """
    return jax.grad(
        lambda *x: 0.5 * (part.output(*x).astype(jnp.float32) ** 2).sum(), part.by
    )


def operator(net: Net, how: Mechanism, length: int) -> Part:
    """Attention of given queries to given keys."""
    size = (net.batch, length, net.heads, net.features)

    def output(*vectors: Array) -> Array:
        return attend(
            *vectors, pattern=how.pattern, implementation=how.implementation
        ).output

    def arguments(key: Key) -> tuple[Any, ...]:
        names = ("query", "key", "value")
        return tuple(jax.random.normal(named(key, name), size) for name in names)

    return Part(output, arguments, (0, 1, 2), 1, 0)


def layer(net: Net, how: Mechanism, length: int) -> Part:
    """One block of an encoder."""
    module, width = block(net, how), net.heads * net.features

    def arguments(key: Key) -> tuple[Any, ...]:
        few = jnp.zeros((net.batch, SHORT, width))
        parameters = block(net, full()).init(named(key, "parameters"), few, PLAIN)
        size = (net.batch, length, width)
        return parameters, jax.random.normal(named(key, "vectors"), size)

    def output(parameters: Any, x: Array) -> Any:
        return module.apply(parameters, x, PLAIN)

    return Part(output, arguments, (0, 1), 1, 24 * net.batch * length * width**2)


def model(net: Net, how: Mechanism, length: int) -> Part:
    """A classifier of texts, given as bytes; what is computed is its loss."""
    width = net.heads * net.features
    module, short = (classifier(net, each) for each in (how, full()))

    def arguments(key: Key) -> tuple[Any, ...]:
        few = jnp.zeros((net.batch, SHORT), jnp.int32)
        size = (net.batch, length)
        return (
            short.init(named(key, "parameters"), few),
            jax.random.randint(named(key, "tokens"), size, 0, BYTES),
        )

    def output(parameters: Any, tokens: Array) -> Array:
        logits: Any = module.apply(parameters, tokens)
        labels = jnp.zeros(net.batch, jnp.int32)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    of_layers = net.layers * 24 * net.batch * length * width**2
    of_head = 2 * net.batch * (width * width + 2 * width)
    return Part(output, arguments, (0,), net.layers, of_layers + of_head)


def mixer_program(
    name: MixerName, length: int, net: Net, most: float = float("inf")
) -> Program:
    """A mixer with its projections, and the gradient by them and by the tokens.

    Its work is counted; not so where three times the forward pass is more than ``most``.
    """
    module: Any = mixer(name, net, length)
    width = net.heads * net.features

    def arguments(key: Key) -> tuple[Any, ...]:
        x = jax.random.normal(named(key, "vectors"), (net.batch, length, width))
        return module.init(named(key, "parameters"), x, PLAIN), x

    def output(parameters: Any, x: Array) -> Any:
        return module.apply(parameters, x, PLAIN)

    call = Call("mixer", True, name, length)
    if isinstance(module, SelfAttention):
        part = Part(output, arguments, (0, 1), 1, 8 * net.batch * length * width**2)
        how = Mechanism(module.pattern, module.implementation)
        return Program(
            call, with_gradient(part), arguments, sum(flops_of(part, how, net, length))
        )
    function = with_gradient(Part(output, arguments, (0, 1), 0, 0))
    flops = 3 * module.cost(net.batch, length, width).flops
    if flops <= most:
        shapes = jax.eval_shape(arguments, jax.random.key(0))
        flops = executed_products(function, *shapes)["flops"]
    return Program(call, function, arguments, flops)


def flops_of(
    part: Part, how: Mechanism, net: Net, length: int, dtype: str = "float32"
) -> tuple[int, int]:
    """Multiplications and additions of a part: forward, and of its gradient beyond that."""
    size = (net.batch, length, net.heads, net.features)
    x = jax.ShapeDtypeStruct(size, jnp.dtype(dtype))
    cost = attention_cost(
        x, x, x, pattern=how.pattern, implementation=how.implementation
    )
    return (
        part.of_attention * cost.forward.flops + part.dense_flops,
        part.of_attention * cost.backward.flops + 2 * part.dense_flops,
    )


PARTS: dict[ScopeName, Callable[[Net, Mechanism, int], Part]] = {
    "operator": operator,
    "layer": layer,
    "model": model,
}


def full() -> Mechanism:
    """The mechanism whose shapes are those of all."""
    return mechanism("dense", Net(), SHORT, "cpu", "float32")


def block(net: Net, how: Mechanism) -> TransformerBlock:
    """A pre-norm block around a mechanism."""
    mixer = SelfAttention(
        net.heads, pattern=how.pattern, implementation=how.implementation
    )
    return TransformerBlock(mixer)


def classifier(net: Net, how: Mechanism) -> TextClassifier:
    """Of bytes into two classes."""
    width = net.heads * net.features
    encoder = TextEncoder(BYTES, width, (block(net, how),) * net.layers, scan=True)
    return TextClassifier(encoder, classes=2, hidden=width)


def in_dtype(tree: Any, dtype: str) -> Any:
    """The numbers of a tree in another precision; whole numbers stay."""
    return jax.tree.map(
        lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.inexact) else x, tree
    )
