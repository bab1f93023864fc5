"""The built-in kinds."""

from dataclasses import dataclass
from typing import Final

from metal3.apiserver.jsonvalue import Obj
from metal3.apiserver.schema import compile_schema

from . import _core, _other
from ._columns import COLUMNS, DEFAULT
from ._crds import crd_strategy
from ._definition import Resource, Version
from ._events import EventConversion
from ._metadata import with_type_meta
from ._strategies import EVENTS_V1, PLAIN, STRATEGIES


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    group: str
    kind: str
    plural: str
    schema: Obj
    short: tuple[str, ...] = ()
    namespaced: bool = True
    status: bool = False
    virtual: bool = False
    categories: tuple[str, ...] = ()


_CORE: Final = (
    _Kind(group="", kind="Namespace", plural="namespaces", schema=_core.NAMESPACE,
          short=("ns",), namespaced=False, status=True),
    _Kind(group="", kind="Secret", plural="secrets", schema=_core.SECRET),
    _Kind(group="", kind="ConfigMap", plural="configmaps", schema=_core.CONFIG_MAP, short=("cm",)),
    _Kind(group="", kind="Event", plural="events", schema=_core.EVENT, short=("ev",)),
    _Kind(group="", kind="ServiceAccount", plural="serviceaccounts",
          schema=_core.SERVICE_ACCOUNT, short=("sa",)),
    _Kind(group="", kind="Node", plural="nodes", schema=_core.NODE,
          short=("no",), namespaced=False, status=True),
    _Kind(group="", kind="Pod", plural="pods", schema=_core.POD,
          short=("po",), status=True, categories=("all",)),
    _Kind(group="", kind="Service", plural="services", schema=_core.SERVICE,
          short=("svc",), status=True, categories=("all",)),
    _Kind(group="", kind="Endpoints", plural="endpoints", schema=_core.ENDPOINTS, short=("ep",)),
)  # fmt: skip
_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_AUTHORIZATION: Final = "authorization.k8s.io"
_OTHER: Final = (
    _Kind(group="events.k8s.io", kind="Event", plural="events", schema=_core.EVENTS_V1,
          short=("ev",)),
    _Kind(group="coordination.k8s.io", kind="Lease", plural="leases", schema=_other.LEASE),
    _Kind(group="apiextensions.k8s.io", kind="CustomResourceDefinition",
          plural="customresourcedefinitions", schema=_other.CRD, short=("crd", "crds"),
          namespaced=False, status=True, categories=("api-extensions",)),
    _Kind(group=_ADMISSION, kind="ValidatingWebhookConfiguration",
          plural="validatingwebhookconfigurations", schema=_other.VALIDATING,
          namespaced=False, categories=("api-extensions",)),
    _Kind(group=_ADMISSION, kind="MutatingWebhookConfiguration",
          plural="mutatingwebhookconfigurations", schema=_other.MUTATING,
          namespaced=False, categories=("api-extensions",)),
    _Kind(group=_RBAC, kind="Role", plural="roles", schema=_other.ROLE),
    _Kind(group=_RBAC, kind="RoleBinding", plural="rolebindings", schema=_other.BINDING),
    _Kind(group=_RBAC, kind="ClusterRole", plural="clusterroles", schema=_other.ROLE,
          namespaced=False),
    _Kind(group=_RBAC, kind="ClusterRoleBinding", plural="clusterrolebindings",
          schema=_other.BINDING, namespaced=False),
    _Kind(group="apps", kind="Deployment", plural="deployments", schema=_other.DEPLOYMENT,
          short=("deploy",), status=True, categories=("all",)),
    _Kind(group="authentication.k8s.io", kind="TokenReview", plural="tokenreviews",
          schema=_other.REVIEW, namespaced=False, virtual=True),
    _Kind(group="authentication.k8s.io", kind="SelfSubjectReview", plural="selfsubjectreviews",
          schema=_other.REVIEW, namespaced=False, virtual=True),
    _Kind(group=_AUTHORIZATION, kind="SubjectAccessReview", plural="subjectaccessreviews",
          schema=_other.REVIEW, namespaced=False, virtual=True),
    _Kind(group=_AUTHORIZATION, kind="SelfSubjectAccessReview",
          plural="selfsubjectaccessreviews", schema=_other.REVIEW, namespaced=False, virtual=True),
    _Kind(group=_AUTHORIZATION, kind="LocalSubjectAccessReview",
          plural="localsubjectaccessreviews", schema=_other.REVIEW, virtual=True),
)  # fmt: skip


def _resource(kind: _Kind) -> Resource:
    strategy = STRATEGIES.get(kind.kind, PLAIN)
    if kind.kind == "CustomResourceDefinition":
        strategy = crd_strategy()
    elif kind.kind == "Deployment":
        strategy = type(strategy)()
    if kind.group == "events.k8s.io":
        strategy = EVENTS_V1
    version = Version(
        name="v1",
        schema=compile_schema(with_type_meta(kind.schema)),
        columns=COLUMNS.get(kind.kind, DEFAULT),
        status=kind.status,
    )
    return Resource(
        group=kind.group,
        plural=kind.plural,
        singular=kind.kind.lower(),
        kind=kind.kind,
        list_kind=f"{kind.kind}List",
        namespaced=kind.namespaced,
        versions=(version,),
        storage="v1",
        short_names=kind.short,
        categories=kind.categories,
        virtual=kind.virtual,
        strategy=strategy,
        conversion=EventConversion() if kind.kind == "Event" else None,
        stored_group="" if kind.group == "events.k8s.io" else None,
    )


def builtin_resources() -> list[Resource]:
    """Return the kinds that are always there, the core group first."""
    return [_resource(kind) for kind in (*_CORE, *_OTHER)]
