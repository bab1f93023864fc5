"""How claims and addresses name a pool."""

from typing import Annotated

from pydantic import Field

from metal3.api.meta import v1 as metav1


class PoolReference(metav1.Model):
    """A pool of some provider, in the namespace of the object that names it."""

    required_fields = frozenset({"name", "kind", "api_group"})
    name: str = ""
    kind: str = ""
    api_group: Annotated[str, Field(alias="apiGroup")] = ""
