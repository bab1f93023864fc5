"""The schema of ObjectMeta, shared by all kinds."""

from typing import Final

from metal3.apiserver.jsonvalue import Obj
from metal3.apiserver.schema import compile_schema

from . import _dsl as d

_OWNER: Final = d.record(
    "An owner.",
    {
        "apiVersion": d.text(),
        "kind": d.text(),
        "name": d.text(),
        "uid": d.text(),
        "controller": d.flag("Whether it is the managing controller."),
        "blockOwnerDeletion": d.flag("Whether the owner waits for this object to go."),
    },
    "apiVersion",
    "kind",
    "name",
    "uid",
) | {"x-kubernetes-map-type": "atomic"}
_MANAGED: Final = d.record(
    "What one manager owns.",
    {
        "manager": d.text(),
        "operation": d.text("Apply or Update."),
        "apiVersion": d.text(),
        "time": d.time(),
        "fieldsType": d.text(),
        "fieldsV1": d.anything("A set of fields."),
        "subresource": d.text(),
    },
)
METADATA: Final[Obj] = d.record(
    "Standard metadata of an object.",
    {
        "name": d.text("Unique among objects of its kind in its namespace; cannot be changed."),
        "generateName": d.text("A prefix, to which the server adds what makes the name unique."),
        "namespace": d.text("The scope of the name."),
        "selfLink": d.text(),
        "uid": d.text("Unique over all time."),
        "resourceVersion": d.text("Changes with every write."),
        "generation": d.number("Counts changes of what is wanted.", format="int64"),
        "creationTimestamp": d.time("When the server created it."),
        "deletionTimestamp": d.time("When its deletion was asked for."),
        "deletionGracePeriodSeconds": d.number(format="int64"),
        "labels": d.table(d.text(), "What selectors see."),
        "annotations": d.table(d.text(), "Notes for tools."),
        "ownerReferences": d.many(_OWNER, "Goes when all of these are gone.", keys=("uid",)),
        "finalizers": d.many(d.text(), "Who must finish before the object goes.", unique=True),
        "managedFields": d.many(_MANAGED, "Who set which field."),
    },
)
METADATA_NODE: Final = compile_schema(METADATA)


def with_type_meta(schema: Obj) -> Obj:
    """Add apiVersion, kind and metadata to the schema of a kind."""
    properties: Obj = {
        "apiVersion": d.text("The version of this representation, with its group."),
        "kind": d.text("The kind of the object."),
        "metadata": METADATA,
    }
    given = schema.get("properties")
    merged = {**(given if isinstance(given, dict) else {}), **properties}
    return {**schema, "type": "object", "properties": merged}
