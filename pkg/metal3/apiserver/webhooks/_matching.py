"""Which admission webhooks a request goes to."""

from collections.abc import Mapping
from dataclasses import dataclass

from metal3.apiserver.jsonvalue import Obj, list_at, map_at, maps_at, strings, text_at
from metal3.apiserver.resources import Resource, Version
from metal3.apiserver.selectors import label_selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """A request as admission sees it. ``old`` is None on create, ``obj`` on delete."""

    operation: str
    resource: Resource
    version: Version
    subresource: str
    namespace: str
    name: str
    obj: Obj | None
    old: Obj | None
    options: Obj
    dry_run: bool = False


def matching_version(webhook: Obj, attributes: Attributes) -> Version | None:
    """Return the version the webhook wants the object in, or None when no rule matches.

    With matchPolicy Equivalent a rule may name another version of the same resource.
    """
    rules = maps_at(webhook, "rules")
    if any(_rule_matches(rule, attributes, attributes.version) for rule in rules):
        return attributes.version
    if webhook.get("matchPolicy") == "Exact":
        return None
    for version in attributes.resource.versions:
        if version.served and any(_rule_matches(rule, attributes, version) for rule in rules):
            return version
    return None


def _has(rule: Obj, key: str, value: str) -> bool:
    values = strings(list_at(rule, key))
    return "*" in values or value in values


def _rule_matches(rule: Obj, attributes: Attributes, version: Version) -> bool:
    resource = attributes.resource
    scope = text_at(rule, "scope") or "*"
    in_scope = scope == "*" or (scope == "Namespaced") == resource.namespaced
    return (
        in_scope
        and _has(rule, "operations", attributes.operation)
        and _has(rule, "apiGroups", resource.group)
        and _has(rule, "apiVersions", version.name)
        and _resource_matches(rule, resource.plural, attributes.subresource)
    )


def _resource_matches(rule: Obj, plural: str, subresource: str) -> bool:
    full = f"{plural}/{subresource}" if subresource else plural
    wanted = {full, "*/*", f"{plural}/*"}
    wanted |= {f"*/{subresource}"} if subresource else {"*"}
    return not wanted.isdisjoint(strings(list_at(rule, "resources")))


def selected(webhook: Obj, attributes: Attributes, namespace_labels: Mapping[str, str]) -> bool:
    """Tell whether the selectors of the webhook let the request through to it."""
    if attributes.resource.namespaced or attributes.resource.kind == "Namespace":
        test = label_selector(webhook.get("namespaceSelector"))
        if not test(namespace_labels):
            return False
    test = label_selector(webhook.get("objectSelector"))
    candidates = [obj for obj in (attributes.obj, attributes.old) if obj is not None]
    return any(test(map_at(obj, "metadata", "labels")) for obj in candidates)
