"""A certificate replaced while a server serves."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from metal3.runtime import metrics
from metal3.runtime.certwatcher import CertWatcher, self_signed_context


def _write(folder, name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    _write_key(folder, key)
    (folder / "tls.crt").write_bytes(cert.public_bytes(serialization.Encoding.PEM))


def _write_key(folder, key):
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "tls.key").write_bytes(pem)


def _watcher(folder):
    return CertWatcher(folder / "tls.crt", folder / "tls.key", interval=timedelta(milliseconds=10))


@asynccontextmanager
async def _echoing(context):
    """A server that sends lines back."""

    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context)
    async with asyncio.timeout(20), server:
        yield server.sockets[0].getsockname()[1]


async def _connect(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    subject = x509.load_der_x509_certificate(der).subject
    return reader, writer, subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


async def _served(port):
    _, writer, name = await _connect(port)
    writer.close()
    await writer.wait_closed()
    return name


def _count(name):
    return metrics.REGISTRY.get_sample_value(name)


async def test_new_connections_get_the_new_certificate_and_open_ones_live_on(tmp_path):
    """Nobody is cut off by a rotation."""
    _write(tmp_path, "first")
    watcher = _watcher(tmp_path)
    await watcher.load()
    async with _echoing(watcher.ssl_context) as port:
        reader, writer, name = await _connect(port)
        assert name == "first"
        _write(tmp_path, "second")
        assert await watcher.reload()
        assert await _served(port) == "second"
        writer.write(b"still there?\n")
        assert await reader.readline() == b"still there?\n"
        writer.close()
        await writer.wait_closed()


async def test_a_broken_pair_is_counted_and_the_old_one_stays(tmp_path):
    """Half a rotation, garbage or missing files do not stop the server; a good pair heals it."""
    _write(tmp_path, "good")
    watcher = _watcher(tmp_path)
    await watcher.load()
    async with _echoing(watcher.ssl_context) as port:
        before = _count("certwatcher_read_certificate_errors_total")
        _write_key(tmp_path, ec.generate_private_key(ec.SECP256R1()))
        assert not await watcher.reload()
        (tmp_path / "tls.crt").write_text("no certificate")
        assert not await watcher.reload()
        (tmp_path / "tls.crt").unlink()
        assert not await watcher.reload()
        assert await _served(port) == "good"
        assert _count("certwatcher_read_certificate_errors_total") >= before + 2
        _write(tmp_path, "better")
        assert await watcher.reload()
        assert await _served(port) == "better"


async def test_the_files_are_looked_at_by_themselves(tmp_path):
    """Run finds a new pair without being told."""
    _write(tmp_path, "first")
    watcher = _watcher(tmp_path)
    await watcher.load()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watcher.run())
        async with _echoing(watcher.ssl_context) as port:
            _write(tmp_path, "second")
            while await _served(port) != "second":  # the time limit of _echoing ends it
                pass
        running.cancel()


async def test_missing_files_at_the_start_are_an_error(tmp_path):
    """A server that could not serve anybody had better not start."""
    with pytest.raises(FileNotFoundError):
        await _watcher(tmp_path).load()


async def test_before_the_first_load_nobody_is_served(tmp_path):
    """Handshakes fail; nothing is served without a certificate."""
    _write(tmp_path, "x")
    async with _echoing(_watcher(tmp_path).ssl_context) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _connect(port)


async def test_a_self_signed_certificate_needs_no_files():
    """For metrics without a certificate of their own."""
    async with _echoing(self_signed_context(("metrics.test", "127.0.0.1"))) as port:
        assert await _served(port) == "metrics.test"
