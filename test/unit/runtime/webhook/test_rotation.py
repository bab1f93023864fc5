"""Self-made webhook certificates: shared by replicas, renewed in time, known to the API server."""

import asyncio
import base64
import ssl
from datetime import UTC, datetime, timedelta

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName
from metal3.runtime.webhook import CertificateRotator, RotationOptions

NOW = datetime.now(UTC)
SECRET = NamespacedName("metal3", "webhook-cert")
CONFIG = "validating"


def kind(name, plural):
    """A built-in kind as plain JSON."""
    gvk = metav1.GroupVersionKind("admissionregistration.k8s.io", "v1", name)
    return metav1.Unstructured.of(gvk, plural, namespaced=False)


VALIDATING = kind("ValidatingWebhookConfiguration", "validatingwebhookconfigurations")


def configuration():
    """One webhook by Service and one by URL."""
    return VALIDATING.from_dict(
        {
            "metadata": {"name": CONFIG},
            "webhooks": [
                {"name": "a", "clientConfig": {"service": {"name": "s", "namespace": "metal3"}}},
                {"name": "b", "clientConfig": {"url": "https://elsewhere.example/x"}},
            ],
        }
    )


def rotator(client, folder, now=NOW):
    """A replica."""
    options = RotationOptions(
        secret=SECRET, service="webhook-service", cert_dir=folder, validating=(CONFIG, "missing")
    )
    return CertificateRotator(client=client, options=options, now=lambda: now)


async def bundle(client):
    """The CA that the API server trusts for the first webhook, and the config of the second."""
    stored = (await client.get(VALIDATING, NamespacedName("", CONFIG))).to_dict()
    first, second = (hook["clientConfig"] for hook in stored["webhooks"])
    return base64.b64decode(first["caBundle"]), second


async def test_the_certificate_serves_and_the_api_server_trusts_it(tmp_path):
    """A TLS client with the published CA accepts the pair on disk under the Service's name."""
    client = FakeClient(configuration())
    await rotator(client, tmp_path).ensure()
    ca, untouched = await bundle(client)
    assert "caBundle" not in untouched

    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cadata=ca.decode())
    async with server:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trusting, server_hostname="webhook-service.metal3.svc"
        )
        writer.close()
        await writer.wait_closed()
    assert (tmp_path / "tls.key").stat().st_mode & 0o077 == 0


async def test_replicas_share_one_certificate(tmp_path):
    """Whoever creates the Secret first wins; the other uses it, and nothing is written twice."""
    client = FakeClient(configuration())
    await rotator(client, tmp_path / "a").ensure()
    writes = len(client.actions)
    await rotator(client, tmp_path / "b").ensure()
    assert (tmp_path / "a/tls.crt").read_bytes() == (tmp_path / "b/tls.crt").read_bytes()
    assert len(client.actions) == writes


async def test_renewal_keeps_the_old_one_trusted(tmp_path):
    """Replicas renew at different moments, so both certificates must be accepted meanwhile."""
    client = FakeClient(configuration())
    await rotator(client, tmp_path).ensure()
    first, _ = await bundle(client)
    old = (tmp_path / "tls.crt").read_bytes()
    await rotator(client, tmp_path, NOW + timedelta(days=59)).ensure()
    assert (tmp_path / "tls.crt").read_bytes() == old
    await rotator(client, tmp_path, NOW + timedelta(days=61)).ensure()
    both, _ = await bundle(client)
    assert (tmp_path / "tls.crt").read_bytes() != old
    assert both.endswith(first)
    assert both != first


async def test_a_broken_secret_is_replaced(tmp_path):
    """Nonsense in the Secret must not keep the webhooks down."""
    secret = corev1.Secret.named(SECRET.name, SECRET.namespace)
    secret.data = {"tls.crt": "bm9uc2Vuc2U=", "tls.key": "", "ca.crt": ""}
    client = FakeClient(secret, configuration())
    await rotator(client, tmp_path).ensure()
    ca, _ = await bundle(client)
    assert ca.startswith(b"-----BEGIN CERTIFICATE-----")
