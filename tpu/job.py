"""What is to run, where, and for how much at most: all that a planner is told."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaxgen.sharding.topology import SLICES
from tpu.actions import require_one_line
from tpu.chips import Machines, machines
from tpu.prices import hourly_price

LEAST_SECONDS = 10
"""Of patience with a process, and between its signs."""

LEAST = {"processes": 1, "port": 1, "preemptions": 0, "failures": 0}
"""Of what is counted."""

BackendName = Literal["queued", "group", "gke", "hosts", "local"]


@dataclass(frozen=True)
class Job:
    """A job, whole: two that are equal get the same commands.

    Attributes:
      name: of the job and of all that is made for it; lower case, digits, hyphens.
      command: what Python runs on every machine: ``-m``, a module, its arguments.
      on: the accelerator, such as ``v5litepod-8``; several slices as ``2xv6e-16``.
      backend: who has the machines: ``queued`` (TPU API, up to v6e), ``group``
        (Compute Engine, v5p and later), ``gke`` (Kubernetes), ``hosts`` (yours, by
        ssh), ``local`` (processes here).
      capacity: ``spot`` is cheaper and can be taken away at any moment.
      project: Google Cloud project.
      zone: such as ``us-west4-a``.
      reservation: name of the reservation, where the capacity is reserved.
      labels: ``key=value``, put on all that is made.
      max_hours: of machines that cost, over all attempts; then they are deleted.
      max_usd: of money, by the table of prices; the earlier of both limits counts.
      max_wait_hours: of waiting for machines, which costs nothing.
      prices: TOML file, dollars a chip-hour by kind of chip and capacity.
      bucket: ``gs://`` bucket that holds ``runs/`` and outlives the machines; several
        machines need one. Each job has its own ``runs/NAME`` there. Yours (``hosts``)
        need a folder ``runs`` that they share.
      patience: seconds without a line in any record of the job after which a process
        counts as hung; longer than the longest compilation.
      heartbeat: seconds without a sign of a process after which it counts as lost.
      preemptions: how often machines may be lost.
      failures: how often anything else may fail, but the program itself.
      hosts: ``user@address`` of your machines, the first is asked by the others.
      processes: how many, on this machine.
      port: where the first of your machines listens.
      cluster: of GKE, by its name or as ``location/name``.
      image: for GKE, built and pushed by ``sync``.
      extra: of our packages, which decides what chips JAX drives.
    """

    name: str
    command: tuple[str, ...]
    on: str = "v5litepod-8"
    backend: BackendName = "queued"
    capacity: Literal["spot", "on_demand", "reserved"] = "spot"
    project: str | None = None
    zone: str | None = None
    reservation: str | None = None
    labels: tuple[str, ...] = ()
    max_hours: float = 4.0
    max_usd: float | None = None
    max_wait_hours: float = 24.0
    prices: Path | None = None
    bucket: str | None = None
    patience: float = 1800.0
    heartbeat: int = 100
    preemptions: int = 100
    failures: int = 3
    hosts: tuple[str, ...] = ()
    processes: int = 1
    port: int = 8476
    cluster: str | None = None
    image: str | None = None
    extra: Literal["tpu", "cuda", "tensorboard"] = "tpu"

    def __post_init__(self):
        _require_form("name", self.name, r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
        for label in self.labels:
            _require_form("labels", label, r"[a-z][-_a-z0-9]{0,62}=[-_a-z0-9]{0,63}")
        for host in self.hosts:
            _require_form("hosts", host, r"(?!-)[\w.@:-]+")
        for name, form in FORMS.items():
            if getattr(self, name) is not None:
                _require_form(name, getattr(self, name), form)
        for word in self.command:
            require_one_line(word, "of command")
        for name in ("max_hours", "max_wait_hours", "max_usd"):
            limit = getattr(self, name)
            if limit is not None and not 0 < limit < float("inf"):
                raise ValueError(f"{name}={limit}: expected a positive limit")
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(
                    f"{name}={getattr(self, name)}: expected {least} or more"
                )
        for name in ("patience", "heartbeat"):
            seconds = getattr(self, name)
            if not LEAST_SECONDS <= seconds < float("inf"):
                raise ValueError(
                    f"{name}={seconds:g}: expected {LEAST_SECONDS} s or more"
                )

    @property
    def wanted(self) -> Machines:
        """The slices that are asked for, and their machines.

        Raises:
          ValueError: nobody sells one of that name; the nearest is told.
        """
        try:
            return machines(self.on)
        except ValueError as error:
            plain = re.sub(r"^v5(e|lite)-", "v5litepod-", self.accelerator)
            near = difflib.get_close_matches(plain, SLICES, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ValueError(f"on={self.on!r}: {hint}{error}") from None

    @property
    def accelerator(self) -> str:
        """The type of one slice."""
        return re.sub(r"^[1-9]\d*x", "", self.on)

    @property
    def tags(self) -> dict[str, str]:
        """Labels of all that is made, by which it is found again."""
        own = dict(label.split("=", 1) for label in self.labels)
        return {**own, "launcher": "jaxgen", "job": self.name}

    @property
    def label_text(self) -> str:
        """All labels as gcloud reads them."""
        return ",".join(f"{key}={value}" for key, value in self.tags.items())

    @property
    def region(self) -> str:
        """The region of the zone."""
        return str(self.zone).rpartition("-")[0]

    def seconds(self) -> int:
        """How long machines may cost, by the limits of time and of money.

        Raises:
          ValueError: there is a limit of money and no price.
        """
        hours = self.max_hours
        if self.max_usd is not None:
            price = hourly_price(self.prices, self.wanted, self.capacity)
            hours = min(hours, self.max_usd / price)
        if hours * 3600 < 60:
            raise ValueError(
                f"the limits leave {hours * 3600:.0f} s of {self.on}: expected a "
                "minute at least; raise max_hours or max_usd"
            )
        return int(hours * 3600)


def require_possible(job: Job) -> None:
    """Raises:
    ValueError: something is missing without which the job cannot be planned.
    """
    if not job.command:
        raise ValueError(
            "there is nothing to run: end the line with -- -m MODULE ARGUMENTS..."
        )
    job.seconds()
    for name in NEEDS[job.backend]:
        _require_set(job, name)
    if job.capacity == "reserved" and job.backend in ("group", "gke"):
        _require_set(job, "reservation")
    sold = job.backend in ("queued", "group", "gke")
    if sold and job.wanted.hosts * job.wanted.slices > 1:
        _require_set(job, "bucket")


FORMS = {
    "project": r"[a-z][-a-z0-9:.]{4,60}[a-z0-9]",
    "zone": r"[a-z]+-[a-z]+[0-9]+-[a-z]",
    "cluster": r"([a-z0-9-]+/)?[a-z][-a-z0-9]*",
    "bucket": r"gs://[a-z0-9][-_.a-z0-9]{1,220}[a-z0-9]",
    "reservation": r"[a-z][-a-z0-9/]*",
    "image": r"[a-z0-9][-_.a-z0-9/:]*",
}

NEEDS: dict[BackendName, tuple[str, ...]] = {
    "queued": ("project", "zone"),
    "group": ("project", "zone"),
    "gke": ("project", "zone", "cluster", "image"),
    "hosts": ("hosts",),
    "local": (),
}

HINTS = {
    "project": "my-project (`gcloud config get project` shows the usual one)",
    "zone": "us-west4-a (`gcloud compute tpus locations list` shows all)",
    "cluster": "my-cluster (`gcloud container clusters list` shows all)",
    "image": "REGISTRY/NAME:TAG, where docker may push it",
    "bucket": "gs://my-bucket, which several machines share their checkpoints by",
    "hosts": "me@first me@second, machines that ssh reaches without a question",
    "reservation": "my-reservation (`gcloud compute reservations list` shows all)",
}


def _require_set(job: Job, name: str) -> None:
    if not getattr(job, name):
        raise ValueError(
            f"{name} is missing, and {job.on} of backend {job.backend!r} with "
            f"{job.capacity!r} capacity needs it: give --{name} {HINTS[name]}"
        )


def _require_form(name: str, value: str, form: str) -> None:
    if not re.fullmatch(form, value) or len(value) > 256:
        raise ValueError(f"{name}={value!r}: expected the form {form}")
