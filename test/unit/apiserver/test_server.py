"""The server as clients meet it: who may come in, what it says of itself, what it refuses."""

import asyncio
import base64
import ssl
import stat
from datetime import timedelta

import aiohttp
import pytest
import yaml

from metal3.apiserver import Config, Server, _tls, serve
from metal3.apiserver.endpoints._app import MAX_BODY

from .conftest import CONFIG_MAPS, SECRETS, WIDGETS, crd, widget

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "x"}])
async def test_strangers_stay_outside(server, session, header):
    """Without the token: 401, as a Status. Health and version are open."""
    async with session.get(server.url + CONFIG_MAPS, headers=header) as response:
        assert response.status == 401
        body = await response.json()
        assert (body["kind"], body["reason"]) == ("Status", "Unauthorized")
    for path in ("/healthz", "/livez", "/readyz"):
        async with session.get(server.url + path, headers=header) as response:
            assert (response.status, await response.text()) == (200, "ok")
    async with session.get(server.url + "/version", headers=header) as response:
        version = await response.json()
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitVersion"].startswith("v1.36.")


async def test_tls_with_an_authority_of_its_own(tmp_path):
    """The kubeconfig has all a client needs: address, authority, token, namespace."""
    async with Server(Config(data_dir=tmp_path / "data")) as server:
        path = tmp_path / "kubeconfig"
        server.write_kubeconfig(path, namespace="metal3")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        config = yaml.safe_load(path.read_text())
        assert config["contexts"][0]["context"]["namespace"] == "metal3"
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        headers = {"Authorization": f"Bearer {user['token']}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{cluster['server']}/api/v1/namespaces/default", ssl=context) as response,
        ):
            assert (await response.json())["metadata"]["name"] == "default"
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(f"{cluster['server']}/version")


def test_certificates_are_kept_and_renewed(tmp_path, monkeypatch):
    """They stay while they are good; near their end the server gets a new one, same authority."""
    authority = _tls.ensure_certificates(tmp_path, "127.0.0.1").read_bytes()
    first = (tmp_path / "server.crt").read_bytes()
    _tls.ensure_certificates(tmp_path, "127.0.0.1")
    assert (tmp_path / "server.crt").read_bytes() == first
    monkeypatch.setattr(_tls, "RENEW_BEFORE", _tls.CERT_LIFE + timedelta(days=1))
    _tls.ensure_certificates(tmp_path, "127.0.0.1")
    assert (tmp_path / "server.crt").read_bytes() != first
    assert (tmp_path / "ca.crt").read_bytes() == authority
    monkeypatch.undo()
    second = (tmp_path / "server.crt").read_bytes()
    _tls.ensure_certificates(tmp_path, "10.0.0.1")
    assert (tmp_path / "server.crt").read_bytes() != second


async def test_serve_runs_until_told_to_stop(tmp_path):
    """And leaves the directory for the next one."""
    for _ in range(2):
        stop = asyncio.Event()
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(serve(Config(data_dir=tmp_path), stop))
            stop.set()


async def test_a_port_that_is_taken(tmp_path, server):
    """Is an error at start, which leaves nothing running."""
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="address already in use"):
        async with Server(Config(data_dir=tmp_path / "other", port=port, tls=False)):
            pass
    async with Server(Config(data_dir=tmp_path / "other", tls=False)) as again:
        assert again.url


async def test_large_bodies_are_refused(client):
    """Over 3 MiB 413, whether announced or not; objects over 1.5 MiB likewise."""
    body = b" " * (MAX_BODY + 1)
    reply = await client.call("POST", CONFIG_MAPS, body)
    assert (reply.code, reply.body["reason"]) == (413, "RequestEntityTooLarge")

    async def chunks():
        for _ in range(50):
            yield b" " * 100_000

    headers = {"Authorization": f"Bearer {client.server.token}", "Content-Type": "application/json"}
    async with client.session.post(
        client.server.url + CONFIG_MAPS, data=chunks(), headers=headers
    ) as response:
        assert response.status == 413
    big = {"metadata": {"name": "a", "annotations": {"a": "x"}}, "data": {"k": "x" * 1_600_000}}
    assert (await client.call("POST", CONFIG_MAPS, big)).code in {413, 422}


async def test_large_custom_objects_are_refused(widgets):
    """An object over 1.5 MiB is not kept."""
    body = widget("a", {"free": {"x": "y" * 1_600_000}})
    assert (await widgets.call("POST", WIDGETS, body)).code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"metadata": []}',
        b'{"metadata": {"labels": []}}',
        b'{"metadata": {"name": 5}}',
        b'{"metadata": {"name": "a"}, "kind": "Pod"}',
        b'{"metadata": {"name": "a"}, "apiVersion": "v2"}',
        b'{"metadata": {"name": "a", "namespace": "other"}}',
        b'{"metadata": {"name": "a", "resourceVersion": "5"}}',
        b"[" * 100_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b'{"metadata": {"name": "a"}, "data": {"k": 1' + b"0" * 30 + b"}}",
        b'{"metadata":{"managedFields":[{"fieldsV1":'
        + b'{"a":' * 900
        + b"1"
        + b"}" * 900
        + b"}]}}",
    ],
)
async def test_nonsense_is_a_bad_request(client, body):
    """Whatever is sent, the answer is a 4xx Status, never a 5xx."""
    reply = await client.call("POST", CONFIG_MAPS, body, fieldValidation="Strict")
    assert (reply.code, reply.body["kind"]) == (400, "Status")


async def test_wrong_types_in_known_fields(client):
    """Are refused with the field's path."""
    body = {"metadata": {"name": "a"}, "data": {"k": 5}}
    reply = await client.call("POST", CONFIG_MAPS, body)
    assert reply.code == 422
    assert reply.body["details"]["causes"][0]["field"] == "data.k"


async def test_methods_that_do_not_fit(client):
    """405 where the verb makes no sense, 404 where there is no such place."""
    assert (await client.call("POST", f"{CONFIG_MAPS}/a", {})).code == 405
    assert (await client.call("PUT", CONFIG_MAPS, {})).code == 405
    assert (await client.call("POST", "/api/v1/configmaps", {})).code == 405
    assert (await client.call("DELETE", "/api/v1/namespaces")).code == 405
    for path in ("/", "/api/v2", "/apis/nope", "/apis/apps/v9", "/x", f"{CONFIG_MAPS}/a/status"):
        reply = await client.call("GET", path)
        assert (reply.code, reply.body["kind"]) == (404, "Status"), path


async def test_yaml_bodies(client):
    """YAML is read as JSON is: times stay text, and aliases cannot blow it up."""
    body = b"metadata: {name: a}\ndata: {when: '2026-01-01', k: v}\n"
    made = await client.ok("POST", CONFIG_MAPS, body, kind="application/yaml")
    assert made["data"] == {"when": "2026-01-01", "k": "v"}
    bomb = b"a: &a [x]\n" + b"".join(b"b%d: [%s]\n" % (i, b"*a," * 50) for i in range(5))
    assert (await client.call("POST", CONFIG_MAPS, bomb, kind="application/yaml")).code == 400
    assert (await client.call("POST", CONFIG_MAPS, b"{", kind="application/yaml")).code == 400
    assert (await client.call("POST", CONFIG_MAPS, b"x", kind="text/plain")).code == 415


def field(number: int, value: bytes | int) -> bytes:
    """Encode one protobuf field, with short values."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def envelope(kind: bytes, raw: bytes, api_version: bytes = b"v1") -> bytes:
    """Encode an object as typed clients send it."""
    header = field(1, api_version) + field(2, kind)
    return b"k8s\0" + field(1, header) + field(2, raw)


PROTOBUF = "application/vnd.kubernetes.protobuf"


async def test_protobuf_bodies(client):
    """Typed clients send built-in kinds in protobuf and read JSON."""
    entry = field(1, b"key") + field(2, b"\x00\xff")
    meta = field(1, b"s") + field(3, b"default") + field(8, b"")
    secret = field(1, meta) + field(2, entry) + field(5, 0)
    made = await client.ok("POST", SECRETS, envelope(b"Secret", secret), kind=PROTOBUF)
    assert made["data"] == {"key": "AP8="}
    assert made["immutable"] is False
    options = envelope(b"DeleteOptions", field(4, b"Background"))
    await client.ok("DELETE", f"{SECRETS}/s", options, kind=PROTOBUF)


@pytest.mark.parametrize(
    "body",
    [
        b"k8s",
        b"k8s\0\x0a",
        b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        envelope(b"Unknown", b""),
        envelope(b"Secret", b"\x0a\x05a"),
        envelope(b"Secret", field(1, 5)),
        envelope(b"Secret", field(1, field(1, b"\xff"))),
    ],
)
async def test_broken_protobuf(client, body):
    """Is refused as a body of the wrong format."""
    reply = await client.call("POST", SECRETS, body, kind=PROTOBUF)
    assert (reply.code, reply.body["kind"]) == (415, "Status")


async def test_discovery(widgets):
    """Both forms name the same resources, verbs and short names; the new one in one request."""
    legacy = await widgets.get("/apis/example.com/v1")
    assert [r["name"] for r in legacy["resources"]] == ["widgets", "widgets/status"]
    assert legacy["resources"][0]["shortNames"] == ["wd"]
    groups = {group["name"] for group in (await widgets.get("/apis"))["groups"]}
    assert {"apps", "example.com", "events.k8s.io"} <= groups
    reply = await widgets.call("GET", "/apis", headers={"Accept": AGGREGATED})
    assert reply.headers["Content-Type"] == AGGREGATED
    found = {item["metadata"]["name"]: item for item in reply.body["items"]}
    resource = found["example.com"]["versions"][0]["resources"][0]
    assert (resource["resource"], resource["scope"]) == ("widgets", "Namespaced")
    assert resource["subresources"][0]["subresource"] == "status"
    assert set(resource["verbs"]) >= {"get", "list", "watch", "patch", "deletecollection"}


async def test_openapi(widgets):
    """Each group and version has a document with the schema and what a patch may ask."""
    index = await widgets.get("/openapi/v3")
    url = index["paths"]["apis/example.com/v1"]["serverRelativeURL"]
    document = await widgets.get(url.split("?")[0])
    schema = document["components"]["schemas"]["com.example.v1.Widget"]
    gvk = {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert schema["x-kubernetes-group-version-kind"] == [gvk]
    assert schema["properties"]["spec"]["properties"]["size"]["type"] == "integer"
    patch = document["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]["patch"]
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}
    assert (await widgets.call("GET", "/openapi/v3/apis/none/v1")).code == 404
    core = await widgets.get("/openapi/v3/api/v1")
    assert "core.v1.Secret" in core["components"]["schemas"]


async def test_reviews(client):
    """A known token is somebody, an unknown one nobody; whoever is known may do everything."""
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    review = await client.ok("POST", path, {"spec": {"token": client.server.token}})
    assert review["status"]["authenticated"] is True
    assert "system:masters" in review["status"]["user"]["groups"]
    review = await client.ok("POST", path, {"spec": {"token": "other"}})
    assert review["status"]["authenticated"] is False
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    review = await client.ok("POST", path, {"spec": {"user": "x"}})
    assert review["status"]["allowed"] is True


async def test_old_versions_warn(client):
    """A deprecated version tells so in a header, on every answer."""
    definition = crd(deprecated=True, deprecationWarning="use v2")
    await client.ok("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    reply = await client.call("GET", WIDGETS)
    assert reply.headers["Warning"] == '299 - "use v2"'


async def test_too_many_requests_at_once(client, monkeypatch):
    """Are told to come back, and the rest is served."""
    monkeypatch.setattr("metal3.apiserver.endpoints._app._MOST_REQUESTS", 0)
    reply = await client.call("GET", CONFIG_MAPS)
    assert (reply.code, reply.headers["Retry-After"]) == (429, "1")
    assert reply.body["details"]["retryAfterSeconds"] == 1
    monkeypatch.undo()
    await client.get(CONFIG_MAPS)


async def test_secrets_are_in_no_message(client):
    """A refused secret is refused without repeating its values."""
    body = {"metadata": {"name": "s"}, "data": {"password": "hunter2!"}}
    reply = await client.call("POST", SECRETS, body)
    assert reply.code == 422
    assert "hunter2" not in str(reply.body)
