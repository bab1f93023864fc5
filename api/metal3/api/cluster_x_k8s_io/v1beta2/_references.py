"""How Cluster API's objects name others."""

from typing import Annotated

from pydantic import Field

from metal3.api.meta import v1 as metav1


class ContractReference(metav1.Model):
    """An object of a provider in the same namespace; its version follows from the contract."""

    required_fields = frozenset({"api_group", "kind", "name"})
    api_group: Annotated[str, Field(alias="apiGroup")] = ""
    kind: str = ""
    name: str = ""
