"""The API client: versions, errors and what must never be told."""

import asyncio
import json
import os
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from metal3.pki import Authority
from metal3.provisioner import NotReadyError
from metal3.provisioner.ironic._client import Client
from metal3.provisioner.ironic._config import Config, Login, TLSFiles
from metal3.provisioner.ironic._errors import (
    BadRequestError,
    ConflictError,
    IronicError,
    LockedError,
    NotFoundError,
    OverloadedError,
    UnauthorizedError,
    UnreachableError,
    WrongStateError,
)
from metal3.provisioner.ironic._messages import explain, shorten
from metal3.provisioner.ironic._transport import _TLS, HTTPTransport, Reply, _build_context


class Scripted:
    """Answers every request with the same reply and keeps what was sent."""

    def __init__(self, status, text):
        self.reply = Reply(status, text.encode())
        self.sent = []

    async def prepare(self):
        """Nothing to find."""

    async def send(self, method, path, *, headers, body):
        """Note and answer."""
        self.sent.append((method, path, headers, body))
        return self.reply

    async def aclose(self):
        """Nothing to close."""


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [(115, 110), (110, 110), (109, 109), (108, 95), (94, 93), (92, 89), (89, 89)],
)
async def test_the_best_common_version_is_used(ironic, offered, agreed):
    """Only versions that mean something to the operator are asked for."""
    ironic.minor = offered
    client = Client(ironic)
    await client.negotiate()
    assert client.minor == agreed
    await client.get("nodes", query={"fields": "uuid"})


async def test_an_old_ironic_is_refused(ironic):
    """The message has both versions."""
    ironic.minor = 88
    with pytest.raises(NotReadyError, match=r"1\.88.*1\.89"):
        await Client(ironic).negotiate()


LOCKED = "Node x is locked by host c, please retry after the current operation is completed."


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (400, "Couldn't apply patch", BadRequestError),
        (400, 'The requested action "x" can not be performed on node', WrongStateError),
        (401, "", UnauthorizedError),
        (403, "", UnauthorizedError),
        (404, "", NotFoundError),
        (406, "version", BadRequestError),
        (409, LOCKED, LockedError),
        (409, "A node with name x already exists.", ConflictError),
        (429, "", OverloadedError),
        (503, "No free conductor workers", OverloadedError),
        (500, "boom", IronicError),
    ],
)
@pytest.mark.parametrize("shape", ["plain", "fault", "nested"])
async def test_errors_are_classes(status, text, error, shape):
    """Whichever of its shapes the error has, its text is found."""
    body = {
        "plain": text,
        "fault": json.dumps({"error_message": {"faultstring": text}}),
        "nested": json.dumps({"error_message": json.dumps({"faultstring": text})}),
    }[shape]
    with pytest.raises(IronicError) as raised:
        await Client(Scripted(status, body)).get("nodes")
    assert type(raised.value) is error
    assert raised.value.status == status
    assert text[:40] in str(raised.value)
    assert "faultstring" not in str(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        {"driver_info": {"redfish_password": "hunter2"}},
        [{"op": "add", "path": "/driver_info/ipmi_password", "value": "hunter2"}],
        [{"op": "add", "path": "/driver_info", "value": {"redfish_password": "hunter2"}}],
        [{"op": "add", "path": "/instance_info/image_pull_secret", "value": "hunter2"}],
        {"target": "active", "configdrive": {"user_data": "hunter2", "meta_data": {"a": "b"}}},
        {"HttpHeaders": [{"Authorization": "hunter2"}]},
    ],
)
async def test_a_secret_that_ironic_repeats_is_not_passed_on(body):
    """Ironic quotes the request in some errors."""
    client = Client(Scripted(400, f"cannot apply {json.dumps(body)}"))
    with pytest.raises(BadRequestError) as raised:
        await client.request("PATCH", "/v1/nodes/x", body=body)
    assert "hunter2" not in str(raised.value)
    assert "***" in str(raised.value)


async def test_an_answer_that_is_no_json_is_an_error():
    """A proxy's page in place of Ironic's answer."""
    with pytest.raises(IronicError, match="not JSON"):
        await Client(Scripted(200, "<html>")).get("nodes")


async def test_names_cannot_leave_their_place():
    """A name is one part of the path, whatever is in it."""
    transport = Scripted(200, "{}")
    await Client(transport).get("nodes", "../drivers?x=1")
    assert transport.sent[0][1] == "/v1/nodes/..%2Fdrivers%3Fx%3D1"


async def test_requests_are_counted_without_identities():
    """By method and kind, so that the count does not grow with the hosts."""
    client = Client(Scripted(200, "{}"))
    await client.get("nodes", "a")
    await client.get("nodes", "b")
    await client.put("nodes", "a", "states", "power", body={})
    assert client.requests == {"GET nodes": 2, "PUT nodes/states/power": 1}


@asynccontextmanager
async def serving(handler, context=None, **config):
    """A client of a server on this machine that has one handler for all; a context means TLS."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(application, host="localhost" if context else "127.0.0.1")
    await server.start_server(ssl=context)
    endpoint = str(server.make_url("/")).rstrip("/")
    client = Client(HTTPTransport(Config(endpoint=endpoint, **config)))
    try:
        yield client
    finally:
        await client.aclose()
        await server.close()


class TestHTTP:
    """The transport on a real connection to this machine."""

    async def test_login_version_and_body_arrive(self):
        """As Ironic expects them."""
        seen: dict[str, str] = {}

        async def handler(request):
            seen.update(request.headers, body=await request.text(), path=request.path_qs)
            return web.json_response({"ok": 1}, status=202)

        login = Login(username="admin", password="secret")
        async with serving(handler, login=login) as client:
            answer = await client.put("nodes", "a~b", "maintenance", body={"reason": "x"})
        assert answer == {"ok": 1}
        assert seen["Authorization"] == "Basic YWRtaW46c2VjcmV0"
        assert (seen["body"], seen["path"]) == ('{"reason":"x"}', "/v1/nodes/a~b/maintenance")
        assert "secret" not in repr(login)

    async def test_a_silent_server_is_unreachable(self):
        """The limit is in the message."""

        async def handler(request):
            await asyncio.Event().wait()

        async with serving(handler, timeout=timedelta(milliseconds=20)) as client:
            with pytest.raises(UnreachableError, match=r"within 0\.02 s"):
                await client.get("nodes")

    async def test_no_more_requests_at_once_than_allowed(self):
        """The rest wait for their turn, and all are served."""
        now, most = 0, 0

        async def handler(request):
            nonlocal now, most
            now, most = now + 1, max(most, now + 1)
            await asyncio.sleep(0)
            now -= 1
            return web.json_response({})

        async with serving(handler, concurrency=3) as client, asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(client.get("nodes"))
        assert most <= 3
        assert client.requests.total() == 20

    async def test_no_server_is_unreachable(self):
        """Not an exception of the HTTP library."""
        client = Client(HTTPTransport(Config(endpoint="http://127.0.0.1:9")))
        with pytest.raises(UnreachableError, match="cannot be reached"):
            await client.get("nodes")
        await client.aclose()

    async def test_a_broken_ca_file_is_named(self, tmp_path):
        """The certificates are at fault, and the message says so."""
        ca = tmp_path / "ca.crt"
        ca.write_text("no certificate")
        config = Config(endpoint="https://127.0.0.1:9", tls=TLSFiles(ca=ca))
        client = Client(HTTPTransport(config))
        with pytest.raises(UnreachableError, match="certificates"):
            await client.get("nodes")
        await client.aclose()

    async def test_a_certificate_is_shown_to_an_ironic_that_asks_for_one(self, tmp_path):
        """Certificate and key are both needed; without them the connection is refused."""
        day = timedelta(days=1)
        authority = Authority.create("test", life=day)
        server, me = authority.serving(["localhost"], life=day), authority.client("me", life=day)
        for name, pair in (("server", server), ("me", me)):
            (tmp_path / f"{name}.crt").write_bytes(pair.certificate)
            (tmp_path / f"{name}.key").write_bytes(pair.key)
        (tmp_path / "ca.crt").write_bytes(authority.certificate)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "ca.crt")
        context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
        context.verify_mode = ssl.CERT_REQUIRED

        async def handler(request):
            shown = request.get_extra_info("peercert")
            return web.json_response({"who": dict(pair[0] for pair in shown["subject"])})

        without = TLSFiles(ca=tmp_path / "ca.crt", client_certificate=tmp_path / "me.crt")
        both = replace(without, client_key=tmp_path / "me.key")
        async with serving(handler, context=context, tls=both) as client:
            assert await client.get("nodes") == {"who": {"commonName": "me"}}
        async with serving(handler, context=context, tls=without) as client:
            with pytest.raises(UnreachableError):
                await client.get("nodes")


async def test_renewed_certificates_are_used_without_a_restart(tmp_path):
    """The files are read again when they changed, and only then."""
    ca = tmp_path / "ca.crt"
    ca.write_bytes(certificate("one"))
    tls = _TLS(TLSFiles(ca=ca))
    first = await tls.context()
    assert await tls.context() is first
    ca.write_bytes(certificate("two"))
    os.utime(ca, (1, 1))
    second = await tls.context()
    assert [names(c) for c in (first, second)] == [["one"], ["two"]]
    assert second.check_hostname


def test_how_much_is_verified(tmp_path):
    """Everything by default; the name, or nothing at all, on request."""
    missing = TLSFiles(ca=tmp_path / "a", client_certificate=tmp_path, client_key=tmp_path / "k")
    relaxed = replace(missing, skip_hostname_verification=True)
    nothing = replace(missing, insecure=True)
    found = [_build_context(files) for files in (missing, relaxed, nothing)]
    assert [c.check_hostname for c in found] == [True, False, False]
    required, none = ssl.CERT_REQUIRED, ssl.CERT_NONE
    assert [c.verify_mode for c in found] == [required, required, none]


def names(context):
    """Common names of the trusted authorities."""
    return [dict(pair[0] for pair in ca["subject"])["commonName"] for ca in context.get_ca_certs()]


def certificate(name):
    """An authority of that name, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("HTTP GET http://x returned code 401. Unauthorized", "refused the credentials"),
        ("IPMI call failed: power status.", "over IPMI"),
        ("Unable to connect to http://x. Error: Connection refused", "cannot be reached"),
        ("SSLError(SSLCertVerificationError(1, 'certificate verify failed'", "not trusted"),
        ("Timeout reached while waiting for callback for node 1", "never reported back"),
        ("Image failed to verify against checksum", "does not have the checksum"),
        ("No suitable device was found", "root device hints"),
        ("something never seen before", "it failed: something never seen before"),
        ("", "no reason"),
    ],
)
def test_one_sentence_before_the_raw_text(raw, words):
    """Cause and remedy first; the driver's own words stay."""
    message = explain("it failed", raw, address="ipmi://192.0.2.1")
    assert words in message
    assert raw in message


def test_long_texts_and_logins_in_urls():
    """One line, cut, and no password of a URL."""
    text = shorten("a\n b http://user:hunter2@host/x " + "z" * 5000)
    assert "hunter2" not in text
    assert text.startswith("a b http://***@host/x")
    assert len(text) == 400


def test_a_message_without_an_address():
    """Some callers do not know it."""
    assert "the BMC refused" in explain("it failed", "code 401", address="")
