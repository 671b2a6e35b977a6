"""The JobSet of a job: what Kubernetes is told, as data; JSON is YAML, too."""

from collections.abc import Mapping
from typing import Any

from tpu.backends.shell import program
from tpu.exit_codes import RESTARTABLE
from tpu.job import Job

CONTAINER = "program"
CODE = "/job/code"
GRACE_SECONDS = 120
KEPT_SECONDS = 12 * 3600
"""How long a finished JobSet can still be asked about."""


def job_set(job: Job, until: int) -> dict[str, Any]:
    """One job a slice, one pod a machine, restarted together.

    A pod that is evicted, preempted or saved itself restarts all slices, as often as
    the job may lose machines; any other exit code is a fault of the program and ends
    the JobSet.

    Args:
      job: what runs.
      until: the second since 1970 by which every pod ends, restarted or not.
    """
    labels = job.tags
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {
            "name": job.name,
            "labels": labels,
            "annotations": {
                "alpha.jobset.sigs.k8s.io/exclusive-topology": (
                    "cloud.google.com/gke-nodepool"
                )
            },
        },
        "spec": {
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "failurePolicy": {
                "maxRestarts": job.preemptions,
                "rules": [
                    {
                        "name": "faults",
                        "action": "FailJobSet",
                        "onJobFailureReasons": ["PodFailurePolicy"],
                    }
                ],
            },
            "replicatedJobs": [
                {
                    "name": "slice",
                    "replicas": job.wanted.slices,
                    "template": {"spec": _slice(job, labels, until)},
                }
            ],
        },
    }


def _slice(job: Job, labels: Mapping[str, str], until: int) -> dict[str, Any]:
    faults = {
        "action": "FailJob",
        "onExitCodes": {
            "containerName": CONTAINER,
            "operator": "NotIn",
            "values": sorted(RESTARTABLE),
        },
    }
    disruption = {
        "action": "Count",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }
    return {
        "parallelism": job.wanted.hosts,
        "completions": job.wanted.hosts,
        "completionMode": "Indexed",
        "backoffLimit": 0,
        "podFailurePolicy": {"rules": [disruption, faults]},
        "template": {
            "metadata": {"labels": labels, "annotations": _annotations(job)},
            "spec": _pod(job, until),
        },
    }


def _pod(job: Job, until: int) -> dict[str, Any]:
    wanted = job.wanted
    chips = {"google.com/tpu": wanted.chips_per_host}
    together = ("--together",) if wanted.hosts * wanted.slices > 1 else ()
    words = program("python", job, together)
    spot = {"cloud.google.com/gke-spot": "true"} if job.capacity == "spot" else {}
    network = (
        {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
        if wanted.slices > 1
        else {}
    )
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "nodeSelector": {
            "cloud.google.com/gke-tpu-accelerator": wanted.chip.label,
            "cloud.google.com/gke-tpu-topology": wanted.topology,
            **spot,
        },
        **network,
        "containers": [
            {
                "name": CONTAINER,
                "image": job.image,
                "workingDir": CODE,
                "command": ["bash", "tpu/host.sh", "within", "/job", str(until)],
                "args": [_unexpanded(word) for word in words],
                "resources": {"requests": chips, "limits": chips},
                **_mounts(job),
            }
        ],
        **_volumes(job),
    }


def _unexpanded(word: str) -> str:
    """The word, with what Kubernetes would replace by a variable kept as it is."""
    return word.replace("$(", "$$(")


def _annotations(job: Job) -> dict[str, str]:
    return {"gke-gcsfuse/volumes": "true"} if job.bucket else {}


def _mounts(job: Job) -> dict[str, Any]:
    if not job.bucket:
        return {}
    return {"volumeMounts": [{"name": "runs", "mountPath": f"{CODE}/runs"}]}


def _volumes(job: Job) -> dict[str, Any]:
    if not job.bucket:
        return {}
    source = {
        "driver": "gcsfuse.csi.storage.gke.io",
        "volumeAttributes": {
            "bucketName": job.bucket.removeprefix("gs://"),
            "mountOptions": ",".join(
                (
                    "implicit-dirs",
                    f"only-dir=runs/{job.name}",
                    "metadata-cache:ttl-secs:0",
                )
            ),
        },
    }
    return {"volumes": [{"name": "runs", "csi": source}]}
