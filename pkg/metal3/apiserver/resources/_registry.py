"""Finds a resource by group and plural; definitions come and go while the server runs."""

import logging
from collections.abc import Callable, Iterator, Sequence

from metal3.apiserver.jsonvalue import Obj, map_at, text_at

from ._builtins import builtin_resources
from ._crds import custom_resource, has_cel, version_rank
from ._definition import Conversion, Resource, Version

log = logging.getLogger(__name__)
MakeConversion = Callable[[Obj], Conversion | None]


class Registry:
    """All resources; ``revision`` changes whenever one does."""

    def __init__(self, conversion_of: MakeConversion) -> None:
        """Start with the built-in kinds; ``conversion_of`` makes a definition's conversion."""
        self._conversion_of = conversion_of
        self._resources: dict[tuple[str, str], Resource] = {}
        self._generations: dict[tuple[str, str], tuple[str, int]] = {}
        self.revision = 0
        for resource in builtin_resources():
            self._resources[resource.group, resource.plural] = resource

    def __iter__(self) -> Iterator[Resource]:
        """Go through all resources."""
        return iter(list(self._resources.values()))

    def find(self, group: str, plural: str) -> Resource | None:
        """Return a resource, or None."""
        return self._resources.get((group, plural))

    def by_id(self, resource_id: str) -> Resource | None:
        """Return the resource whose objects are kept under an id."""
        group, _, plural = resource_id.partition("/")
        return self.find(group, plural)

    def by_kind(self, api_version: str, kind: str) -> tuple[Resource, Version] | None:
        """Return a resource and version by the names in an object's own header."""
        group, _, name = api_version.rpartition("/")
        for resource in self._resources.values():
            if resource.group == group and resource.kind == kind:
                version = resource.version(name)
                if version:
                    return resource, version
        return None

    def groups(self) -> dict[str, list[str]]:
        """Return the versions of each group, the preferred one first."""
        found: dict[str, set[str]] = {}
        for resource in self._resources.values():
            served = {version.name for version in resource.versions if version.served}
            found.setdefault(resource.group, set()).update(served)
        return {g: sorted(names, key=version_rank) for g, names in found.items() if names}

    def served(self, group: str, version: str) -> Sequence[tuple[Resource, Version]]:
        """Return what one version of a group has."""
        return [
            (resource, found)
            for resource in self._resources.values()
            if resource.group == group and (found := resource.version(version))
        ]

    def define(self, crd: Obj) -> bool:
        """Serve what a definition says; tells whether that is new."""
        key = (text_at(crd, "spec", "group"), text_at(crd, "spec", "names", "plural"))
        mark = (
            text_at(crd, "metadata", "uid"),
            int(map_at(crd, "metadata").get("generation") or 0),
        )
        if self._generations.get(key) == mark:
            return False
        present = self._resources.get(key)
        if present is not None and not present.custom:
            return False
        try:
            resource = custom_resource(crd, self._conversion_of(crd))
        except ValueError:
            log.exception("definition cannot be served", extra={"definition": key})
            return False
        if has_cel(map_at(crd, "spec")):
            log.warning("CEL rules of %s.%s are not evaluated", key[1], key[0])
        self._resources[key] = resource
        self._generations[key] = mark
        self.revision += 1
        return True

    def forget(self, crd: Obj) -> None:
        """Stop to serve a definition that is gone."""
        key = (text_at(crd, "spec", "group"), text_at(crd, "spec", "names", "plural"))
        if self._generations.pop(key, None):
            self._resources.pop(key, None)
            self.revision += 1
