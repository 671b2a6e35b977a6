"""All ways to get machines, by name."""

from collections.abc import Mapping

from tpu.backends.backend import Backend
from tpu.backends.gke import GKE
from tpu.backends.group import GROUP
from tpu.backends.hosts import HOSTS, LOCAL
from tpu.backends.queued import QUEUED
from tpu.job import BackendName

BACKENDS: Mapping[BackendName, Backend] = {
    "queued": QUEUED,
    "group": GROUP,
    "gke": GKE,
    "hosts": HOSTS,
    "local": LOCAL,
}
