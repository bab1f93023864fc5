"""Admission and conversion webhooks are called, over TLS, and believed within limits."""

import asyncio
import base64
import copy
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from metal3.apiserver import Config, Server
from metal3.apiserver._tls import ensure_certificates, server_context

from .conftest import CONFIG_MAPS, SCHEMA, WIDGETS, Client, crd, widget

HOOKS = "/apis/admissionregistration.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE = "application/merge-patch+json"


@dataclass
class Hook:
    """A webhook that answers as it is told and remembers what it was asked."""

    url: str
    bundle: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    response: dict[str, Any] = field(default_factory=lambda: {"allowed": True})
    status: int = 200
    uid: str = ""
    silent: bool = False

    async def review(self, request: web.Request) -> web.Response:
        """Answer an AdmissionReview."""
        review = await request.json()
        self.asked.append(review["request"])
        if self.silent:
            await asyncio.sleep(3600)
        uid = self.uid or review["request"]["uid"]
        body = {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": {"uid": uid, **self.response},
        }
        return web.json_response(body, status=self.status)

    async def convert(self, request: web.Request) -> web.Response:
        """Answer a ConversionReview: v2 has size under another name."""
        review = (await request.json())["request"]
        self.asked.append(review)
        wanted = review["desiredAPIVersion"]
        converted = []
        for obj in review["objects"]:
            spec = obj["spec"]
            old, new = ("size", "extent") if wanted.endswith("v2") else ("extent", "size")
            if old in spec:
                spec[new] = spec.pop(old)
            if self.uid:
                obj["metadata"]["uid"] = self.uid
            converted.append(obj | {"apiVersion": wanted})
        response = {
            "uid": review["uid"],
            "result": {"status": "Success"},
            "convertedObjects": converted,
        } | self.response
        header = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview"}
        return web.json_response(header | {"response": response})

    def config(self, **more: Any) -> dict[str, Any]:
        """Make a webhook entry for config maps."""
        rule = {
            "operations": ["*"],
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "resources": ["configmaps"],
        }
        return {
            "name": "hook.example.com",
            "clientConfig": {"url": f"{self.url}/review", "caBundle": self.bundle},
            "rules": [rule],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        } | more


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[Hook]:
    """A webhook on loopback with a certificate of its own authority."""
    directory = tmp_path / "hook"
    directory.mkdir()
    authority = ensure_certificates(directory, "hook.test.svc")
    app = web.Application(client_max_size=8 << 20)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    hook = Hook("", base64.b64encode(authority.read_bytes()).decode())
    app.router.add_post("/review", hook.review)
    app.router.add_post("/convert", hook.convert)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(directory))
    await site.start()
    hook.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield hook
    await runner.cleanup()


async def configure(client: Client, kind: str, *webhooks: dict[str, Any]) -> None:
    """Create a webhook configuration."""
    body = {"metadata": {"name": "test"}, "webhooks": list(webhooks)}
    await client.ok("POST", f"{HOOKS}/{kind}webhookconfigurations", body)


def config_map(name: str = "a", **metadata: Any) -> dict[str, Any]:
    """Make a config map."""
    return {"metadata": {"name": name, **metadata}, "data": {"k": "v"}}


async def test_a_validating_webhook_refuses(client, hook):
    """Its code, reason and message reach the client; nothing is stored."""
    await configure(client, "validating", hook.config())
    hook.response = {
        "allowed": False,
        "status": {"code": 422, "message": "not like this", "reason": "Invalid"},
        "warnings": ["look out"],
    }
    reply = await client.call("POST", CONFIG_MAPS, config_map())
    assert (reply.code, reply.body["reason"]) == (422, "Invalid")
    assert reply.body["message"] == (
        'admission webhook "hook.example.com" denied the request: not like this'
    )
    assert (await client.call("GET", f"{CONFIG_MAPS}/a")).code == 404


async def test_a_webhook_sees_the_request(client, hook):
    """Create, update and delete come with object, old object, names, user and options."""
    await configure(client, "validating", hook.config())
    made = await client.ok("POST", CONFIG_MAPS, config_map())
    await client.ok("PUT", f"{CONFIG_MAPS}/a", made | {"data": {"k": "2"}})
    await client.ok("DELETE", f"{CONFIG_MAPS}/a")
    create, update, delete = hook.asked
    assert [r["operation"] for r in hook.asked] == ["CREATE", "UPDATE", "DELETE"]
    assert create["object"]["data"] == {"k": "v"}
    assert create["oldObject"] is None
    assert create["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert create["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (create["namespace"], create["name"]) == ("default", "a")
    assert "system:masters" in create["userInfo"]["groups"]
    assert (update["oldObject"]["data"], update["object"]["data"]) == ({"k": "v"}, {"k": "2"})
    assert (delete["object"], delete["oldObject"]["data"]) == (None, {"k": "2"})


async def test_a_webhook_sees_large_objects(client, hook):
    """A review holds the object twice; it is sent in pieces, without a warning of aiohttp."""
    await configure(client, "validating", hook.config())
    large = config_map() | {"data": {"k": "x" * 900_000}}
    made = await client.ok("POST", CONFIG_MAPS, large)
    made["metadata"]["labels"] = {"changed": "yes"}
    await client.ok("PUT", f"{CONFIG_MAPS}/a", made)
    assert hook.asked[-1]["object"]["data"] == hook.asked[-1]["oldObject"]["data"] == large["data"]


async def test_a_mutating_webhook_changes_the_object(client, hook):
    """Its JSON patch is applied before validation and storage; its warnings are passed on."""
    patch = [{"op": "add", "path": "/data/added", "value": "yes"}]
    hook.response = {
        "allowed": True,
        "patchType": "JSONPatch",
        "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
        "warnings": ["changed"],
    }
    await configure(client, "mutating", hook.config())
    reply = await client.call("POST", CONFIG_MAPS, config_map())
    assert reply.code == 201
    assert reply.headers["Warning"] == '299 - "changed"'
    assert (await client.get(f"{CONFIG_MAPS}/a"))["data"] == {"k": "v", "added": "yes"}


@pytest.mark.parametrize(
    "more",
    [
        {"objectSelector": {"matchLabels": {"x": "y"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}},
        {"rules": [{"operations": ["UPDATE"], "apiGroups": ["*"], "apiVersions": ["*"],
                    "resources": ["*"]}]},
        {"rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"],
                    "resources": ["*/status"]}]},
        {"rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"],
                    "resources": ["*"], "scope": "Cluster"}]},
    ],
)  # fmt: skip
async def test_a_webhook_is_asked_only_what_it_selects(client, hook, more):
    """Selectors and rules that do not match leave it out."""
    await configure(client, "validating", hook.config(**more))
    await client.ok("POST", CONFIG_MAPS, config_map())
    assert hook.asked == []


async def test_selectors_that_match(client, hook):
    """An object with the label, in the namespace that is named, is sent."""
    more = {
        "objectSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
    }
    await configure(client, "validating", hook.config(**more))
    await client.ok("POST", CONFIG_MAPS, config_map(labels={"x": "y"}))
    assert len(hook.asked) == 1


@pytest.mark.parametrize("trouble", ["status", "uid", "silent", "address", "certificate"])
@pytest.mark.parametrize(("policy", "code"), [("Fail", 500), ("Ignore", 201)])
async def test_failure_policy(client, hook, trouble, policy, code):
    """A webhook that cannot be asked fails the request, or is passed over."""
    entry = hook.config(failurePolicy=policy, timeoutSeconds=1)
    match trouble:
        case "status":
            hook.status = 500
        case "uid":
            hook.uid = "other"
        case "silent":
            hook.silent = True
        case "address":
            entry["clientConfig"]["url"] = "https://127.0.0.1:1/"
        case _:
            del entry["clientConfig"]["caBundle"]
    await configure(client, "validating", entry)
    reply = await client.call("POST", CONFIG_MAPS, config_map())
    assert reply.code == code
    if code == 500:
        assert 'failed calling webhook "hook.example.com"' in reply.body["message"]


async def test_webhooks_must_be_free_of_side_effects(client, hook):
    """Others cannot be configured: a dry run would not be dry."""
    body = {"metadata": {"name": "test"}, "webhooks": [hook.config(sideEffects="Some")]}
    reply = await client.call("POST", f"{HOOKS}/validatingwebhookconfigurations", body)
    assert reply.code == 422
    assert reply.body["details"]["causes"][0]["field"] == "webhooks[0].sideEffects"


async def test_a_dry_run_tells_the_webhook(client, hook):
    """Which then is to do nothing but answer."""
    await configure(client, "validating", hook.config())
    await client.ok("POST", CONFIG_MAPS, config_map(), dryRun="All")
    assert hook.asked[0]["dryRun"] is True


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (None, 400, "denied the request without explanation"),
        ({"message": "no"}, 400, "denied the request: no"),
        ({"reason": "Forbidden"}, 400, "denied the request: Forbidden"),
        ({"code": 403, "message": "no"}, 403, "denied the request: no"),
        ({"code": 200, "message": "no"}, 400, "denied the request: no"),
    ],
)
async def test_refusals_without_a_code(client, hook, status, code, text):
    """Are bad requests, with as much explanation as there is."""
    hook.response = {"allowed": False} | ({"status": status} if status else {})
    await configure(client, "validating", hook.config())
    reply = await client.call("POST", CONFIG_MAPS, config_map())
    assert (reply.code, reply.body["message"]) == (
        code,
        f'admission webhook "hook.example.com" {text}',
    )


async def test_webhooks_never_see_their_own_configuration(client, hook):
    """One that refuses everything can still be removed."""
    rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
    hook.response = {"allowed": False}
    await configure(client, "validating", hook.config(rules=[rule]))
    assert (await client.call("POST", CONFIG_MAPS, config_map())).code == 400
    await client.ok("DELETE", f"{HOOKS}/validatingwebhookconfigurations/test")
    await client.ok("POST", CONFIG_MAPS, config_map())


async def test_a_webhook_behind_a_service(tmp_path, hook, connect):
    """Services are found in the configured mapping, and verified under their own name."""
    config = Config(data_dir=tmp_path / "data", tls=False, services={"test/hook": hook.url})
    entry = hook.config()
    service = {"namespace": "test", "name": "hook", "path": "/review"}
    entry["clientConfig"] = {"service": service, "caBundle": hook.bundle}
    async with Server(config) as server:
        client = connect(server)
        await configure(client, "validating", entry)
        await client.ok("POST", CONFIG_MAPS, config_map())
        assert len(hook.asked) == 1
        await client.ok("DELETE", f"{HOOKS}/validatingwebhookconfigurations/test")
        service["name"] = "unknown"
        await configure(client, "validating", entry)
        reply = await client.call("POST", CONFIG_MAPS, config_map("b"))
        assert 'service "test/unknown" is not known' in reply.body["message"]


def two_versions(conversion: dict[str, Any] | None) -> dict[str, Any]:
    """Define widgets in v1 and v2; v2 calls the size extent, and is how they are kept."""
    definition = crd()
    one = definition["spec"]["versions"][0]
    schema = copy.deepcopy(SCHEMA)
    properties = schema["properties"]["spec"]["properties"]
    properties["extent"] = properties.pop("size")
    two = {**one, "name": "v2", "schema": {"openAPIV3Schema": schema}}
    definition["spec"]["versions"] = [{**one, "storage": False}, two]
    if conversion:
        definition["spec"]["conversion"] = conversion
    return definition


def by_webhook(hook: Hook) -> dict[str, Any]:
    """Make the conversion entry for a webhook."""
    config = {"url": f"{hook.url}/convert", "caBundle": hook.bundle}
    webhook = {"clientConfig": config, "conversionReviewVersions": ["v1"]}
    return {"strategy": "Webhook", "webhook": webhook}


V2 = WIDGETS.replace("v1", "v2")


async def test_objects_are_converted_everywhere(client, hook):
    """Create, get, list, update, patch and watch each speak the version of their path."""
    await client.ok("POST", CRDS, two_versions(by_webhook(hook)))
    made = await client.ok("POST", WIDGETS, widget("a", {"size": 4}))
    assert (made["apiVersion"], made["spec"]["size"]) == ("example.com/v1", 4)
    other = await client.get(f"{V2}/a")
    assert (other["apiVersion"], other["spec"]["extent"]) == ("example.com/v2", 4)
    assert other["metadata"]["uid"] == made["metadata"]["uid"]
    assert "size" not in other["spec"]
    patch = {"spec": {"size": 5}}
    await client.ok("PATCH", f"{WIDGETS}/a", patch, kind=MERGE)
    assert (await client.get(V2))["items"][0]["spec"]["extent"] == 5
    assert (await client.get(WIDGETS))["items"][0]["spec"]["size"] == 5
    stream = client.watch(WIDGETS, resourceVersion=made["metadata"]["resourceVersion"])
    event = await anext(stream)
    assert (event["type"], event["object"]["spec"]["size"]) == ("MODIFIED", 5)
    await stream.aclose()


async def test_many_watchers_share_one_conversion(client, hook):
    """A change is converted once for all who watch in the other version."""
    await client.ok("POST", CRDS, two_versions(by_webhook(hook)))
    made = await client.ok(
        "POST", V2, widget("a", {"extent": 1}) | {"apiVersion": "example.com/v2"}
    )
    version = made["metadata"]["resourceVersion"]
    streams = [client.watch(WIDGETS, resourceVersion=version) for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        events = [group.create_task(anext(stream)) for stream in streams]
        await client.ok("PATCH", f"{V2}/a", {"spec": {"extent": 2}}, kind=MERGE)
    assert {event.result()["object"]["spec"]["size"] for event in events} == {2}
    assert len(hook.asked) == 1
    for stream in streams:
        await stream.aclose()


async def test_a_failing_conversion_fails_the_request(client, hook):
    """With 500 and the reason; what is stored is still readable as it is stored."""
    await client.ok("POST", CRDS, two_versions(by_webhook(hook)))
    await client.ok("POST", V2, widget("a", {"extent": 4}) | {"apiVersion": "example.com/v2"})
    hook.response = {"result": {"status": "Failure", "message": "no idea"}}
    reply = await client.call("GET", f"{WIDGETS}/a")
    assert reply.code == 500
    assert "no idea" in reply.body["message"]
    assert (await client.get(f"{V2}/a"))["spec"]["extent"] == 4


async def test_a_conversion_must_not_change_what_identifies_an_object(client, hook):
    """An object that comes back with another uid fails the request."""
    await client.ok("POST", CRDS, two_versions(by_webhook(hook)))
    hook.uid = "forged"
    reply = await client.call("POST", WIDGETS, widget("a", {"size": 4}))
    assert reply.code == 500
    assert "another uid" in reply.body["message"]
    assert (await client.get(V2))["items"] == []


async def test_conversion_without_webhook_renames_the_version(client):
    """Fields the other version does not know are dropped from the view, not from the object."""
    await client.ok("POST", CRDS, two_versions(None))
    await client.ok("POST", V2, widget("a", {"extent": 4}) | {"apiVersion": "example.com/v2"})
    shown = await client.get(f"{WIDGETS}/a")
    assert (shown["apiVersion"], shown["spec"]) == ("example.com/v1", {"color": "red"})
    assert (await client.get(f"{V2}/a"))["spec"]["extent"] == 4


async def test_equivalent_versions_match(client, hook):
    """A rule for v1 sees requests for v2, converted to v1, unless it insists on the exact one."""
    await client.ok("POST", CRDS, two_versions(by_webhook(hook)))
    rule = {
        "operations": ["*"],
        "apiGroups": ["example.com"],
        "apiVersions": ["v1"],
        "resources": ["widgets"],
    }
    await configure(client, "validating", hook.config(rules=[rule]))
    body = widget("a", {"extent": 4}) | {"apiVersion": "example.com/v2"}
    await client.ok("POST", V2, body)
    seen = next(item for item in hook.asked if "operation" in item)
    assert seen["object"]["apiVersion"] == "example.com/v1"
    assert seen["object"]["spec"]["size"] == 4
    assert seen["requestKind"]["version"] == "v2"
    assert seen["kind"]["version"] == "v1"


def test_the_test_webhook_has_a_certificate_of_its_own(tmp_path):
    """Else the certificate case above would show nothing."""
    authority = ensure_certificates(tmp_path, "hook.test.svc")
    assert ssl.create_default_context(cafile=str(authority)).cert_store_stats()["x509_ca"] == 1
