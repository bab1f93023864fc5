"""Objects as a version shows them: converted, pruned, with defaults. Encoded once, then cached."""

import asyncio
from collections.abc import Sequence

from metal3.apiserver.jsonvalue import Obj, dumps, load_object
from metal3.apiserver.resources import Resource, Version
from metal3.apiserver.schema import apply_defaults, prune
from metal3.apiserver.storage import Record


async def convert(resource: Resource, objects: Sequence[Obj], api_version: str) -> list[Obj]:
    """Return the objects in another version; those that have it already are not touched."""
    others = [obj for obj in objects if obj.get("apiVersion") != api_version]
    if not others or resource.conversion is None:
        return list(objects)
    converted = iter(await resource.conversion.convert(others, api_version))
    return [obj if obj.get("apiVersion") == api_version else next(converted) for obj in objects]


def complete(obj: Obj, version: Version) -> None:
    """Prune and default an object in place, as reading does."""
    if version.schema:
        prune(obj, version.schema, root=True)
        apply_defaults(obj, version.schema)


async def views(records: Sequence[Record], resource: Resource, version: Version) -> list[bytes]:
    """Return the JSON of records in a version."""
    api_version = resource.api_version(version)
    if not resource.custom and api_version == resource.storage_api_version:
        return [record.data for record in records]
    while missing := [r for r in records if _cached(r, api_version, version) is None]:
        awaited = [future for r in missing if (future := r.making.get(api_version))]
        if awaited:
            # Someone else is at it: look again when that is done, well or badly.
            await asyncio.wait(awaited)
        else:
            await _make(missing, resource, version)
    return [_cached(record, api_version, version) or record.data for record in records]


async def view(record: Record, resource: Resource, version: Version) -> bytes:
    """Return the JSON of one record in a version."""
    return (await views([record], resource, version))[0]


async def load(record: Record, resource: Resource, version: Version) -> Obj:
    """Return a record as an object in a version, for the caller to change."""
    return load_object(await view(record, resource, version))


def remember(record: Record, resource: Resource, version: Version, data: bytes) -> None:
    """Keep the JSON of a record in a version, when the writer has it anyway."""
    record.views[resource.api_version(version)] = (version, data)


def _cached(record: Record, api_version: str, version: Version) -> bytes | None:
    made_for, data = record.views.get(api_version, (None, b""))
    return data if made_for is version else None


async def _make(records: Sequence[Record], resource: Resource, version: Version) -> None:
    api_version = resource.api_version(version)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for record in records:
        record.making[api_version] = done
    try:
        objects = await convert(resource, [record.load() for record in records], api_version)
        for record, obj in zip(records, objects, strict=True):
            if resource.custom:
                complete(obj, version)
            remember(record, resource, version, dumps(obj))
    finally:
        for record in records:
            record.making.pop(api_version, None)
        done.set_result(None)
