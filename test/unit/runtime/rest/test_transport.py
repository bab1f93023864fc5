"""Talking to a server: what is repeated, what is refused, what is bounded."""

import asyncio
import gzip
import json
import ssl
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from metal3.runtime import rest
from metal3.runtime.metrics import REGISTRY
from metal3.runtime.rest import Config, Credential, Request, RetryPolicy, TLSConfig, Transport
from metal3.runtime.rest import _transport as transport_module

QUICK = RetryPolicy(attempts=4, first=timedelta(milliseconds=1), longest=timedelta(milliseconds=1))
GET = Request(method="GET", path="/x")
POST = Request(method="POST", path="/x", body=b"{}")


@dataclass
class Server:
    """Answers what it was told to, in turn; the last answer stays."""

    answers: list[Any] = field(default_factory=lambda: [web.json_response])
    seen: list[Any] = field(default_factory=list)
    url: str = ""

    async def handle(self, request):
        """Give the next answer: a callable, or (code, body[, headers])."""
        self.seen.append((request.method, dict(request.headers)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
            return await answer if asyncio.iscoroutine(answer) else answer
        code, body, *headers = answer
        return web.Response(status=code, text=body, headers=headers[0] if headers else {})

    async def run(self, ready, done, context=None):
        """Serve on loopback until ``done``."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{port}"
        ready.set()
        await done.wait()
        await runner.cleanup()


@pytest.fixture
async def serve():
    """Starts servers that end with the test."""
    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:

        async def serve(*answers, context=None):
            server, ready = Server(list(answers)), asyncio.Event()
            group.create_task(server.run(ready, done, context))
            await ready.wait()
            return server

        yield serve
        done.set()


def transport_to(server, **config):
    """A transport that does not wait long between attempts."""
    return Transport(Config(host=server.url, **config), retry=QUICK)


async def test_a_request_says_who_we_are(serve):
    """Identity, user agent and media types are headers; gzip is understood."""
    body = gzip.compress(b'{"a":1}')

    def answer(request):
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    server = await serve(answer)
    async with transport_to(server, auth=rest.BearerToken("tok"), user_agent="me/1") as transport:
        assert await transport.send(GET) == b'{"a":1}'
    method, headers = server.seen[0]
    assert method == "GET"
    assert headers["Authorization"] == "Bearer tok"
    assert headers["User-Agent"] == "me/1"
    assert "gzip" in headers["Accept-Encoding"]


async def test_only_so_many_writes_are_on_their_way(serve):
    """The next one is sent when one is answered; reads and Leases pass."""
    arrived, answered = asyncio.Semaphore(0), asyncio.Event()

    async def answer(request):
        if request.method == "POST":
            arrived.release()
            await answered.wait()
        return web.Response(text="{}")

    server = await serve(answer)
    async with transport_to(server, writes_at_once=2) as transport, asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(transport.send(POST))
        await transport.send(GET)
        lease = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/manager"
        await transport.send(rest.Request(method="PUT", path=lease, body=b"{}"))
        for _ in range(2):
            await arrived.acquire()
        assert sorted(method for method, _ in server.seen) == ["GET", "POST", "POST", "PUT"]
        answered.set()
    assert len(server.seen) == 5


STATUS = {
    "kind": "Status",
    "reason": "Invalid",
    "message": "spec.size: too large",
    "details": {"causes": [{"reason": "R", "message": "too large", "field": "spec.size"}]},
}


@pytest.mark.parametrize(
    ("code", "body", "error", "message"),
    [
        (422, json.dumps(STATUS), rest.InvalidError, "spec.size: too large"),
        (404, '{"reason":"NotFound"}', rest.NotFoundError, "answered 404"),
        (409, '{"reason":"AlreadyExists"}', rest.AlreadyExistsError, "409"),
        (409, '{"reason":"Conflict"}', rest.ConflictError, "409"),
        (410, '{"reason":"Gone"}', rest.ExpiredError, "410"),
        (403, "no", rest.ForbiddenError, "the server answered 403: no"),
        (413, "[]", rest.RequestEntityTooLargeError, "413"),
        (500, '{"details":[],"reason":7}', rest.InternalServerError, "500"),
        (418, "", rest.StatusError, "418"),
        (302, "", rest.StatusError, "302"),
    ],
)
async def test_refusals_are_exceptions_by_reason(serve, code, body, error, message):
    """The Status object decides, then the code; any body is survived."""
    server = await serve((code, body))
    async with transport_to(server) as transport:
        with pytest.raises(error, match=message) as caught:
            await transport.send(POST)
    assert caught.value.code == code
    if error is rest.InvalidError:
        assert caught.value.causes == (rest.StatusCause("R", "too large", "spec.size"),)


async def test_redirects_are_not_followed(serve):
    """Nobody may lead our token elsewhere."""
    other = await serve((200, "{}"))
    server = await serve((302, "", {"Location": other.url}))
    async with transport_to(server, auth=rest.BearerToken("tok")) as transport:
        with pytest.raises(rest.StatusError, match="302"):
            await transport.send(GET)
    assert other.seen == []


async def test_a_long_body_that_is_no_status_is_cut(serve):
    """A proxy's page does not fill our logs."""
    server = await serve((503, "<html>" + "x" * 100_000))
    async with transport_to(server) as transport:
        with pytest.raises(rest.ServiceUnavailableError) as caught:
            await transport.send(POST)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("request_", "answer", "requests"),
    [
        (GET, (503, ""), 4),
        (GET, (504, ""), 4),
        (GET, (429, ""), 4),
        (GET, (500, ""), 1),
        (GET, (404, ""), 1),
        (POST, (503, ""), 1),
        (POST, (500, ""), 1),
        (POST, (429, ""), 4),
        (POST, (503, "", {"Retry-After": "0"}), 4),
        (POST, (500, "", {"Retry-After": "0"}), 4),
        (POST, (409, "", {"Retry-After": "0"}), 1),
    ],
)
async def test_only_what_is_safe_is_repeated_and_not_for_ever(serve, request_, answer, requests):
    """Reads when the server is away; writes only when it says it did not take them."""
    server = await serve(answer)
    async with transport_to(server) as transport:
        with pytest.raises(rest.StatusError) as caught:
            await transport.send(request_)
    assert caught.value.code == answer[0]
    assert len(server.seen) == requests


async def test_a_repeated_request_may_succeed(serve):
    """The caller does not see the refusals before."""
    server = await serve((503, ""), (429, "", {"Retry-After": "0"}), (200, "{}"))
    async with transport_to(server) as transport:
        assert await transport.send(GET) == b"{}"


async def test_a_wait_beyond_the_budget_is_the_callers(serve):
    """An hour is not slept inside of a request; the error says how long."""
    server = await serve((429, "", {"Retry-After": "3600"}))
    async with transport_to(server) as transport:
        with pytest.raises(rest.TooManyRequestsError) as caught:
            await transport.send(GET)
    assert caught.value.retry_after == timedelta(hours=1)
    assert len(server.seen) == 1


@dataclass
class Renewing:
    """A credential that gets better when it is refused."""

    tokens: list[str]

    async def credential(self, *, refresh=False):
        """The next token after a refusal."""
        if refresh:
            self.tokens.pop(0)
        return Credential(header=f"Bearer {self.tokens[0]}")


async def test_a_refused_credential_is_renewed_once(serve):
    """An expired token heals within the request; a wrong one is an error after two."""

    def check(request):
        good = request.headers["Authorization"] == "Bearer good"
        return web.Response(status=200 if good else 401, text="{}")

    server = await serve(check)
    async with transport_to(server, auth=Renewing(["old", "good"])) as transport:
        assert await transport.send(POST) == b"{}"
    async with transport_to(server, auth=Renewing(["a", "b", "good"])) as transport:
        with pytest.raises(rest.UnauthorizedError):
            await transport.send(POST)
    assert len(server.seen) == 4


async def test_nobody_there_is_a_connection_error(unused_tcp_port):
    """Refused connections name the host; even writes are tried again, as nothing was sent."""
    config = Config(host=f"http://127.0.0.1:{unused_tcp_port}")
    async with Transport(config, retry=QUICK) as transport:
        with pytest.raises(rest.ConnectionFailedError, match=str(unused_tcp_port)):
            await transport.send(POST)


async def test_a_write_that_got_no_answer_is_not_repeated(serve):
    """It may have had an effect; a read is repeated."""

    def hang_up(request):
        request.transport.abort()
        return web.Response()

    server = await serve(hang_up)
    async with transport_to(server) as transport:
        with pytest.raises(rest.ConnectionFailedError):
            await transport.send(POST)
        assert len(server.seen) == 1
        with pytest.raises(rest.ConnectionFailedError):
            await transport.send(GET)
        assert len(server.seen) >= 5


async def test_a_silent_server_is_given_up(serve):
    """The whole request is bounded by the configured time."""
    gone = asyncio.Event()

    async def hang(request):
        await gone.wait()
        return web.Response()

    server = await serve(hang)
    async with transport_to(server, timeout=timedelta(milliseconds=1)) as transport:
        with pytest.raises(rest.ConnectionFailedError, match=r"no answer in 0\.001 s"):
            await transport.send(POST)
    gone.set()


async def test_answers_are_bounded(serve, monkeypatch):
    """A server gone mad cannot fill our memory."""
    monkeypatch.setattr(transport_module, "MAX_BODY", 100)
    server = await serve((200, "x" * 101))
    async with transport_to(server) as transport:
        with pytest.raises(rest.DecodeError, match="larger than 100 bytes"):
            await transport.send(GET)


async def test_requests_are_counted(serve):
    """By code, method and host, where dashboards look."""
    server = await serve((404, ""))
    host = server.url.removeprefix("http://")
    async with transport_to(server) as transport:
        with pytest.raises(rest.NotFoundError):
            await transport.send(GET)
    labels = {"code": "404", "method": "GET", "host": host}
    assert REGISTRY.get_sample_value("rest_client_requests_total", labels) == 1


async def _stream(request, *chunks):
    response = web.StreamResponse()
    await response.prepare(request)
    for chunk in chunks:
        if chunk is None:
            request.transport.abort()
            return response
        await response.write(chunk)
    return response


async def _lines(transport):
    async with transport.stream(GET, lasts=timedelta(seconds=5)) as lines:
        return [line async for line in lines]


async def test_a_stream_comes_in_lines(serve):
    """Wherever the chunks end; empty lines are left out, a last one without an end is not."""
    server = await serve(lambda request: _stream(request, b'{"a":', b"1}\n\n{}\n", b"last"))
    async with transport_to(server) as transport:
        assert await _lines(transport) == [b'{"a":1}', b"{}", b"last"]


async def test_a_stream_that_breaks_says_so(serve):
    """A cut is not taken for the end."""
    server = await serve(lambda request: _stream(request, b"{}\n", None))
    async with transport_to(server) as transport:
        with pytest.raises(rest.ConnectionFailedError):
            await _lines(transport)


async def test_a_stream_that_is_refused_raises_on_entry(serve):
    """As a request would; it is never repeated."""
    server = await serve((410, '{"reason":"Expired"}'))
    async with transport_to(server) as transport:
        with pytest.raises(rest.ExpiredError):
            await _lines(transport)
    assert len(server.seen) == 1


async def test_a_line_is_bounded(serve, monkeypatch):
    """An event without an end does not fill our memory."""
    monkeypatch.setattr(transport_module, "MAX_LINE", 10)
    server = await serve(lambda request: _stream(request, b"x" * 8, b"y" * 8))
    async with transport_to(server) as transport:
        with pytest.raises(rest.DecodeError, match="longer than 10"):
            await _lines(transport)


async def test_what_the_reader_of_a_stream_raises_is_its_own(serve):
    """Only errors of the connection are translated."""
    server = await serve(lambda request: _stream(request, b"{}\n"))
    async with transport_to(server) as transport:
        with pytest.raises(FileNotFoundError):
            async with transport.stream(GET, lasts=timedelta(seconds=5)):
                raise FileNotFoundError


def certificate(name, issuer=None):
    """A key pair, self-signed or signed by ``issuer``: (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer or (None, key)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(signer[1], hashes.SHA256())
    )
    return built, key


def pem(pair):
    """Both as PEM bytes."""
    return pair[0].public_bytes(serialization.Encoding.PEM), pair[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture(scope="module")
def authority():
    """Who signs."""
    return certificate("authority")


@pytest.fixture
def server_context(authority, tmp_path):
    """TLS of a server called ``kubernetes`` that wants client certificates of the authority."""
    ca, (cert, key) = pem(authority)[0], pem(certificate("kubernetes", authority))
    (tmp_path / "pair").write_bytes(cert + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=ca.decode())
    context.load_cert_chain(tmp_path / "pair")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_tls_trusts_and_proves(serve, authority, server_context, tmp_path):
    """The authority is checked, the name may be overridden, the client shows its certificate."""
    cert, key = pem(certificate("client", authority))
    (tmp_path / "ca").write_bytes(pem(authority)[0])
    tls = TLSConfig(ca_file=tmp_path / "ca", cert=cert, key=key, server_name="kubernetes")
    server = await serve((200, "{}"), context=server_context)
    async with transport_to(server, tls=tls) as transport:
        assert await transport.send(GET) == b"{}"
    for wrong in (
        replace(tls, server_name=None),
        replace(tls, ca=pem(certificate("other"))[0]),
        replace(tls, cert=None),
        replace(tls, ca_file=tmp_path / "missing"),
        replace(tls, key=pem(certificate("other"))[1]),
        replace(tls, key=b"nonsense"),
    ):
        async with transport_to(server, tls=wrong) as transport:
            with pytest.raises(rest.ConnectionFailedError) as caught:
                await transport.send(GET)
            assert "PRIVATE" not in str(caught.value)
    async with transport_to(server, tls=replace(tls, ca=None, insecure=True)) as transport:
        assert await transport.send(GET) == b"{}"
