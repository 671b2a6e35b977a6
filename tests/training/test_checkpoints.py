"""Checkpoints: to the bit, onto any mesh, and whole when the disk is not."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen.sharding.mesh import mesh_of
from jaxgen.training.checkpoints import Checkpoints
from saved_states import alone, laid, require_same, state_at, wanted, write


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run" / "checkpoints"


def lies_as(leaf, shape) -> bool:
    return leaf.sharding.is_equivalent_to(shape.sharding, leaf.ndim)


def test_nothing_is_restored_from_nothing(folder):
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.restore(wanted(alone())) is None
        assert checkpoints.steps() == []


@pytest.mark.parametrize("sizes", [{"data": 2, "fsdp": 4}, {"fsdp": 8}, {"data": 1}])
def test_a_state_comes_back_to_the_bit_on_any_mesh(folder, sizes):
    write(folder, [7], mesh_of({"data": 2, "fsdp": 4}))
    devices = jax.devices()[: int(np.prod(list(sizes.values())))]
    shapes = wanted(mesh_of(sizes, devices))
    with Checkpoints(folder) as checkpoints:
        state, position = checkpoints.restore(shapes)
    assert position == 70
    require_same(state, state_at(7))
    assert jax.tree.all(jax.tree.map(lies_as, state, shapes))
    kernel = state.params["kernel"]
    parts = sizes.get("fsdp", 1)
    assert kernel.sharding.shard_shape(kernel.shape) == (64 // parts, 32)


def test_the_newest_are_kept_and_the_last_is_restored(folder):
    with Checkpoints(folder, keep=3) as checkpoints:
        for step in (1, 2, 3, 5, 8):
            checkpoints.save(state_at(step), position=step)
        checkpoints.wait()
        assert checkpoints.steps() == [3, 5, 8]
        assert checkpoints.restore(wanted(alone())).position == 8


def test_a_state_that_is_given_away_after_its_save_is_saved_whole(folder):
    overwrite = jax.jit(
        lambda state: jax.tree.map(jnp.zeros_like, state.params), donate_argnums=0
    )
    with Checkpoints(folder) as checkpoints:
        state = laid(state_at(3), alone())
        checkpoints.save(state, position=3)
        jax.block_until_ready(overwrite(state._replace(key=None)))
        checkpoints.wait()
        require_same(checkpoints.restore(wanted(alone())).state, state_at(3))


@pytest.mark.parametrize(
    "change",
    [
        lambda leaf: jax.ShapeDtypeStruct((64, 64), leaf.dtype, sharding=leaf.sharding),
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, jnp.bfloat16),
    ],
)
def test_a_state_of_another_kind_is_refused_and_not_moved(folder, change):
    write(folder, [1, 2], alone())
    shapes = wanted(alone())
    shapes.params["kernel"] = change(shapes.params["kernel"])
    with Checkpoints(folder) as checkpoints, pytest.raises(ValueError, match="kernel"):
        checkpoints.restore(shapes)
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]


FULL = """
import resource, sys
from pathlib import Path
import jax, jax.numpy as jnp
from jaxgen.training.checkpoints import Checkpoints
from jaxgen.training.learner import fresh

def state(step):
    weights = jax.random.normal(jax.random.key(step), (100, 100))
    return fresh(jax.random.key(0), weights, ())._replace(step=jnp.int32(step))

def largest_file(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

with Checkpoints(Path(sys.argv[1])) as checkpoints:
    checkpoints.save(state(4), 4)
    checkpoints.wait()
    largest_file(4096)
    for _ in range(2):
        try:
            checkpoints.save(state(8), 8)
            checkpoints.wait()
        except OSError as error:
            print(str(error).splitlines()[0])
    print(checkpoints.steps())
    found = checkpoints.restore(jax.eval_shape(lambda: state(0)))
    print(found.position, bool((found.state.params == state(4).params).all()))
    largest_file(resource.RLIM_INFINITY)
    checkpoints.save(state(8), 8)
    checkpoints.wait()
    print(checkpoints.steps())

try:
    with Checkpoints(Path(sys.argv[1])) as checkpoints:
        largest_file(4096)
        checkpoints.save(state(12), 12)
        raise KeyError("something else went wrong before the save was seen to fail")
except OSError as error:
    print(str(error).splitlines()[0])
"""


def test_a_full_disk_is_told_and_the_checkpoint_before_it_stays(folder):
    command = (sys.executable, "-c", FULL, str(folder))
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second, steps, found, after, last = done.stdout.splitlines()
    assert (steps, found, after) == ("[4]", "4 True", "[4, 8]")
    for message, good in ((first, 4), (second, 4), (last, 8)):
        assert message.startswith(f"{folder}: a checkpoint could not be written")
        assert f"the last good one is {good}. Make room" in message
