"""Schemas of the core kinds, as far as this server serves them."""

from typing import Final

from . import _dsl as d

NAMESPACE: Final = d.record(
    "Namespace is a scope for names.",
    {
        "spec": d.record(
            "What is wanted.",
            {"finalizers": d.many(d.text(), "Who must finish before the namespace goes.")},
        ),
        "status": d.record(
            "What is observed.",
            {"phase": d.text("Active or Terminating."), "conditions": d.conditions()},
        ),
    },
)
SECRET: Final = d.record(
    "Secret holds data that is not for everyone, such as passwords.",
    {
        # That it is base64 is checked elsewhere, without repeating the value.
        "data": d.table(d.text(), "The values, each in base64."),
        "stringData": d.table(
            d.text(), "Values as plain text; written into data, never read back."
        ),
        "type": d.text("What the secret is for; decides which keys are expected."),
        "immutable": d.flag("Whether data can no longer be changed."),
    },
)
CONFIG_MAP: Final = d.record(
    "ConfigMap holds configuration for others to use.",
    {
        "data": d.table(d.text(), "The values, as text."),
        "binaryData": d.table(d.text(format="byte"), "Values that are not text, each in base64."),
        "immutable": d.flag("Whether data can no longer be changed."),
    },
)
SERVICE_ACCOUNT: Final = d.record(
    "ServiceAccount is an identity for programs.",
    {
        "secrets": d.many(d.object_reference("A secret."), keys=("name",)),
        "imagePullSecrets": d.many(d.record("", {"name": d.text()}), "Used to pull images."),
        "automountServiceAccountToken": d.flag("Whether pods get its token."),
    },
)
_SERIES: Final = d.record(
    "How often the event came back.",
    {"count": d.number(), "lastObservedTime": d.time()},
)
_SOURCE: Final = d.record("Who saw it.", {"component": d.text(), "host": d.text()})
EVENT: Final = d.record(
    "Event reports something that happened to an object.",
    {
        "involvedObject": d.object_reference("The object it happened to."),
        "reason": d.text("One word saying why, for programs."),
        "message": d.text("A sentence for people."),
        "source": _SOURCE,
        "firstTimestamp": d.time("When it was first seen."),
        "lastTimestamp": d.time("When it was last seen."),
        "count": d.number("How often it was seen."),
        "type": d.text("Normal or Warning."),
        "eventTime": d.time("When it was first seen."),
        "series": _SERIES,
        "action": d.text("What was done."),
        "related": d.object_reference("Another object it is about."),
        "reportingComponent": d.text("The controller that reports it."),
        "reportingInstance": d.text("Which of its processes."),
    },
)
EVENTS_V1: Final = d.record(
    "Event reports something that happened to an object.",
    {
        "eventTime": d.time("When it was first seen."),
        "series": _SERIES,
        "reportingController": d.text("The controller that reports it."),
        "reportingInstance": d.text("Which of its processes."),
        "action": d.text("What was done."),
        "reason": d.text("One word saying why, for programs."),
        "regarding": d.object_reference("The object it happened to."),
        "related": d.object_reference("Another object it is about."),
        "note": d.text("A sentence for people."),
        "type": d.text("Normal or Warning."),
        "deprecatedSource": _SOURCE,
        "deprecatedFirstTimestamp": d.time(),
        "deprecatedLastTimestamp": d.time(),
        "deprecatedCount": d.number(),
    },
)
NODE: Final = d.record(
    "Node is a machine that runs pods.",
    {
        "spec": d.record(
            "What is wanted.",
            {
                "podCIDR": d.text(),
                "podCIDRs": d.many(d.text(), unique=True),
                "providerID": d.text("Names the machine at its provider."),
                "unschedulable": d.flag("Whether new pods are kept away."),
                "taints": d.many(d.record("", {}, open_=True)),
            },
            open_=True,
        ),
        "status": d.record(
            "What is observed.",
            {
                "conditions": d.conditions(),
                "addresses": d.many(
                    d.record("", {"type": d.text(), "address": d.text()}), keys=("type",)
                ),
            },
            open_=True,
        ),
    },
)
_PORT: Final = d.record(
    "A port.",
    {
        "name": d.text(),
        "containerPort": d.number(),
        "hostPort": d.number(),
        "hostIP": d.text(),
        "protocol": d.text(),
    },
)
_ENV: Final = d.record("A variable.", {"name": d.text(), "value": d.text()}, "name", open_=True)
_CONTAINER: Final = d.record(
    "A container.",
    {
        "name": d.text("Its name in the pod."),
        "image": d.text("What it runs."),
        "command": d.many(d.text()),
        "args": d.many(d.text()),
        "env": d.many(_ENV, keys=("name",)),
        "ports": d.many(_PORT, keys=("containerPort", "protocol")),
        "volumeMounts": d.many(
            d.record("", {"mountPath": d.text()}, open_=True), keys=("mountPath",)
        ),
    },
    "name",
    open_=True,
)
POD_SPEC: Final = d.record(
    "What a pod runs.",
    {
        "containers": d.many(_CONTAINER, "What runs in the pod.", keys=("name",)),
        "initContainers": d.many(_CONTAINER, "What runs before.", keys=("name",)),
        "volumes": d.many(d.record("", {"name": d.text()}, "name", open_=True), keys=("name",)),
        "nodeName": d.text("The node it is bound to."),
        "serviceAccountName": d.text(),
        "nodeSelector": d.table(d.text()),
    },
    open_=True,
)
POD: Final = d.record(
    "Pod is a group of containers that run together on a node.",
    {
        "spec": POD_SPEC,
        "status": d.record(
            "What is observed.",
            {"phase": d.text(), "conditions": d.conditions()},
            open_=True,
        ),
    },
)
_SERVICE_PORT: Final = d.record(
    "A port of the service.",
    {
        "name": d.text(),
        "port": d.number(),
        "protocol": d.text(default="TCP"),
        "targetPort": {"x-kubernetes-int-or-string": True},
        "nodePort": d.number(),
        "appProtocol": d.text(),
    },
    "port",
)
SERVICE: Final = d.record(
    "Service is a name under which pods are reached.",
    {
        "spec": d.record(
            "What is wanted.",
            {
                "selector": d.table(d.text(), "Which pods answer.")
                | {"x-kubernetes-map-type": "atomic"},
                "ports": d.many(_SERVICE_PORT, keys=("port", "protocol")),
                "type": d.text(
                    "ClusterIP, NodePort, LoadBalancer or ExternalName.", default="ClusterIP"
                ),
                "clusterIP": d.text(),
                "sessionAffinity": d.text(default="None"),
            },
            open_=True,
        ),
        "status": d.anything("What is observed."),
    },
)
ENDPOINTS: Final = d.record(
    "Endpoints lists the addresses behind a service.",
    {"subsets": d.many(d.anything("Addresses and the ports they have."))},
)
