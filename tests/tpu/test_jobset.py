"""The JobSet has the fields that Kubernetes knows, and says what the job says."""

import json

import pytest

from tpu.backends.all import BACKENDS
from tpu.exit_codes import RESTARTABLE
from tpu.job import Job
from tpu.jobset import job_set

ANY = object()
TEXTS = {"*": str}
SCHEMA = {
    "apiVersion": "jobset.x-k8s.io/v1alpha2",
    "kind": "JobSet",
    "metadata": {"name": str, "labels": TEXTS, "annotations": TEXTS},
    "spec": {
        "ttlSecondsAfterFinished": int,
        "failurePolicy": {
            "maxRestarts": int,
            "rules": [
                {"name": str, "action": "FailJobSet", "onJobFailureReasons": [str]}
            ],
        },
        "replicatedJobs": [
            {
                "name": str,
                "replicas": int,
                "template": {
                    "spec": {
                        "parallelism": int,
                        "completions": int,
                        "completionMode": "Indexed",
                        "backoffLimit": 0,
                        "podFailurePolicy": {
                            "rules": [
                                {
                                    "action": str,
                                    "onPodConditions?": [{"type": str, "status": str}],
                                    "onExitCodes?": {
                                        "containerName": str,
                                        "operator": "NotIn",
                                        "values": [int],
                                    },
                                }
                            ]
                        },
                        "template": {
                            "metadata": {"labels": TEXTS, "annotations": TEXTS},
                            "spec": {
                                "restartPolicy": "Never",
                                "terminationGracePeriodSeconds": int,
                                "nodeSelector": TEXTS,
                                "hostNetwork?": True,
                                "dnsPolicy?": "ClusterFirstWithHostNet",
                                "containers": [
                                    {
                                        "name": str,
                                        "image": str,
                                        "workingDir": str,
                                        "command": [str],
                                        "args": [str],
                                        "resources": {
                                            "requests": {"google.com/tpu": int},
                                            "limits": {"google.com/tpu": int},
                                        },
                                        "volumeMounts?": [
                                            {"name": str, "mountPath": str}
                                        ],
                                    }
                                ],
                                "volumes?": [
                                    {
                                        "name": str,
                                        "csi": {
                                            "driver": "gcsfuse.csi.storage.gke.io",
                                            "volumeAttributes": TEXTS,
                                        },
                                    }
                                ],
                            },
                        },
                    }
                },
            }
        ],
    },
}


def faults(value, schema, where="") -> list[str]:
    """Where a value is not of a schema: unknown, missing or of another kind."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            return [f"{where}: no object"]
        if "*" in schema:
            return [
                fault
                for name, one in value.items()
                for fault in faults(one, schema["*"], f"{where}.{name}")
            ]
        known = {name.rstrip("?"): kind for name, kind in schema.items()}
        needed = {name for name in schema if not name.endswith("?")}
        return [
            *(f"{where}.{name}: unknown" for name in value.keys() - known.keys()),
            *(f"{where}.{name}: missing" for name in needed - value.keys()),
            *(
                fault
                for name in value.keys() & known.keys()
                for fault in faults(value[name], known[name], f"{where}.{name}")
            ),
        ]
    if isinstance(schema, list):
        if not isinstance(value, list) or not value:
            return [f"{where}: no list"]
        return [
            fault
            for index, one in enumerate(value)
            for fault in faults(one, schema[0], f"{where}[{index}]")
        ]
    if isinstance(schema, type):
        return [] if type(value) is schema else [f"{where}: {value!r}"]
    return [] if value == schema else [f"{where}: {value!r}"]


def job(**options) -> Job:
    given = {
        "on": "2xv6e-16",
        "backend": "gke",
        "project": "my-project",
        "zone": "us-east5-b",
        "cluster": "c",
        "image": "registry/ring:1",
        "command": ("-m", "x", "a $(HOME) 'b'"),
    } | options
    return Job("ring", **given)


def slice_of(whole):
    return whole["spec"]["replicatedJobs"][0]


def pod_of(whole):
    return slice_of(whole)["template"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("on", ["v5litepod-8", "2xv6e-16", "tpu7x-64"])
@pytest.mark.parametrize("bucket", [None, "gs://my-bucket"])
def test_it_has_the_fields_that_kubernetes_knows(on, bucket):
    whole = job_set(job(on=on, bucket=bucket), 2_000_000_000)
    assert faults(json.loads(json.dumps(whole)), SCHEMA) == []


def test_the_schema_sees_what_is_wrong():
    whole = job_set(job(), 2_000_000_000)
    whole["spec"]["network"] = {}
    del pod_of(whole)["restartPolicy"]
    pod_of(whole)["containers"][0]["command"] = "python"
    assert len(faults(whole, SCHEMA)) == 3


def test_a_pod_a_machine_a_job_a_slice():
    whole = job_set(job(), 2_000_000_000)
    inner = slice_of(whole)["template"]["spec"]
    assert slice_of(whole)["replicas"] == 2
    assert inner["parallelism"] == inner["completions"] == 4
    selector = pod_of(whole)["nodeSelector"]
    assert selector["cloud.google.com/gke-tpu-accelerator"] == "tpu-v6e-slice"
    assert selector["cloud.google.com/gke-tpu-topology"] == "4x4"
    limits = pod_of(whole)["containers"][0]["resources"]["limits"]
    assert limits == {"google.com/tpu": 4}


def test_who_is_preempted_restarts_and_who_fails_does_not():
    inner = slice_of(job_set(job(), 0))["template"]["spec"]
    rules = inner["podFailurePolicy"]["rules"]
    (values,) = [
        set(rule["onExitCodes"]["values"]) for rule in rules if "onExitCodes" in rule
    ]
    assert values == RESTARTABLE and {42, 134, 137, 143} <= values
    assert not values & {0, 1, 2}
    assert len(values) < 256  # more are refused


def test_words_reach_the_container_as_they_are():
    container = pod_of(job_set(job(), 2_000_000_000))["containers"][0]
    assert container["command"][-2:] == ["/job", "2000000000"]
    assert container["args"][-1] == "a $$(HOME) 'b'"  # what Kubernetes unescapes
    assert "--together" in container["args"]


def test_the_plan_writes_it_and_applies_it():
    write, delete, apply = BACKENDS["gke"].run(job(), ("ring",), 2_000_000_000)
    assert json.loads(write.text)["metadata"]["name"] == "ring"
    assert delete.may_fail and apply.argv[-1] == str(write.path)
