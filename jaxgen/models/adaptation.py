"""Adaptations: few numbers of their own that change the parameters of a model."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgen.arrays import Key, PyTree


class Adaptation(NamedTuple):
    """A pair of pure functions: where an adapter starts, and what it makes of a model.

    An adapter is zero where that changes nothing, and at its start it changes nothing;
    what is learned is the adapter alone, and the parameters stay as they are. To merge it
    for good is to apply it, so that both are the same to the last bit. Many adapters of
    one model are a ``vmap`` over the second argument.

    Attributes:
      init: ``(key, params) -> adapter``. Of the parameters only shapes matter.
      apply: ``(params, adapter) -> params``, as the model takes them.
    """

    init: Callable[[Key, PyTree], PyTree]
    apply: Callable[[PyTree, PyTree], PyTree]


def adaptation(
    name: str,
    init: Callable[[Key, PyTree], PyTree],
    apply: Callable[[PyTree, PyTree], PyTree],
) -> Adaptation:
    """The pair, which refuses an adapter of another model.

    Args:
      name: what messages call it.
      init: ``(key, params) -> adapter``.
      apply: ``(params, adapter) -> params``.
    """

    def checked(params: PyTree, adapter: PyTree) -> PyTree:
        expected = jax.eval_shape(init, jax.random.key(0), params)
        require_same_leaves(name, expected, adapter)
        return apply(params, adapter)

    return Adaptation(init, checked)


def paths_of(tree: PyTree) -> dict[str, Any]:
    """Every leaf by its path.

    Example:
      >>> paths_of({"Dense_0": {"kernel": 1.0, "bias": 2.0}})
      {'Dense_0/bias': 2.0, 'Dense_0/kernel': 1.0}
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {path_text(path): leaf for path, leaf in leaves}


def path_text(path: tuple[Any, ...]) -> str:
    """A path as patterns read it: names with strokes between them."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def selected(name: str, select: str, params: PyTree) -> dict[str, Any]:
    """The leaves whose paths a pattern matches, from their starts.

    Args:
      name: what the message calls the adaptation.
      select: a regular expression, as of rules of sharding: ``".*mlp.*kernel$"``.
      params: of the model.

    Raises:
      ValueError: it matches none.

    Example:
      >>> selected("mine", ".*bias", {"Dense_0": {"kernel": 1.0, "bias": 2.0}})
      {'Dense_0/bias': 2.0}
    """
    every = paths_of(params)
    found = {path: leaf for path, leaf in every.items() if re.match(select, path)}
    if not found:
        raise ValueError(
            f"{name}(select={select!r}): no parameter's path matches it from its start, "
            f"so that nothing would be learned; there are {', '.join(every)}"
        )
    return found


def nested(found: Mapping[str, Any]) -> PyTree:
    """An adapter with the branches of the model that it is of, from what is at paths.

    Example:
      >>> nested({"Dense_0/bias": 1.0})
      {'Dense_0': {'bias': 1.0}}
    """
    return unflatten_dict(dict(found), sep="/")


def changes_of(adapter: PyTree) -> dict[str, Any]:
    """What an adapter holds for each path: `nested` back.

    Example:
      >>> changes_of({"Dense_0": {"bias": 1.0}})
      {'Dense_0/bias': 1.0}
    """
    return flatten_dict(adapter, sep="/")


def replaced(params: PyTree, new: Mapping[str, Any]) -> PyTree:
    """The parameters with other leaves at some paths.

    Example:
      >>> replaced({"kernel": 1.0, "bias": 2.0}, {"bias": 3.0})
      {'bias': 3.0, 'kernel': 1.0}
    """

    def one(path, leaf):
        return new.get(path_text(path), leaf)

    return jax.tree_util.tree_map_with_path(one, params)


def require_same_leaves(name: str, expected: PyTree, adapter: PyTree) -> None:
    """Raises:
    ValueError: leaves of an adapter that are not those expected, with their shapes.
    """
    want, have = (
        {path: leaf.shape for path, leaf in paths_of(tree).items()}
        for tree in (expected, adapter)
    )
    wrong = [
        f"{path}: {have.get(path, 'absent')}, expected {want.get(path, 'none')}"
        for path in sorted(want.keys() | have.keys())
        if want.get(path) != have.get(path)
    ]
    if wrong:
        raise ValueError(
            f"{name}: an adapter of another model or size. {'; '.join(wrong)}"
        )


def learned_numbers(adapter: PyTree) -> int:
    """How many numbers an adapter has.

    Example:
      >>> import jax.numpy as jnp
      >>> learned_numbers({"kernel": jnp.zeros((4, 2))})
      8
    """
    return sum(leaf.size for leaf in jax.tree.leaves(adapter))
