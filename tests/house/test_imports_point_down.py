"""Imports point down, a foreign library is known to one file, and the pure stay pure."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LOWEST_FIRST = """
    arrays keys densities attention nn models objectives metrics stats data pretrained
    sharding training report experiments tpu
"""
FLOORS = {name: height for height, name in enumerate(LOWEST_FIRST.split())}

KNOWN_TO = {
    "orbax": "jaxgen/training/checkpoints.py",
    "matplotlib": "jaxgen/report/canvas.py",
    "tensorboardX": "jaxgen/training/record.py",
    "tensorflow_datasets": "jaxgen/data/tfds.py",
    "rich": "jaxgen/training/progress.py",
    "tokenizers": "jaxgen/data/subwords.py",
}

CLOCKS = ("datetime", "signal", "time")
CHANCE = ("random", "secrets", "uuid")
SURROUNDINGS = ("os.environ", "os.getenv", "sys.argv")

MAY_KNOW_A_CLOCK = (
    "jaxgen/training/loop.py",
    "jaxgen/training/preemption.py",
    "jaxgen/training/progress.py",
    "jaxgen/training/record.py",
)


def imports(tree: ast.AST) -> Iterator[str]:
    """Every name a source imports, in full: ``from os import environ``, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def attributes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def floor(name: str) -> int:
    """The floor of a module's full name; that of the package itself is the lowest."""
    first, _, rest = name.partition(".")
    room = rest.partition(".")[0] if first == "jaxgen" else first
    return FLOORS[room] if room else 0


def offences(path: str, source: str) -> list[str]:
    """What a file, named from the root, does against the laws of the house."""
    tree = ast.parse(source)
    here = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    ours = ("jaxgen", "experiments", "tpu")
    found = []
    for name in imports(tree):
        top = name.partition(".")[0]
        if not top:
            found.append(f"{name}: relative")
        elif top in ours and floor(name) > floor(here):
            found.append(f"{name}: points up")
        elif KNOWN_TO.get(top, path) != path:
            found.append(f"{name}: known to {KNOWN_TO[top]} only")
        elif here.startswith("jaxgen") and top in impure(path):
            found.append(f"{name}: clock, signal or chance")
    if here.startswith("jaxgen"):
        seen = (*imports(tree), *attributes(tree))
        found += [f"{name}: surroundings" for name in seen if name in SURROUNDINGS]
    return found


def impure(path: str) -> tuple[str, ...]:
    return CHANCE if path in MAY_KNOW_A_CLOCK else CHANCE + CLOCKS


def sources() -> list[str]:
    folders = ("jaxgen", "experiments", "tpu")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return sorted(str(file.relative_to(ROOT)) for file in files)


def test_every_source_keeps_the_laws():
    found = {path: offences(path, (ROOT / path).read_text()) for path in sources()}
    assert len(found) > 30
    assert {path: why for path, why in found.items() if why} == {}


@pytest.mark.parametrize(
    "path, source",
    [
        ("jaxgen/nn/perceptron.py", "from jaxgen.models.critic import Packed"),
        ("jaxgen/nn/perceptron.py", "import jaxgen.training.loop"),
        ("jaxgen/nn/perceptron.py", "from jaxgen import training"),
        ("jaxgen/__init__.py", "from jaxgen.training.loop import fit"),
        ("jaxgen/report/page.py", "def late():\n    import experiments.launch"),
        ("experiments/launch.py", "from tpu.launch import launched"),
        ("jaxgen/nn/perceptron.py", "from . import attention"),
        ("jaxgen/training/loop.py", "import orbax.checkpoint as ocp"),
        ("experiments/launch.py", "from matplotlib import pyplot"),
        ("jaxgen/training/gan.py", "from time import monotonic"),
        ("jaxgen/training/gan.py", "import signal"),
        ("jaxgen/training/record.py", "import random"),
        ("jaxgen/training/record.py", "import os\nhome = os.environ['HOME']"),
        ("jaxgen/training/record.py", "from os import environ"),
        ("jaxgen/data/batches.py", "import sys\nprint(sys.argv[1])"),
    ],
)
def test_each_offence_is_seen(path, source):
    assert len(offences(path, source)) == 1


@pytest.mark.parametrize(
    "path, source",
    [
        ("jaxgen/models/critic.py", "from jaxgen.nn.perceptron import Maxout"),
        ("jaxgen/training/gan.py", "from jaxgen.training.learner import State"),
        ("jaxgen/training/record.py", "import time, os\npath = os.devnull"),
        ("jaxgen/training/checkpoints.py", "import orbax.checkpoint as ocp"),
        ("experiments/launch.py", "import sys, time\nprint(sys.argv)"),
        ("tpu/launch.py", "from experiments.launch import launch"),
    ],
)
def test_what_is_allowed_is_no_offence(path, source):
    assert offences(path, source) == []


def test_a_package_without_a_floor_is_an_error():
    with pytest.raises(KeyError, match="helpers"):
        offences("jaxgen/helpers/misc.py", "import jaxgen.arrays")
