"""Each manifest of docs/baremetal.md, applied in order to a server that validates."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import cache_by_object, webhooks
from metal3.controllers.baremetal.host.retry import RETRY_ANNOTATION
from metal3.runtime.cache import CacheOptions
from metal3.runtime.client import NotFoundError, PatchType, StatusError
from metal3.runtime.envtest import Environment, WebhookInstallOptions
from metal3.runtime.rest import Request, Transport, load_config
from metal3.runtime.webhook import WebhookOptions, WebhookServer

TOP = Path(__file__).parents[4]
CRDS = TOP / "config/crd/bases"
WEBHOOKS = TOP / "config/webhook/baremetal/manifests.yaml"
PAGE = TOP / "docs/baremetal.md"
KINDS: tuple[type[metav1.Object], ...] = (
    corev1.Namespace,
    corev1.Secret,
    metal3api.BareMetalHost,
    metal3api.BareMetalSwitch,
    metal3api.BMCEventSubscription,
    metal3api.DataImage,
    metal3api.HostClaim,
    metal3api.HostDeployPolicy,
    metal3api.HostFirmwareComponents,
    metal3api.HostFirmwareSettings,
    metal3api.HostNetworkAttachment,
    metal3api.HostUpdatePolicy,
    metal3api.PreprovisioningImage,
)
BY_NAME = {kind.gvk.kind: kind for kind in KINDS}


def blocks() -> list[str]:
    """The YAML blocks of the page."""
    return re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def documents() -> list[dict[str, Any]]:
    """All objects, and changes of objects, in the order of the page."""
    return [document for block in blocks() for document in yaml.safe_load_all(block)]


def path_of(document: dict[str, Any]) -> tuple[str, str]:
    """Path of the collection, and of the object."""
    kind, meta = BY_NAME[document["kind"]], document["metadata"]
    assert document["apiVersion"] == kind.gvk.api_version
    root = "/apis" if kind.gvk.group else "/api"
    space = f"/namespaces/{meta['namespace']}" if kind.namespaced else ""
    collection = f"{root}/{kind.gvk.api_version}{space}/{kind.plural}"
    return collection, f"{collection}/{meta['name']}"


async def apply(server: Transport, document: dict[str, Any]) -> None:
    """Create the object, or change the one that is there; unknown fields are refused."""
    collection, path = path_of(document)
    query, body = {"fieldValidation": "Strict"}, orjson.dumps(document)
    try:
        await server.send(Request(method="GET", path=path))
    except NotFoundError:
        await server.send(Request(method="POST", path=collection, query=query, body=body))
        return
    if document.get("spec", {}).get("externallyProvisioned"):
        await make_available(server, path)
    await patch(server, path, body)


async def patch(server: Transport, path: str, body: bytes) -> None:
    """Change an object, or its status."""
    query, merge = {"fieldValidation": "Strict"}, PatchType.MERGE
    await server.send(
        Request(method="PATCH", path=path, query=query, body=body, content_type=merge)
    )


async def make_available(server: Transport, host: str) -> None:
    """What the operator would have done by then; the page says that it has to."""
    provisioning = {"state": "available", "ID": ""}
    status = {"provisioning": provisioning, "operationalStatus": "OK", "poweredOn": False}
    status |= {"errorMessage": "", "errorCount": 0}
    await patch(server, f"{host}/status", orjson.dumps({"status": status}))


@asynccontextmanager
async def validating(env: Environment) -> AsyncIterator[Transport]:
    """The operator's webhooks at work, without its controllers, and a connection of a user."""
    config = await asyncio.to_thread(load_config, str(env.kubeconfig))
    serving = env.webhook_serving
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(serving.cert_dir / "tls.crt", serving.cert_dir / "tls.key")
    options = WebhookOptions(host=serving.host, port=serving.port)
    server = WebhookServer(options, ssl_context=context)
    cache = CacheOptions(by_object=cache_by_object())
    metrics = ctrl.MetricsOptions(addr="0")
    mgr = ctrl.Manager(
        config, ctrl.ManagerOptions(cache=cache, metrics=metrics, webhook_server=server)
    )
    for name, extract in webhooks.INDEXES.items():
        mgr.cache.index_field(metal3api.BareMetalHost, name, extract)
    for webhook in webhooks.webhooks(mgr.client):
        server.register(webhook)
    stop = asyncio.Event()
    async with Transport(config) as user, asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        try:
            await server.started.wait()
            yield user
        finally:
            stop.set()


@pytest.fixture
async def server(start_environment: Any) -> AsyncIterator[Transport]:
    """An API server with our CRDs and webhooks."""
    wiring = WebhookInstallOptions(manifests=[WEBHOOKS])
    async with start_environment(crds=[CRDS], webhooks=wiring) as env, validating(env) as user:
        yield user


async def test_every_manifest_is_accepted(server):
    """In the order of the page, each change on top of those before it."""
    for document in documents():
        try:
            await apply(server, document)
        except StatusError as error:
            name = f"{document['kind']} {document['metadata']['name']}"
            pytest.fail(f"{name}: {error}\n{yaml.safe_dump(document)}")


WRONG = (
    ({"spec": {"onlin": True}}, "onlin"),
    ({"spec": {"bootMode": "bios"}}, "bootMode"),
    ({"spec": {"image": {"url": "file:///a", "checksum": "x"}}}, "image.url"),
    ({"metadata": {"annotations": {"reboot.metal3.io": "now"}}}, "reboot"),
)


async def test_a_wrong_manifest_would_be_noticed(server):
    """By strictness about unknown fields, by the schema, or by a webhook."""
    for document in documents()[:3]:
        await apply(server, document)
    host = documents()[2]
    for change, message in WRONG:
        wrong = {key: host[key] for key in ("apiVersion", "kind")} | change
        wrong["metadata"] = host["metadata"] | change.get("metadata", {})
        with pytest.raises(StatusError, match=message):
            await apply(server, wrong)


def test_every_kind_that_people_write_is_on_the_page():
    """And every field and annotation of a host that people write has a block."""
    assert {document["kind"] for document in documents()} == set(BY_NAME)
    hosts = [d for d in documents() if d["kind"] == "BareMetalHost"]
    fields = {field for host in hosts for field in host.get("spec", {})}
    unusual = {"consumerRef", "firmware", "hardwareProfile", "taints"}
    assert fields == set(spec_fields()) - unusual
    annotations = {key for host in hosts for key in host["metadata"].get("annotations", {})}
    assert annotations >= {
        metal3api.DETACHED_ANNOTATION,
        metal3api.HARDWARE_DETAILS_ANNOTATION,
        metal3api.INSPECT_ANNOTATION,
        metal3api.PAUSED_ANNOTATION,
        metal3api.REBOOT_ANNOTATION,
        metal3api.STATUS_ANNOTATION,
        RETRY_ANNOTATION,
    }


DETACHED, REBOOT = metal3api.DETACHED_ANNOTATION, metal3api.REBOOT_ANNOTATION
FORMS: tuple[tuple[str, Any], ...] = (
    (f"metadata.annotations.{REBOOT}", ""),
    (f"metadata.annotations.{REBOOT}", '{"mode": "hard"}'),
    (f"metadata.annotations.{REBOOT}/maintenance", '{"mode": "hard", "force": true}'),
    (f"metadata.annotations.{REBOOT}/maintenance", None),
    (f"metadata.annotations.{DETACHED}", '{"deleteAction": "delay"}'),
    (f"metadata.annotations.{DETACHED}", '{"deleteAction": "delete", "force": true}'),
    (f"metadata.annotations.{DETACHED}", None),
    (f"metadata.annotations.{metal3api.PAUSED_ANNOTATION}", None),
    ("spec.online", True),
    ("spec.online", False),
    ("spec.externallyProvisioned", True),
    ("spec.externallyProvisioned", None),
    ("spec.image", None),
    ("spec.raid.softwareRAIDVolumes", []),
    ("spec.raid.hardwareRAIDVolumes", None),
    ("spec.settings.ProcTurboMode", None),
    ("spec.updates", []),
)
"""How something is asked for, and how it is taken back."""

RARE = {"md5", "sha512", "vdi", "vmdk"}
"""Values that the page need not show: they are written like their neighbours."""


def values(path: str) -> list[Any]:
    """What the objects of the page have at a path, in order."""
    found: list[Any] = []
    for document in documents():
        *way, last = _steps(path)
        place: Any = document
        for step in way:
            place = place.get(step) if isinstance(place, dict) else None
        if isinstance(place, dict) and last in place:
            found.append(place[last])
    return found


def _steps(path: str) -> list[str]:
    """Keys of annotations have dots of their own."""
    head, annotations, key = path.partition("metadata.annotations.")
    return ["metadata", "annotations", key] if annotations else head.split(".")


@pytest.mark.parametrize(("path", "value"), FORMS)
def test_every_form_of_a_wish_is_on_the_page(path, value):
    """As people type it; also how it is taken back."""
    assert value in values(path)


@pytest.mark.parametrize(
    "path",
    [
        "spec.automatedCleaningMode",
        "spec.bootMode",
        "spec.inspectionMode",
        "spec.image.checksumType",
        "spec.image.format",
    ],
)
def test_every_value_of_a_choice_is_on_the_page(path):
    """The CRD says which there are."""
    schema: dict[str, Any] = {"properties": host_schema()}
    for step in path.split("."):
        schema = schema["properties"][step]
    assert set(schema["enum"]) - RARE <= set(values(path))


def host_schema() -> dict[str, Any]:
    """Properties of a host by the CRD."""
    crd = yaml.safe_load((CRDS / "metal3.io_baremetalhosts.yaml").read_text())
    properties: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"][
        "properties"
    ]
    return properties


def spec_fields() -> list[str]:
    """Fields of a host's spec."""
    return list(host_schema()["spec"]["properties"])


def test_every_link_of_the_table_of_contents_leads_somewhere():
    """Sections are found by their headings."""
    text = PAGE.read_text()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) == anchors
