"""Several processes on this machine that run one program as several hosts would."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

HEARTBEAT = 10
"""Seconds without a sign of a process."""


class Cluster:
    """The processes of one attempt; they are ended when it is left.

    Args:
      command: what each runs: ``-m``, a module, its arguments.
      folder: of the run, where its records are.
      processes: how many.
      devices: of each.
      patience: seconds without a step after which one counts as hung.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        processes: int,
        devices: int,
        patience: float,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log").open("a") as file:  # which no disk of theirs fills
            self.writer = subprocess.Popen(
                "cat", stdin=subprocess.PIPE, stdout=file, start_new_session=True
            )
        coordinator = f"127.0.0.1:{free_port()}"
        self.children = [
            subprocess.Popen(
                (
                    *(sys.executable, "-m", "tpu.stalling"),
                    *(f"--coordinator={coordinator}", f"--processes={processes}"),
                    *(f"--process={index}", f"--heartbeat={HEARTBEAT}"),
                    *(f"--patience={patience}", f"--alive={folder}"),
                    *(f"--cache={folder.parent / 'compiled'}",),
                    *(f"--ledger={folder / 'ledger.jsonl'}", "--", *command),
                ),
                env=environment(folder, devices),
                stdin=subprocess.DEVNULL,
                stdout=self.writer.stdin,
                stderr=self.writer.stdin,
                start_new_session=True,
            )
            for index in range(processes)
        ]

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        assert self.writer.stdin
        self.writer.stdin.close()
        self.writer.wait()

    @property
    def pids(self) -> list[int]:
        """Of the processes, in order."""
        return [child.pid for child in self.children]

    def running(self) -> bool:
        """Whether all of them run."""
        return all(child.poll() is None for child in self.children)

    def codes(self, limit: float, grace: float = 30.0) -> tuple[int, ...]:
        """The exit codes as a shell tells them.

        Once one has ended, the others have ``grace`` seconds to do so; whoever is left
        then, or after ``limit`` seconds, is killed.
        """
        end = time.monotonic() + limit
        while any(child.poll() is None for child in self.children):
            if not self.running():
                end = min(end, time.monotonic() + grace)
                grace = limit
            if time.monotonic() > end:
                for child in self.children:
                    child.kill()
            time.sleep(0.05)
        found = [child.wait() for child in self.children]
        return tuple(code if code >= 0 else 128 - code for code in found)


def environment(folder: Path, devices: int) -> dict[str, str]:
    """That of a process with so many simulated devices of one thread."""
    told = os.environ.get("XLA_FLAGS", "")
    return os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JOB_FOLDER": str(folder),
        "XLA_FLAGS": f"{told} --xla_cpu_multi_thread_eigen=false".strip(),
        "PYTHONUNBUFFERED": "1",
    }


def free_port() -> int:
    """A port that nobody listens to now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
