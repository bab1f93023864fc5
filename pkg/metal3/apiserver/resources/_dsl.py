"""A short notation for the schemas of built-in kinds."""

from metal3.apiserver.jsonvalue import Obj


def text(description: str = "", **more: object) -> Obj:
    """Describe a string."""
    return _typed("string", description, more)


def number(description: str = "", **more: object) -> Obj:
    """Describe an integer of 32 bits."""
    return _typed("integer", description, {"format": "int32", **more})


def flag(description: str = "") -> Obj:
    """Describe a boolean."""
    return _typed("boolean", description, {})


def time(description: str = "") -> Obj:
    """Describe a time; null is how clients send one that is not set."""
    return _typed("string", description, {"format": "date-time", "nullable": True})


def anything(description: str = "") -> Obj:
    """Describe an object this server does not look into."""
    return _typed("object", description, {"x-kubernetes-preserve-unknown-fields": True})


def table(values: Obj, description: str = "") -> Obj:
    """Describe a map from strings to values."""
    return _typed("object", description, {"additionalProperties": values})


def record(description: str, fields: Obj, *required: str, open_: bool = False) -> Obj:
    """Describe an object with named fields; an open one keeps fields that are not named."""
    more: Obj = {"properties": fields}
    if required:
        more["required"] = list(required)
    if open_:
        more["x-kubernetes-preserve-unknown-fields"] = True
    return _typed("object", description, more)


def many(
    items: Obj, description: str = "", *, keys: tuple[str, ...] = (), unique: bool = False
) -> Obj:
    """Describe a list: by keys (a map), of unique values (a set), or replaced as a whole."""
    more: Obj = {"items": items, "x-kubernetes-list-type": "atomic"}
    if keys:
        more["x-kubernetes-list-type"] = "map"
        more["x-kubernetes-list-map-keys"] = list(keys)
        more["x-kubernetes-patch-merge-key"] = keys[0]
        more["x-kubernetes-patch-strategy"] = "merge"
    elif unique:
        more["x-kubernetes-list-type"] = "set"
        more["x-kubernetes-patch-strategy"] = "merge"
    return _typed("array", description, more)


def conditions() -> Obj:
    """Describe a list of conditions, keyed by type."""
    fields: Obj = {
        "type": text("What the condition is about."),
        "status": text("True, False or Unknown."),
        "reason": text("One word saying why, for programs."),
        "message": text("A sentence saying why, for people."),
        "lastTransitionTime": time("When the status last changed."),
        "observedGeneration": number("The generation this was said of.", format="int64"),
    }
    return many(
        record("One observation.", fields, "type", "status", open_=True),
        "What has been observed.",
        keys=("type",),
    )


def object_reference(description: str) -> Obj:
    """Describe a reference to any object."""
    names = ("apiVersion", "kind", "namespace", "name", "uid", "resourceVersion", "fieldPath")
    return record(description, {name: text() for name in names}) | {
        "x-kubernetes-map-type": "atomic"
    }


def label_selector(description: str) -> Obj:
    """Describe a label selector."""
    expression = record(
        "One requirement.",
        {"key": text(), "operator": text(), "values": many(text())},
        "key",
        "operator",
    )
    fields = {"matchLabels": table(text()), "matchExpressions": many(expression)}
    return record(description, fields) | {"x-kubernetes-map-type": "atomic"}


def _typed(kind: str, description: str, more: Obj) -> Obj:
    schema: Obj = {"type": kind, **more}
    if description:
        schema["description"] = description
    return schema
