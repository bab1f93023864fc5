"""The TokenReview kind."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from metal3.api.meta import v1 as metav1


class UserInfo(metav1.Model):
    """Who somebody is to the API server."""

    username: str = ""
    uid: str = ""
    groups: list[str] = Field(default_factory=list)
    extra: dict[str, list[str]] = Field(default_factory=dict)


class TokenReviewSpec(metav1.Model):
    """The token in question; never shown by repr."""

    token: Annotated[str, Field(repr=False)] = ""
    audiences: list[str] = Field(default_factory=list)


class TokenReviewStatus(metav1.Model):
    """The verdict."""

    authenticated: bool = False
    user: UserInfo = Field(default_factory=UserInfo)
    audiences: list[str] = Field(default_factory=list)
    error: str = ""


class TokenReview(metav1.Object):
    """A question that is answered by creating it, and never stored."""

    gvk: ClassVar = metav1.GroupVersionKind("authentication.k8s.io", "v1", "TokenReview")
    plural: ClassVar[str] = "tokenreviews"
    namespaced: ClassVar[bool] = False

    spec: TokenReviewSpec = Field(default_factory=TokenReviewSpec)
    status: TokenReviewStatus = Field(default_factory=TokenReviewStatus)

    def __repr_args__(self) -> Any:
        """Only the verdict."""
        yield "status", self.status
