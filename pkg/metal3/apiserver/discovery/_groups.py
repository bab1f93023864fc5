"""Discovery of groups and resources, in the old form and in the aggregated one."""

from typing import Final

from metal3.apiserver.jsonvalue import Obj
from metal3.apiserver.resources import Registry, Resource, Version

AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_SUBRESOURCE_VERBS: Final = ["get", "patch", "update"]


class Discovery:
    """Answers from the registry, whatever it holds at the moment."""

    def __init__(self, registry: Registry) -> None:
        """Describe ``registry``."""
        self._registry = registry

    def core_versions(self) -> Obj:
        """Answer ``/api``."""
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}

    def groups(self) -> Obj:
        """Answer ``/apis``."""
        found = [self._group(name) for name in self._registry.groups() if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}

    def group(self, name: str) -> Obj | None:
        """Answer ``/apis/<group>``."""
        if name not in self._registry.groups():
            return None
        return {"kind": "APIGroup", "apiVersion": "v1", **self._group(name)}

    def _group(self, name: str) -> Obj:
        versions = [
            {"groupVersion": f"{name}/{version}", "version": version}
            for version in self._registry.groups()[name]
        ]
        return {"name": name, "versions": versions, "preferredVersion": versions[0]}

    def resources(self, group: str, version: str) -> Obj | None:
        """Answer ``/api/v1`` and ``/apis/<group>/<version>``."""
        served = self._registry.served(group, version)
        if not served:
            return None
        found: list[Obj] = []
        for resource, which in served:
            found.append(_entry(resource))
            found += [_sub_entry(resource, name) for name in subresources(resource, which)]
        name = f"{group}/{version}" if group else version
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": name,
            "resources": found,
        }

    def aggregated(self, *, core: bool) -> Obj:
        """Answer ``/api`` or ``/apis`` in one piece."""
        names = [name for name in self._registry.groups() if (not name) is core]
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": [self._aggregated_group(name) for name in names],
        }

    def _aggregated_group(self, name: str) -> Obj:
        versions: list[Obj] = [
            {
                "version": version,
                "freshness": "Current",
                "resources": [
                    _aggregated_entry(resource, which)
                    for resource, which in self._registry.served(name, version)
                ],
            }
            for version in self._registry.groups()[name]
        ]
        return {"metadata": {"name": name, "creationTimestamp": None}, "versions": versions}


def subresources(resource: Resource, version: Version) -> list[str]:
    """Return the subresources of a version."""
    found = ["status"] if version.status else []
    if resource.id == "/namespaces":
        found.append("finalize")
    return found


def _names(resource: Resource) -> Obj:
    names: Obj = {}
    if resource.short_names:
        names["shortNames"] = list(resource.short_names)
    if resource.categories:
        names["categories"] = list(resource.categories)
    return names


def _entry(resource: Resource) -> Obj:
    return {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs()),
        **_names(resource),
    }


def _sub_entry(resource: Resource, name: str) -> Obj:
    return {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": ["update"] if name == "finalize" else _SUBRESOURCE_VERBS,
    }


def _aggregated_entry(resource: Resource, version: Version) -> Obj:
    kind: Obj = {"group": resource.group, "version": version.name, "kind": resource.kind}
    entry: Obj = {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs()),
        **_names(resource),
    }
    subs: list[Obj] = [
        {
            "subresource": name,
            "responseKind": kind,
            "verbs": ["update"] if name == "finalize" else _SUBRESOURCE_VERBS,
        }
        for name in subresources(resource, version)
    ]
    if subs:
        entry["subresources"] = subs
    return entry
