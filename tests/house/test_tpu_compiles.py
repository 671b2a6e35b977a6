"""Both kinds of program compile for a TPU host, ahead of time and without one.

What is proven: the operations exist there, examples and parameters are spread over the
chips, the memory of the old state is used again, and all of it fits. Not proven: any
number that a chip would compute, and its speed.
"""

import importlib.util
import math
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from installed import with_libtpu
from jaxgen.attention.dense import Dense
from jaxgen.attention.expressions import causal
from jaxgen.attention.positions import rotary
from jaxgen.data.batches import minibatch
from jaxgen.models.critic_transforms import Augmented
from jaxgen.models.image_critic import DCGANCritic
from jaxgen.models.image_generator import DCGANGenerator
from jaxgen.models.language_model import LanguageModel
from jaxgen.models.text_encoder import TextEncoder
from jaxgen.models.text_heads import MaskedLanguageModel
from jaxgen.nn.attention import SelfAttention
from jaxgen.nn.augment import diff_augment
from jaxgen.nn.gated_feed_forward import GatedFeedForward
from jaxgen.nn.mixer import Context
from jaxgen.nn.transformer_block import TransformerBlock
from jaxgen.objectives.adversarial import HINGE
from jaxgen.objectives.penalties import unpenalized
from jaxgen.sharding.mesh import batch_spec, mesh_of
from jaxgen.sharding.rules import study
from jaxgen.sharding.tensor_parallel import TENSOR
from jaxgen.sharding.topology import GENERATIONS, SLICES, Slice, topology
from jaxgen.training.adamw import adamw
from jaxgen.training.compile import Program, compile
from jaxgen.training.dispatch import feed, repeat
from jaxgen.training.language_modelling import language_modelling
from jaxgen.training.learner import Learner
from jaxgen.training.rate_shapes import cosine
from jaxgen.training.replicate import grid, replicate
from jaxgen.training.transforms import ema, guard
from learners import guessing, regression, ring_gan
from tpu.chips import CHIPS, devices, machines

V5E_BYTES = (15.75 - 0.26) * 2**30
"""What the compiler lets a program use, less what the system keeps."""


def points(count: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((count, 2), np.float32)


def ring_study() -> Program:
    def make(rate) -> Learner:
        return feed(guard(ema(ring_gan(rate), 0.999)), minibatch(512))

    rows = replicate(make, grid(seed=range(8), rate=0.01))
    mesh = mesh_of({"replica": 4, "data": 2}, topology("v5litepod-8"))
    return compile(repeat(rows, 10), points(4096), mesh, study())


def images_of_64_pixels() -> Program:
    """The paper's DCGAN, augmented, its batch and kernels over the chips of a host."""
    learner = ring_gan(
        2e-4,
        HINGE,
        unpenalized,
        DCGANGenerator(size=64, channels=3),
        Augmented(DCGANCritic((128, 256, 512, 1024)), diff_augment),
    )
    mesh = mesh_of({"data": 2, "fsdp": 4}, topology("v5litepod-8"))
    data = jax.ShapeDtypeStruct((2048, 64, 64, 3), np.float32)
    return compile(
        repeat(feed(guard(ema(learner, 0.999)), minibatch(128)), 10), data, mesh
    )


def sharded_regression() -> Program:
    mesh = mesh_of({"data": 2, "fsdp": 4}, topology("v5litepod-8"))
    layout = batch_spec(mesh.axis_names)
    return compile(regression(width=512), points(1024), mesh, layout=layout)


def scanned_encoder() -> Program:
    """Masked language, layers scanned and made again, batch and parameters spread."""
    mixer = SelfAttention(4, rotation=rotary, implementation=Dense())
    layers = (TransformerBlock(mixer),) * 6
    encoder = TextEncoder(258, 256, layers, positions=None, remat=True, scan=True)
    mesh = mesh_of({"data": 2, "fsdp": 4}, topology("v5litepod-8"))
    tokens = jax.ShapeDtypeStruct((64, 128), np.int32)
    layout = batch_spec(mesh.axis_names)
    return compile(guessing(MaskedLanguageModel(encoder)), tokens, mesh, layout=layout)


def split_language_model() -> Program:
    """Over data, parameters and tensors at once, in half precision, documents packed."""
    mixer = SelfAttention(8, 4, causal(), rotation=rotary, implementation=Dense())
    block = TransformerBlock(mixer, GatedFeedForward(), nn.RMSNorm)
    encoder = TextEncoder(
        1024, 256, (block,) * 4, None, norm=nn.RMSNorm, remat=True, scan=True
    )
    learner = language_modelling(
        LanguageModel(encoder), adamw(1e-3, cosine(100, 10)), 1e-4, 64, jnp.bfloat16
    )
    mesh = mesh_of({"data": 2, "fsdp": 2, "tensor": 2}, topology("v5litepod-8"))
    tokens = jax.ShapeDtypeStruct((64, 256), np.int32)
    rows, layout = (tokens, Context(segments=tokens)), batch_spec(mesh.axis_names)
    return compile(learner, rows, mesh, TENSOR, layout)


def groups_along(shape: tuple[int, ...], *axes: int) -> set[frozenset[int]]:
    """Which devices of a mesh differ in these coordinates alone."""
    ids = np.moveaxis(
        np.arange(math.prod(shape)).reshape(shape), axes, range(len(axes))
    )
    size = math.prod(shape[axis] for axis in axes)
    return {frozenset(group) for group in ids.reshape(size, -1).T.tolist()}


def groups_of(program: Program, kind: str) -> list[set[frozenset[int]]]:
    """For each collective of one kind in the update, who takes part with whom."""
    pattern = rf" {kind}(?:-start)?\(.*?replica_groups=(mesh\S+ \S+|\S+)"
    return [groups(text) for text in re.findall(pattern, program.update.as_text())]


def groups(text: str) -> set[frozenset[int]]:
    """Replica groups in each of XLA's spellings."""
    if text.startswith("mesh"):
        axes, along = text.split("] ")
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", axes))
        shape = tuple(map(int, sizes.values()))
        names = re.findall(r"'(\w+)'", along)
        return groups_along(shape, *(list(sizes).index(name) for name in names))
    if text.startswith("["):
        rows, source, *order = map(integers, re.split("<=|T", text))
        ids = np.arange(math.prod(source)).reshape(source)
        ids = ids.transpose(*order).reshape(rows)
        return {frozenset(group) for group in ids.tolist()}
    return {frozenset(integers(group)) for group in re.findall(r"{([\d,]+)}", text)}


def integers(text: str) -> list[int]:
    return [int(word) for word in re.findall(r"\d+", text)]


def bytes_of(shapes) -> int:
    leaves = jax.tree.leaves(shapes)
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)


def bytes_per_chip(shapes) -> int:
    leaves = jax.tree.leaves(shapes)
    shards = [leaf.sharding.shard_shape(leaf.shape) for leaf in leaves]
    return sum(
        math.prod(shard) * leaf.dtype.itemsize
        for shard, leaf in zip(shards, leaves, strict=True)
    )


def require_fit(program: Program) -> None:
    """The old state's memory is used again, and a chip holds it all."""
    memory = program.update.memory_analysis()
    carried = program.shapes.params, program.shapes.opt
    assert memory.alias_size_in_bytes >= bytes_per_chip(carried) > 0
    assert 0 < memory.peak_memory_in_bytes < V5E_BYTES


NEIGHBOURS = {frozenset((0, 1)), frozenset((2, 3))}
STRANGERS = {frozenset((0, 2)), frozenset((1, 3))}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("mesh['axis_0'=2,'axis_1'=2] {'axis_0'},", STRANGERS),
        ("mesh['replica'=2,'data'=2] {'data'},", NEIGHBOURS),
        ("{{0,1},{2,3}},", NEIGHBOURS),
        ("[2,2]<=[4],", NEIGHBOURS),
        ("[2,2]<=[2,2]T(1,0),", STRANGERS),
    ],
)
def test_every_spelling_of_groups_is_read(text, expected):
    assert groups(text) == expected


@with_libtpu
def test_a_study_spreads_its_rows_and_its_batches_over_a_host():
    program = ring_study()
    gradients = groups_along((4, 2), 1)
    assert gradients in groups_of(program, "all-reduce")
    kernel = program.shapes.params["critic"]["Hidden_0"]["Dense_0"]["kernel"]
    assert kernel.sharding.shard_shape(kernel.shape) == (2, 2, 8)
    require_fit(program)


@with_libtpu
def test_parameters_and_moments_are_sharded_over_a_host():
    program = sharded_regression()
    kernel = program.shapes.params["Hidden_0"]["Dense_1"]["kernel"]
    assert kernel.sharding.shard_shape(kernel.shape) == (128, 512)
    memory = program.update.memory_analysis()
    assert memory.argument_size_in_bytes < bytes_of(program.shapes.params)
    kinds = "all-gather", "reduce-scatter", "all-reduce"
    gathered, scattered, summed = (groups_of(program, kind) for kind in kinds)
    assert groups_along((2, 4), 1) in gathered
    summed += scattered
    assert groups_along((2, 4), 0) in summed or groups_along((2, 4), 0, 1) in summed
    require_fit(program)


@with_libtpu
@pytest.mark.usefixtures("any_speed")
def test_a_language_model_is_split_three_ways_over_a_host():
    """Matrices are gathered where they are needed, and vectors never."""
    program = split_language_model()
    layers = program.shapes.params["encoder"]["stack"]["layers"]
    kernels = (
        *(layers["mixer"][name]["kernel"] for name in ("query", "key")),
        *(layers["mlp"][name]["kernel"] for name in ("gate", "out")),
    )
    shards = [kernel.sharding.shard_shape(kernel.shape) for kernel in kernels]
    width = layers["mlp"]["gate"]["kernel"].shape[-1] // 2
    heads = [(4, 128, 4, 32), (4, 128, 2, 32)]
    assert shards == [*heads, (4, 128, width), (4, width, 128)]
    by_fsdp, by_tensor = (groups_along((2, 2, 2), axis) for axis in (1, 2))
    assert by_fsdp in groups_of(program, "all-gather")
    assert by_tensor in groups_of(program, "all-reduce")
    assert not groups_of(program, "all-to-all")
    # of the 16 rows of a chip: their logits are never there at once
    logits = 16 * 256 * 512 * 4
    assert program.update.memory_analysis().temp_size_in_bytes > 0
    require_fit(program)
    print(logits, program.update.memory_analysis())


def require_spread_images() -> None:
    program = images_of_64_pixels()
    kernel = program.shapes.params["critic"]["critic"]["Convolution_3"]["kernel"]
    assert kernel.shape == (4, 4, 512, 1024)
    assert kernel.sharding.shard_shape(kernel.shape) == (4, 4, 512, 256)
    gradients = groups_along((2, 4), 0), groups_along((2, 4), 0, 1)
    assert any(groups in gradients for groups in groups_of(program, "all-reduce"))
    assert " convolution(" in program.update.as_text()
    require_fit(program)


@with_libtpu
def test_an_encoder_whose_layers_are_scanned_is_spread_over_a_host():
    program = scanned_encoder()
    layers = program.shapes.params["encoder"]["stack"]["layers"]
    kernel = layers["mlp"]["Dense_0"]["kernel"]
    assert kernel.shape == (6, 256, 1024)
    assert kernel.sharding.shard_shape(kernel.shape) == (6, 256, 256)
    assert groups_along((2, 4), 1) in groups_of(program, "all-gather")
    require_fit(program)


@with_libtpu
@pytest.mark.usefixtures("any_speed")
def test_a_gan_of_64_pixels_is_spread_over_a_host():
    require_spread_images()


@with_libtpu
@pytest.mark.slow
def test_a_fast_gan_of_64_pixels_is_spread_over_a_host():
    require_spread_images()


CHIPS_AND_HOSTS = {
    "v4-8": (4, 1),
    "v4-16": (8, 2),
    "v5litepod-1": (1, 1),
    "v5litepod-4": (4, 1),
    "v5litepod-8": (8, 1),
    "v5litepod-16": (16, 4),
    "v5litepod-256": (256, 64),
    "v5p-8": (4, 1),
    "v5p-16": (8, 2),
    "v5p-1024": (512, 128),
    "v6e-4": (4, 1),
    "v6e-8": (8, 1),
    "v6e-16": (16, 4),
    "v6e-256": (256, 64),
    "tpu7x-8": (8, 1),
    "tpu7x-64": (64, 8),
    "2xv5litepod-16": (32, 8),
}
"""Devices, which on tpu7x are cores, and machines."""


@with_libtpu
def test_slices_have_the_chips_and_hosts_that_are_sold():
    described = {name: topology(name) for name in CHIPS_AND_HOSTS}
    assert {
        name: (len(found), len({device.process_index for device in found}))
        for name, found in described.items()
    } == CHIPS_AND_HOSTS
    asked = {name: machines(name) for name in CHIPS_AND_HOSTS}
    told = {name: (devices(name), x.slices * x.hosts) for name, x in asked.items()}
    assert told == CHIPS_AND_HOSTS


def test_every_slice_has_a_name_of_its_own_and_a_chip():
    shapes = sum(len(kind.shapes.split()) for kind in GENERATIONS.values())
    assert len(SLICES) == shapes
    assert CHIPS.keys() == GENERATIONS.keys()
    assert SLICES["v5p-2048"].shape == (8, 8, 16)
    assert SLICES["tpu7x-64"] == Slice("tpu7x", (2, 4, 4))


@pytest.mark.parametrize("name", ["v5e-64", "v5litepod-4096", "0xv6e-8", "xv6e-8", ""])
def test_slices_that_nobody_sells_are_refused(name):
    with pytest.raises(ValueError, match="is unknown: expected one of v"):
        topology(name)


@with_libtpu
def test_the_outermost_axis_goes_over_slices_and_the_others_stay_within():
    mesh = mesh_of({"data": 4, "fsdp": 8}, topology("2xv5litepod-16"))
    slices = np.vectorize(lambda device: device.slice_index)(mesh.devices)
    assert (slices == np.array([0, 0, 1, 1])[:, None]).all()
    with pytest.raises(ValueError, match=r"'data' of 1: .* over 2 slices"):
        mesh_of({"data": 1, "fsdp": 32}, topology("2xv5litepod-16"))


@with_libtpu
def test_an_axis_that_is_a_side_of_the_torus_is_a_ring_of_neighbours():
    mesh = mesh_of({"data": 16, "fsdp": 16}, topology("v6e-256"))
    places = np.array([device.coords[:2] for device in mesh.devices.flat])
    steps = np.abs(np.diff(places.reshape(16, 16, 2), axis=1)).sum(-1)
    assert set(np.unique(steps)) <= {1, 15}


def test_a_missing_compiler_is_told_with_its_cure(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"v6e-8.*pip install 'jaxgen\[prove\]'"):
        topology("v6e-8")
