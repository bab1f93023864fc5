"""Hosts with their Secrets, as a user would apply them."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from load import WRITERS, Load

HOSTS: Final = "/apis/metal3.io/v1alpha1/namespaces/{}/baremetalhosts"
SECRETS: Final = "/api/v1/namespaces/{}/secrets"
PREFIX: Final = "host-"
OWN_WRITES: Final = 2
"""Requests of ours for each host: its Secret and itself."""


async def create_namespace(load: Load, name: str) -> None:
    """Create a namespace."""
    await load.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})


async def create_hosts(
    load: Load, namespace: str, names: Sequence[str], **spec: Any
) -> dict[str, str]:
    """Create hosts with their Secrets, WRITERS at a time; give the resourceVersion by path."""
    versions: dict[str, str] = {}
    todo = iter(enumerate(names))

    async def create_each() -> None:
        for i, name in todo:
            for collection, body in (
                (SECRETS.format(namespace), secret(name)),
                (HOSTS.format(namespace), host_of(i, name, spec)),
            ):
                stored = await load.send("POST", collection, body)
                path = f"{collection}/{body['metadata']['name']}"
                versions[path] = stored["metadata"]["resourceVersion"]

    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(create_each())
    return versions


def host_name(i: int) -> str:
    """Give the name of the i-th host."""
    return f"{PREFIX}{i:04}"


def secret_name(host: str) -> str:
    """Give the name of a host's Secret."""
    return f"{host}-bmc"


def secret(name: str) -> dict[str, Any]:
    """Give the host's Secret."""
    return {
        "metadata": {"name": secret_name(name)},
        "stringData": {"username": "operator", "password": "change-me"},
    }


def host_of(i: int, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Give the i-th host, wanted on and with an image; ``spec`` has the last word."""
    return {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": {"name": name},
        "spec": {
            "online": True,
            "bootMACAddress": f"52:54:00:00:{i // 256:02x}:{i % 256:02x}",
            "bmc": {
                "address": f"redfish://192.0.2.{i % 250}:{8000 + i}/redfish/v1/Systems/{i}",
                "credentialsName": secret_name(name),
            },
            "image": {
                "url": "https://images.example.com/server.qcow2",
                "checksum": "https://images.example.com/server.qcow2.sha256sum",
                "checksumType": "auto",
            },
        }
        | spec,
    }
