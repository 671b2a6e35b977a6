"""Checkpoints of a run; the only file that knows orbax."""

import logging
import threading
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp

from jaxgen.training.learner import State
from jaxgen.training.processes import is_first, meet, the_firsts
from jaxgen.training.seals import broken_seal, seal

_ORBAX = logging.getLogger("absl")


class Restored(NamedTuple):
    """A state read back.

    Attributes:
      state: laid out as was asked.
      position: of the run's batches, as it was given to ``save``.
    """

    state: State
    position: int


class OtherKind(ValueError):
    """A checkpoint is whole, and of other arrays than those asked for."""


class _Manager(ocp.CheckpointManager):
    def __init__(self, *arguments: Any, **options: Any):
        self.failed, self.failure = threading.Event(), Exception()
        super().__init__(*arguments, **options)

    def reached_preemption(self, step: int) -> bool:
        return False  # the loop decides, and asks with a count of its own

    def _wait_for_checkpointers(self) -> None:
        """In the background; who fails here says so to nobody before all have met."""
        try:
            super()._wait_for_checkpointers()
        except Exception as error:
            self.failure = error
            self.failed.set()
            raise


class Checkpoints:
    """The checkpoints of one run, in a folder of their own.

    A checkpoint is written beside the others, sealed and renamed when whole: killed in
    the middle, the run has those before it. The oldest are removed. Of several
    processes each writes its part, and all read the one that the first has chosen.

    Args:
      folder: made if absent.
      keep: how many of the newest are kept.
    """

    def __init__(self, folder: Path, keep: int = 3):
        self.folder = folder.absolute()
        self.options = ocp.CheckpointManagerOptions(
            max_to_keep=keep,
            async_options=ocp.options.AsyncOptions(
                post_finalization_callback=self._seal
            ),
        )
        self.manager = self._open()

    def _open(self) -> _Manager:
        handlers = {
            "state": ocp.StandardCheckpointHandler(),
            "position": ocp.JsonCheckpointHandler(),
        }
        return _Manager(self.folder, options=self.options, item_handlers=handlers)

    def _seal(self) -> None:
        if is_first():
            for draft in self.folder.glob(f"{self.saving}.*tmp*"):
                seal(draft)

    def __enter__(self) -> "Checkpoints":
        self.loudness = _ORBAX.level
        _ORBAX.setLevel(logging.CRITICAL)  # what it logs of a failure is raised, too
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        try:
            if failure is None or jax.process_count() == 1:
                self._write(None, self.manager.close)  # it waits for all processes
        except OSError:
            if failure is None or not issubclass(failure, OSError):
                raise
        finally:
            _ORBAX.setLevel(self.loudness)

    def steps(self) -> list[int]:
        """The steps that can be restored, oldest first."""
        return sorted(self.manager.all_steps())

    def save(self, state: State, position: int) -> None:
        """Saves a state in the background; an earlier save is finished first.

        Raises:
          OSError: this or the earlier save could not be written.
        """
        step = int(state.step)
        if step in self.manager.all_steps():
            return
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state),  # type: ignore[call-arg]
            position=ocp.args.JsonSave({"position": position}),  # type: ignore[call-arg]
        )
        self.wait()
        self.saving = step
        self._write(step, lambda: self.manager.save(step, args=items))

    def wait(self) -> None:
        """Returns when all that was saved is on disk.

        Raises:
          OSError: a save could not be written.
        """
        self._write(None, self._finish)

    def _finish(self) -> None:
        """Of several processes one that cannot write does not wait for the others."""
        while jax.process_count() > 1 and self.manager.is_saving_in_progress():
            if self.manager.failed.wait(0.01):
                raise self.manager.failure
        self.manager.wait_until_finished()

    def _write(self, step: int | None, action) -> None:
        try:
            action()
        except Exception as error:
            if _others_are_gone(error):
                raise
            good = self.steps()[-1:] or ["none"]
            raise OSError(
                f"{self.folder}: a checkpoint could not be written"
                f"{'' if step is None else f' by step {step}'}; the last good one is "
                f"{good[0]}. Make room (or make the folder writable) and give the same "
                f"command again. Cause: {error}"
            ) from error

    def restore(self, shapes: State) -> Restored | None:
        """The newest checkpoint that can be read, or None where there is none.

        Newer ones that cannot be read are moved to ``unreadable`` beside the folder,
        with a warning.

        Args:
          shapes: of the state, with the shardings it is wanted in: those of any mesh.

        Raises:
          ValueError: a checkpoint holds other arrays; the first difference is named.
          OSError: there are checkpoints, and none can be read.
        """
        broken: dict[int, Exception] = {}
        for step in reversed(self.steps()):
            why = self._damage(step)
            if why:
                broken[step] = ValueError(why)
                continue
            try:
                found = self._read(step, shapes)
            except OtherKind:
                raise
            except Exception as error:
                if jax.process_count() > 1:
                    raise  # the others may have read it
                broken[step] = error
                continue
            self._move_aside(broken, step)
            return found
        if broken:
            newest, error = next(iter(broken.items()))
            raise OSError(
                f"{self.folder}: none of the checkpoints {sorted(broken)} can be read "
                f"({newest}: {error}). Move the run's folder away to start anew"
            )
        return None

    def _damage(self, step: int) -> str | None:
        """What is wrong with the files of a checkpoint, in the first process's eyes."""
        why = broken_seal(self.folder / str(step)) if is_first() else None
        whole = the_firsts(why is None)
        return None if whole else why or "the first process found it damaged"

    def _read(self, step: int, shapes: State) -> Restored:
        self._require_kind(step, shapes)
        items = self.manager.restore(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardRestore(shapes),  # type: ignore[call-arg]
                position=ocp.args.JsonRestore(),
            ),
        )
        jax.block_until_ready(items["state"])
        if _kinds(items["state"]) != _kinds(shapes):
            raise ValueError("it has lost what tells its keys from numbers")
        return Restored(items["state"], items["position"]["position"])

    def _require_kind(self, step: int, shapes: State) -> None:
        there = _kinds(self.manager.item_metadata(step)["state"].tree)
        here = _kinds(jax.eval_shape(_numbers, shapes))
        for name in sorted(there.keys() | here.keys()):
            if there.get(name) != here.get(name):
                raise OtherKind(
                    f"{self.folder}: checkpoint {step} is of another model: {name} is "
                    f"{there.get(name, 'not')} there, {here.get(name, 'not')} here"
                )

    def _move_aside(self, broken: dict[int, Any], good: int) -> None:
        if is_first():
            for step, error in broken.items():
                self._move(step, error, good)
        if broken:
            meet("what cannot be read is moved aside")
            self.manager.close()
            self.manager = self._open()

    def _move(self, step: int, error: Exception, good: int) -> None:
        aside = self.folder.parent / "unreadable" / str(step)
        aside.parent.mkdir(exist_ok=True)
        while aside.exists():
            aside = aside.with_name(aside.name + "+")
        (self.folder / str(step)).rename(aside)
        cause = (str(error).splitlines() or [type(error).__name__])[0][:200]
        warnings.warn(
            f"checkpoint {step} cannot be read ({cause}): it is now {aside}, and "
            f"the run goes on from {good}",
            stacklevel=5,
        )


def _others_are_gone(error: Exception) -> bool:
    """Whether no file is at fault: JAX fails where processes wait for each other."""
    return jax.process_count() > 1 and isinstance(error, jax.errors.JaxRuntimeError)


def _kinds(tree: Any) -> dict[str, str]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): (
            f"{leaf.dtype}{list(leaf.shape)}"
        )
        for path, leaf in leaves
    }


def _numbers(state: State) -> State:
    """The state with keys as the numbers they are saved as."""

    def number(leaf):
        key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return jax.random.key_data(leaf) if key else leaf

    return jax.tree.map(number, state)
