"""Checkpoints: to the bit, onto any mesh, and past every kind of damage."""

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from jaxgen.sharding.mesh import mesh_of
from jaxgen.sharding.rules import FSDP, shardings
from jaxgen.training.checkpoints import Checkpoints
from jaxgen.training.learner import State

RULES = (
    ("key", lambda shape, mesh: P("data") if "data" in mesh.shape else P()),
    *FSDP,
)
SHAPES = {"kernel": ((64, 32), jnp.float32), "bias": ((32,), jnp.bfloat16)}


def state_at(step: int) -> State:
    """A state with a bit of everything, different at every step."""
    keys = jax.random.split(jax.random.key(step), 4)
    params = {
        name: jax.random.normal(keys[0], shape, dtype)
        for name, (shape, dtype) in SHAPES.items()
    }
    adam, *rest = optax.adam(0.1).init(params)
    adam = adam._replace(count=jnp.int32(step), mu=jax.tree.map(jnp.cos, params))
    extra = {
        "ema": jax.tree.map(jnp.sin, params),
        "died": jnp.array([-1, 3], jnp.int32),
        "hyper": {"rate": jnp.float32(0.1), "empty": {}},
        "own key": keys[1],
    }
    return State(jnp.int32(step), keys[2:], params, (adam, *rest), extra)


def laid(state: State, mesh: Mesh) -> State:
    return jax.device_put(state, shardings(state, mesh, RULES))


def wanted(mesh: Mesh) -> State:
    """Shapes as a program has them, for a mesh."""
    shapes = jax.eval_shape(lambda: state_at(0))
    return jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(
            leaf.shape, leaf.dtype, sharding=sharding
        ),
        shapes,
        shardings(shapes, mesh, RULES),
    )


def bits(leaf) -> tuple:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return "key", str(jax.random.key_impl(leaf)), *bits(jax.random.key_data(leaf))
    return leaf.shape, leaf.dtype, np.asarray(leaf).tobytes()


def require_same(one: State, other: State) -> None:
    assert jax.tree.structure(one) == jax.tree.structure(other)
    assert jax.tree.map(bits, one) == jax.tree.map(bits, other)


def lies_as(leaf, shape) -> bool:
    return leaf.sharding.is_equivalent_to(shape.sharding, leaf.ndim)


def write(folder: Path, steps, mesh: Mesh) -> None:
    with Checkpoints(folder) as checkpoints:
        for step in steps:
            checkpoints.save(laid(state_at(step), mesh), position=10 * step)
        checkpoints.wait()


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def damage_numbers(checkpoint: Path) -> None:
    """Cuts short all that holds numbers."""
    files = [path for path in checkpoint.rglob("*") if path.is_file()]
    large = [path for path in files if path.stat().st_size > 1000]
    assert large
    for file in large:
        cut(file)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run" / "checkpoints"


@pytest.fixture
def leftovers():
    yield
    gc.collect()


def damaging(test):
    """Of a read that fails, orbax leaves the other parts unawaited, which Python tells."""
    unawaited = "ignore::pytest.PytestUnraisableExceptionWarning"
    return pytest.mark.usefixtures("leftovers")(
        pytest.mark.filterwarnings(unawaited)(test)
    )


@pytest.fixture
def one() -> Mesh:
    return mesh_of({"data": 1}, jax.devices()[:1])


def test_nothing_is_restored_from_nothing(folder, one):
    with Checkpoints(folder) as checkpoints:
        assert checkpoints.restore(wanted(one)) is None
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


def test_the_newest_are_kept_and_the_last_is_restored(folder, one):
    with Checkpoints(folder, keep=3) as checkpoints:
        for step in (1, 2, 3, 5, 8):
            checkpoints.save(state_at(step), position=step)
        checkpoints.wait()
        assert checkpoints.steps() == [3, 5, 8]
        assert checkpoints.restore(wanted(one)).position == 8


def test_a_state_that_is_given_away_after_its_save_is_saved_whole(folder, one):
    overwrite = jax.jit(
        lambda state: jax.tree.map(jnp.zeros_like, state.params), donate_argnums=0
    )
    with Checkpoints(folder) as checkpoints:
        state = laid(state_at(3), one)
        checkpoints.save(state, position=3)
        jax.block_until_ready(overwrite(state._replace(key=None)))
        checkpoints.wait()
        require_same(checkpoints.restore(wanted(one)).state, state_at(3))


@damaging
def test_a_broken_checkpoint_is_moved_aside_and_the_one_before_is_used(folder, one):
    write(folder, [1, 2, 3], one)
    damage_numbers(folder / "3")
    with Checkpoints(folder) as checkpoints:
        with pytest.warns(UserWarning, match=r"checkpoint 3 cannot be read .* from 2"):
            state, position = checkpoints.restore(wanted(one))
        require_same(state, state_at(2))
        assert position == 20
        aside = folder.parent / "unreadable" / "3"
        assert (aside / "state").is_dir() and not (folder / "3").exists()
        assert checkpoints.steps() == [1, 2]
        checkpoints.save(state_at(3), position=30)
        checkpoints.wait()
        require_same(checkpoints.restore(wanted(one)).state, state_at(3))


@damaging
def test_a_step_that_breaks_twice_is_kept_twice(folder, one):
    for _ in range(2):
        write(folder, [1, 2], one)
        damage_numbers(folder / "2")
        with Checkpoints(folder) as checkpoints, pytest.warns(UserWarning, match="2"):
            assert checkpoints.restore(wanted(one)).position == 10
    aside = folder.parent / "unreadable"
    assert sorted(path.name for path in aside.iterdir()) == ["2", "2+"]


@damaging
@pytest.mark.filterwarnings("ignore:checkpoint 2 cannot be read")
@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_whatever_file_is_damaged_no_other_numbers_come_back(folder, one, damage):
    write(folder, [1, 2], one)
    files = [path for path in (folder / "2").rglob("*") if path.is_file()]
    positions = []
    for number, file in enumerate(files):
        copy = folder.parent / str(number) / "checkpoints"
        shutil.copytree(folder, copy)
        damage(copy / file.relative_to(folder))
        with Checkpoints(copy) as checkpoints:
            state, position = checkpoints.restore(wanted(one))
        assert position in (10, 20), file
        require_same(state, state_at(position // 10))
        positions.append(position)
    assert positions.count(10) > 3


@damaging
def test_where_all_are_broken_nothing_is_moved(folder, one):
    write(folder, [1, 2], one)
    for step in ("1", "2"):
        damage_numbers(folder / step)
    with (
        Checkpoints(folder) as checkpoints,
        pytest.raises(OSError, match=rf"{folder}: none of .*\[1, 2\] can be read"),
    ):
        checkpoints.restore(wanted(one))
    assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]
    assert not (folder.parent / "unreadable").exists()


def test_a_damage_without_words_is_told_by_its_name(folder, one, monkeypatch):
    write(folder, [1, 2], one)
    with Checkpoints(folder) as checkpoints:
        read = checkpoints._read

        def wordless(step, shapes):
            if step == 2:
                raise AssertionError
            return read(step, shapes)

        monkeypatch.setattr(checkpoints, "_read", wordless)
        with pytest.warns(UserWarning, match="AssertionError"):
            assert checkpoints.restore(wanted(one)).position == 10


@pytest.mark.parametrize(
    "change",
    [
        lambda leaf: jax.ShapeDtypeStruct((64, 64), leaf.dtype, sharding=leaf.sharding),
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, jnp.bfloat16),
    ],
)
def test_a_state_of_another_kind_is_refused_and_not_moved(folder, one, change):
    write(folder, [1, 2], one)
    shapes = wanted(one)
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
