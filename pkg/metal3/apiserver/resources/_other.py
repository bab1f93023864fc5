"""Schemas of the built-in kinds outside the core group."""

from typing import Final

from . import _core
from . import _dsl as d

LEASE: Final = d.record(
    "Lease says who leads.",
    {
        "spec": d.record(
            "What is claimed.",
            {
                "holderIdentity": d.text("Who holds it."),
                "leaseDurationSeconds": d.number("How long a claim lasts."),
                "acquireTime": d.time("Since when."),
                "renewTime": d.time("When it was last renewed."),
                "leaseTransitions": d.number("How often the holder changed."),
                "strategy": d.text(),
                "preferredHolder": d.text(),
            },
        )
    },
)
_NAMES: Final = d.record(
    "What the kind is called.",
    {
        "plural": d.text("The last part of its path."),
        "singular": d.text(),
        "kind": d.text("The name in its objects."),
        "listKind": d.text(),
        "shortNames": d.many(d.text()),
        "categories": d.many(d.text(), "Groups such as all."),
    },
    "plural",
    "kind",
)
_CRD_VERSION: Final = d.record(
    "One version of the kind.",
    {
        "name": d.text(),
        "served": d.flag("Whether clients may use it."),
        "storage": d.flag("Whether objects are kept in it; exactly one is."),
        "deprecated": d.flag(),
        "deprecationWarning": d.text(),
        "schema": d.anything("The OpenAPI v3 schema."),
        "subresources": d.anything("Status and scale."),
        "additionalPrinterColumns": d.many(d.anything(), "Columns of tables."),
        "selectableFields": d.many(d.anything(), "Fields that field selectors may name."),
    },
    "name",
    "served",
    "storage",
)
CRD: Final = d.record(
    "CustomResourceDefinition adds a kind to this server.",
    {
        "spec": d.record(
            "What is wanted.",
            {
                "group": d.text("The API group."),
                "names": _NAMES,
                "scope": d.text("Namespaced or Cluster.", enum=["Namespaced", "Cluster"]),
                "versions": d.many(_CRD_VERSION),
                "conversion": d.anything("How one version becomes another."),
                "preserveUnknownFields": d.flag(),
            },
            "group",
            "names",
            "scope",
            "versions",
        ),
        "status": d.record(
            "What is observed.",
            {
                "conditions": d.conditions(),
                "acceptedNames": _NAMES,
                "storedVersions": d.many(d.text()),
                "observedGeneration": d.number(format="int64"),
            },
        ),
    },
    "spec",
)
_RULE: Final = d.record(
    "Which requests are sent.",
    {
        "apiGroups": d.many(d.text()),
        "apiVersions": d.many(d.text()),
        "resources": d.many(d.text()),
        "operations": d.many(d.text()),
        "scope": d.text(default="*"),
    },
)
_WEBHOOK: Final = d.record(
    "One webhook.",
    {
        "name": d.text(),
        "clientConfig": d.anything("Where it is: a url or a service, and the CA that signed it."),
        "rules": d.many(_RULE),
        "failurePolicy": d.text("What an unreachable webhook means.", default="Fail"),
        "matchPolicy": d.text(default="Equivalent"),
        "namespaceSelector": d.label_selector("Which namespaces.") | {"default": {}},
        "objectSelector": d.label_selector("Which objects.") | {"default": {}},
        "sideEffects": d.text(
            "Whether it does more than to answer.", enum=["None", "NoneOnDryRun"]
        ),
        "timeoutSeconds": d.number(
            "How long it may take, in seconds.", default=10, minimum=1, maximum=30
        ),
        "admissionReviewVersions": d.many(d.text()),
        "matchConditions": d.many(d.anything(), "CEL; not evaluated by this server."),
        "reinvocationPolicy": d.text("For mutating webhooks only."),
    },
    "name",
    "clientConfig",
    "sideEffects",
    "admissionReviewVersions",
)
VALIDATING: Final = d.record(
    "ValidatingWebhookConfiguration names webhooks that may refuse requests.",
    {"webhooks": d.many(_WEBHOOK, keys=("name",))},
)
MUTATING: Final = d.record(
    "MutatingWebhookConfiguration names webhooks that may change objects.",
    {"webhooks": d.many(_WEBHOOK, keys=("name",))},
)
_POLICY_RULE: Final = d.record(
    "What is allowed.",
    {
        "verbs": d.many(d.text()),
        "apiGroups": d.many(d.text()),
        "resources": d.many(d.text()),
        "resourceNames": d.many(d.text()),
        "nonResourceURLs": d.many(d.text()),
    },
)
ROLE: Final = d.record(
    "Role lists what its holders may do. Kept, not enforced, by this server.",
    {"rules": d.many(_POLICY_RULE), "aggregationRule": d.anything()},
)
BINDING: Final = d.record(
    "Binding gives a role to subjects. Kept, not enforced, by this server.",
    {
        "subjects": d.many(
            d.record("", {n: d.text() for n in ("kind", "apiGroup", "name", "namespace")})
        ),
        "roleRef": d.record("", {n: d.text() for n in ("kind", "apiGroup", "name")}),
    },
)
DEPLOYMENT: Final = d.record(
    "Deployment wants a number of pods. Kept by this server, nothing runs them.",
    {
        "spec": d.record(
            "What is wanted.",
            {
                "replicas": d.number("How many.", default=1),
                "selector": d.label_selector("Which pods are its own."),
                "template": d.record(
                    "How a pod looks like.",
                    {"metadata": d.anything(), "spec": _core.POD_SPEC},
                ),
            },
            open_=True,
        ),
        "status": d.record("What is observed.", {"conditions": d.conditions()}, open_=True),
    },
)
REVIEW: Final = d.record(
    "A question, answered in its status and not kept.",
    {"spec": d.anything("The question."), "status": d.anything("The answer.")},
)
