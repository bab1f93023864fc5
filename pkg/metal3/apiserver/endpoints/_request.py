"""What a request is about: path, query and body, taken apart."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml

from metal3.apiserver import errors, protobuf
from metal3.apiserver.jsonvalue import Obj, is_map, loads
from metal3.apiserver.resources import Resource, Version

YAML_TYPES: Final = frozenset({"application/yaml", "application/x-yaml", "text/yaml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A resource path: ``/api/v1/...`` or ``/apis/group/version/...``."""

    group: str
    version: str
    namespace: str
    plural: str
    name: str
    subresource: str


def parse_path(path: str) -> Path | None:
    """Take a resource path apart; None when it is none."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"]:
        group, rest = "", parts[1:]
    elif parts[:1] == ["apis"] and len(parts) > 1:
        group, rest = parts[1], parts[2:]
    else:
        return None
    if len(rest) < 2:  # noqa: PLR2004 - version and plural
        return None
    version, rest = rest[0], rest[1:]
    namespace = ""
    # /namespaces/x is the object, /namespaces/x/pods is a collection in it.
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:  # noqa: PLR2004
        namespace, rest = rest[1], rest[2:]
    padded = [*rest, "", ""]
    if len(rest) > 3:  # noqa: PLR2004 - plural, name and subresource
        return None
    return Path(
        group=group,
        version=version,
        namespace=namespace,
        plural=padded[0],
        name=padded[1],
        subresource=padded[2],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The resource, version and object a request is about; ``name`` is empty for collections."""

    resource: Resource
    version: Version
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def api_version(self) -> str:
        """The apiVersion of bodies and answers."""
        return self.resource.api_version(self.version)

    def not_found(self) -> errors.StatusError:
        """Build the 404 of this object."""
        return errors.not_found(self.resource.group, self.resource.plural, self.name)

    def conflict(self, why: str = "") -> errors.StatusError:
        """Build the 409 of this object."""
        return errors.conflict(self.resource.group, self.resource.plural, self.name, why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The query parameters of writes."""

    dry_run: bool = False
    manager: str = "unknown"
    validation: str = "Warn"
    force: bool = False
    pretty: bool = False


def parse_options(query: Mapping[str, str], user_agent: str) -> Options:
    """Read the query parameters of a write; raises 400 for values nobody knows."""
    dry_run = query.get("dryRun", "")
    if dry_run not in {"", "All"}:
        raise errors.bad_request(f'dryRun: Unsupported value: "{dry_run}": supported values: "All"')
    validation = query.get("fieldValidation") or "Warn"
    if validation not in {"Strict", "Warn", "Ignore"}:
        raise errors.bad_request(
            f'fieldValidation: Unsupported value: "{validation}": '
            'supported values: "Ignore", "Strict", "Warn"'
        )
    manager = query.get("fieldManager") or user_agent.split("/", 1)[0] or "unknown"
    return Options(
        dry_run=dry_run == "All",
        manager=manager[:128],
        validation=validation,
        force=query.get("force") in {"true", "1"},
    )


def media_type(header: str) -> str:
    """Return a Content-Type without its parameters."""
    return header.split(";", 1)[0].strip().lower()


def decode(body: bytes, content_type: str, *, strict: bool = False) -> tuple[Obj, list[str]]:
    """Decode a body; returns it with the paths of its duplicate fields if ``strict``."""
    if not body:
        raise errors.bad_request("the request has no body")
    if media_type(content_type) in YAML_TYPES:
        return _object(_load_yaml(body)), []
    if media_type(content_type) == protobuf.MEDIA_TYPE:
        return _load_protobuf(body, content_type), []
    if media_type(content_type) not in {"application/json", ""}:
        raise errors.unsupported_media_type(content_type, ("application/json", "application/yaml"))
    duplicates: list[str] = []
    try:
        if strict:
            return _object(json.loads(body, object_pairs_hook=_pairs(duplicates))), duplicates
        return _object(loads(body)), duplicates
    except (ValueError, RecursionError) as e:
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {e}") from e


def _load_protobuf(body: bytes, content_type: str) -> Obj:
    try:
        return protobuf.decode(body)
    except protobuf.ProtobufError as e:
        known = ("application/json", "application/yaml")
        raise errors.unsupported_media_type(f"{content_type}: {e}", known) from e


def _pairs(duplicates: list[str]) -> Any:
    def collect(pairs: list[tuple[str, Any]]) -> Obj:
        result: Obj = {}
        for key, value in pairs:
            if key in result:
                duplicates.append(key)
            result[key] = value
        return result

    return collect


class _Loader(yaml.CSafeLoader):
    """YAML as JSON knows it: times stay text."""


cast("Any", _Loader).yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in cast("Any", yaml.CSafeLoader).yaml_implicit_resolvers.items()
}
_MOST_ALIASES: Final = 100


def _load_yaml(body: bytes) -> object:
    # Aliases can make a small text a huge document.
    if body.count(b"*") > _MOST_ALIASES and b"&" in body:
        aliases = sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(body, _Loader))
        if aliases > _MOST_ALIASES:
            raise errors.bad_request("the YAML has too many aliases")
    try:
        return yaml.load(body, _Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, RecursionError) as e:
        raise errors.bad_request(f"yaml parse error: {e}") from e


def _object(value: object) -> Obj:
    if not is_map(value):
        raise errors.bad_request("couldn't get version/kind; the body is no object")
    return value
