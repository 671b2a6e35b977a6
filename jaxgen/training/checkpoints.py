"""Checkpoints of a run; the only file that knows orbax."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import jax
import orbax.checkpoint as ocp

from jaxgen.training.learner import State


class Restored(NamedTuple):
    """A state read back.

    Attributes:
      state: laid out as was asked.
      position: of the run's batches, as it was given to ``save``.
    """

    state: State
    position: int


class Checkpoints:
    """The checkpoints of one run, in a folder of their own.

    A checkpoint is written beside the others and renamed when whole: killed in the
    middle, the run has those before it. The oldest are removed.

    Args:
      folder: made if absent.
      keep: how many of the newest are kept.
    """

    def __init__(self, folder: Path, keep: int = 3):
        self.folder = folder.absolute()
        self.options = ocp.CheckpointManagerOptions(max_to_keep=keep)
        self.manager = self._open()

    def _open(self) -> ocp.CheckpointManager:
        return ocp.CheckpointManager(self.folder, options=self.options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.close()

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
            position=ocp.args.JsonSave(position),  # type: ignore[call-arg]
        )
        self._write(step, lambda: self.manager.save(step, args=items))

    def wait(self) -> None:
        """Returns when all that was saved is on disk.

        Raises:
          OSError: a save could not be written.
        """
        self._write(None, self.manager.wait_until_finished)

    def _write(self, step: int | None, action) -> None:
        try:
            action()
        except Exception as error:
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
          OSError: there are checkpoints, and none can be read.
        """
        broken: dict[int, Exception] = {}
        for step in reversed(self.steps()):
            try:
                found = self._read(step, shapes)
            except Exception as error:
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

    def _read(self, step: int, shapes: State) -> Restored:
        items = self.manager.restore(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardRestore(shapes),  # type: ignore[call-arg]
                position=ocp.args.JsonRestore(),
            ),
        )
        jax.block_until_ready(items["state"])
        return Restored(items["state"], items["position"])

    def _move_aside(self, broken: dict[int, Any], good: int) -> None:
        for step, error in broken.items():
            aside = self.folder.parent / "unreadable" / str(step)
            aside.parent.mkdir(exist_ok=True)
            while aside.exists():
                aside = aside.with_name(aside.name + "+")
            (self.folder / str(step)).rename(aside)
            cause = str(error).splitlines()[0][:200]
            warnings.warn(
                f"checkpoint {step} cannot be read ({cause}): it is now {aside}, and "
                f"the run goes on from {good}",
                stacklevel=4,
            )
        if broken:
            self.manager.close()
            self.manager = self._open()
