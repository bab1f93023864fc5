"""The SubjectAccessReview kind."""

from typing import Annotated, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1


class ResourceAttributes(metav1.Model):
    """A request about objects; an empty string means "all" or "none", as RBAC reads it."""

    namespace: str = ""
    verb: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""


class NonResourceAttributes(metav1.Model):
    """A request for a plain path, such as ``/metrics``."""

    path: str = ""
    verb: str = ""


class SubjectAccessReviewSpec(metav1.Model):
    """Who wants to do what."""

    user: str = ""
    uid: str = ""
    groups: list[str] = Field(default_factory=list)
    extra: dict[str, list[str]] = Field(default_factory=dict)
    resource_attributes: Annotated[ResourceAttributes | None, Field(alias="resourceAttributes")] = (
        None
    )
    non_resource_attributes: Annotated[
        NonResourceAttributes | None, Field(alias="nonResourceAttributes")
    ] = None


class SubjectAccessReviewStatus(metav1.Model):
    """The verdict."""

    required_fields = frozenset({"allowed"})
    allowed: bool = False
    denied: bool = False
    reason: str = ""
    evaluation_error: Annotated[str, Field(alias="evaluationError")] = ""


class SubjectAccessReview(metav1.Object):
    """A question that is answered by creating it, and never stored."""

    gvk: ClassVar = metav1.GroupVersionKind("authorization.k8s.io", "v1", "SubjectAccessReview")
    plural: ClassVar[str] = "subjectaccessreviews"
    namespaced: ClassVar[bool] = False

    spec: SubjectAccessReviewSpec = Field(default_factory=SubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = Field(default_factory=SubjectAccessReviewStatus)
