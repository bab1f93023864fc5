"""Webhooks of a running manager, called by an API server that verifies who answers."""

import asyncio
import base64
import contextlib
import ssl
from datetime import timedelta

import pytest
import yaml
from cryptography import x509

from metal3 import ctrl
from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.runtime.certwatcher import CertWatcher
from metal3.runtime.client import (
    ForbiddenError,
    InternalServerError,
    InvalidError,
    Patch,
    PatchType,
    RestClient,
)
from metal3.runtime.envtest import WebhookInstallOptions
from metal3.runtime.envtest._certs import CertificateAuthority
from metal3.runtime.webhook import (
    AdmissionWebhook,
    DeniedError,
    WebhookOptions,
    WebhookServer,
    invalid,
)

LOOK = timedelta(milliseconds=100)
"""How often the certificate is looked at here."""


class Rules:
    """Config maps may hold no bad word."""

    async def validate_create(self, obj, request):
        """Name each key that is wrong."""
        bad = [
            invalid(f"data[{k}]", v, "mind your words") for k, v in obj.data.items() if v == "bad"
        ]
        if bad:
            raise DeniedError(*bad)
        return []

    async def validate_update(self, old, new, request):
        """As a new one."""
        return await self.validate_create(new, request)

    async def validate_delete(self, obj, request):
        """Always."""
        return []


RULES = AdmissionWebhook(kind=corev1.ConfigMap, validator=Rules())
CONFIGURATION = metav1.Unstructured.of(
    metav1.GroupVersionKind("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration"),
    "validatingwebhookconfigurations",
    namespaced=False,
)
WEBHOOK = {
    "name": "words.example.com",
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "failurePolicy": "Fail",
    "timeoutSeconds": 5,
    "namespaceSelector": {"matchLabels": {"words": "minded"}},
    "rules": [
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "resources": ["configmaps"],
            "operations": ["CREATE", "UPDATE"],
        }
    ],
}


@contextlib.asynccontextmanager
async def serving(env, prepare, *, port=0, cert_dir):
    """A manager that serves webhooks while the block runs, and its server."""
    watcher = CertWatcher(cert_dir / "tls.crt", cert_dir / "tls.key", interval=LOOK)
    await watcher.load()
    server = WebhookServer(
        WebhookOptions(host="127.0.0.1", port=port), ssl_context=watcher.ssl_context
    )
    prepare(server)
    config = await asyncio.to_thread(ctrl.load_config, str(env.kubeconfig))
    mgr = ctrl.Manager(
        config,
        ctrl.ManagerOptions(webhook_server=server, metrics=ctrl.MetricsOptions(addr="0")),
    )
    mgr.add(watcher)
    stop = asyncio.Event()
    async with RestClient(config) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        await server.started.wait()
        try:
            yield client, server
        finally:
            stop.set()


def show(authority, folder):
    """Put a certificate where the server looks; the key comes a moment later, as files do."""
    pair = authority.serving(["127.0.0.1"])
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)


async def shown_serial(port):
    """The serial number of the certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return x509.load_der_x509_certificate(shown).serial_number


def trusting(port, *authorities):
    """The configuration, with who may answer."""
    bundle = b"".join(one.certificate for one in authorities)
    client_config = {
        "url": f"https://127.0.0.1:{port}{RULES.validate_path}",
        "caBundle": base64.b64encode(bundle).decode(),
    }
    webhooks = [WEBHOOK | {"clientConfig": client_config}]
    return CONFIGURATION.from_dict({"metadata": {"name": "words"}, "webhooks": webhooks})


async def trust(client, port, *authorities):
    """Make the API server trust these, as cert-manager's CA injector does."""
    made = trusting(port, *authorities)
    stored = await client.get(CONFIGURATION, ctrl.NamespacedName("", "words"))
    made.metadata.resource_version = stored.metadata.resource_version
    await client.update(made)


def config_map(name, value):
    """What the webhook is asked about."""
    return corev1.ConfigMap.named(name, "minded", data={"word": value})


async def asked(client, name):
    """Wait until the API server asks the webhook: configurations take effect a little later."""
    async with asyncio.timeout(30):
        while True:
            try:
                await client.create(config_map(name, "bad"), dry_run=True)
            except ForbiddenError as denied:
                assert "data[word]" in str(denied)  # noqa: PT017 - the loop ends by it
                assert "mind your words" in str(denied)  # noqa: PT017
                return
            await asyncio.sleep(0.1)


async def until_trust_is_gone(client):
    """Wait until the certificate that is shown is not trusted any more: writes fail."""
    async with asyncio.timeout(30):
        while True:
            try:
                await client.create(config_map("probe", "good"), dry_run=True)
            except InternalServerError as failed:
                return str(failed)
            await asyncio.sleep(0.1)


async def test_a_certificate_is_replaced_while_serving(env, tmp_path):
    """A renewal, authority and all, that no user notices; afterwards only the new one is shown."""
    old, new = CertificateAuthority("old"), CertificateAuthority("new")
    show(old, tmp_path)
    async with serving(env, lambda s: s.register(RULES), cert_dir=tmp_path) as (client, server):
        minded = corev1.Namespace.named("minded")
        minded.metadata.labels = {"words": "minded"}
        await client.create(minded)
        await client.create(trusting(server.port, old))
        await asked(client, "first")

        written, done = 0, asyncio.Event()

        async def users():
            nonlocal written
            while not done.is_set():
                await client.create(config_map(f"user-{written}", "good"))
                written += 1
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(users())
            await trust(client, server.port, old, new)
            await asyncio.sleep(1)  # the API server learns of it by a watch of its own
            before = await shown_serial(server.port)
            show(new, tmp_path)
            async with asyncio.timeout(30):
                while await shown_serial(server.port) == before:  # noqa: ASYNC110 - files are polled
                    await asyncio.sleep(0.05)
            await trust(client, server.port, new)
            seen = written
            async with asyncio.timeout(30):
                while written < seen + 20:  # noqa: ASYNC110 - another task counts
                    await asyncio.sleep(0.05)
            done.set()
        await asked(client, "last")

        await trust(client, server.port, CertificateAuthority("stranger"))
        assert "certificate" in await until_trust_is_gone(client)


VERSIONS = ("v1alpha1", "v1beta1", "v1")
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boxes.test.example}
spec:
  group: test.example
  scope: Namespaced
  names: {kind: Box, listKind: BoxList, plural: boxes, singular: box}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {service: {name: webhook, namespace: system, path: /convert}}
  versions: []
"""
SIZES = {"v1alpha1": "inches", "v1beta1": "centimeters", "v1": "millimeters"}
FACTOR = {"v1alpha1": 25, "v1beta1": 10, "v1": 1}


def box_crd():
    """A kind whose three versions call its size differently, and count it differently."""
    crd = yaml.safe_load(CRD)
    for name in VERSIONS:
        number = {"type": "integer", "minimum": 1}
        spec = {"type": "object", "properties": {SIZES[name]: number}, "required": [SIZES[name]]}
        properties = {
            "spec": spec,
            "status": {"type": "object", "properties": {SIZES[name]: number}},
        }
        crd["spec"]["versions"].append(
            {
                "name": name,
                "served": True,
                "storage": name == "v1",
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
            }
        )
    return crd


def rewritten(obj, source, target):
    """Spec and status of one version as another has them; ValueError for what does not fit."""
    out = dict(obj)
    for part in ("spec", "status"):
        if part in obj:
            size = obj[part][SIZES[source]] * FACTOR[source]
            if size % FACTOR[target]:
                raise ValueError(f"{size} mm are no whole {SIZES[target]}")
            out[part] = {SIZES[target]: size // FACTOR[target]}
    return out


def box(version):
    """The kind in one of its versions."""
    gvk = metav1.GroupVersionKind("test.example", version, "Box")
    return metav1.Unstructured.of(gvk, "boxes")


def teach(server):
    """Register the conversions of boxes; v1 is in the middle."""
    server.converters.add_hub("Box.test.example", "v1")
    for version in VERSIONS[:-1]:
        server.converters.add_spoke(
            "Box.test.example",
            version,
            to_hub=lambda obj, v=version: rewritten(obj, v, "v1"),
            from_hub=lambda obj, v=version: rewritten(obj, "v1", v),
        )


@pytest.fixture
async def boxes(start_environment, tmp_path):
    """A client of a server that serves boxes in three versions, converted by a manager."""
    path = tmp_path / "boxes.yaml"
    path.write_text(yaml.safe_dump(box_crd()))
    # Conversions are led to a port that the environment knows; nothing answers there yet.
    async with start_environment(webhooks=WebhookInstallOptions()) as env:
        where = env.webhook_serving
        async with serving(env, teach, port=where.port, cert_dir=where.cert_dir) as (client, _):
            await env.install_crds([path])
            yield client


async def test_three_versions_of_one_object(boxes):
    """Written in any version, read, listed, changed and watched in every other."""
    key = ctrl.NamespacedName("default", "b")
    made = await boxes.create(box("v1alpha1").named(*reversed(key), spec={"inches": 2}))
    assert made.to_dict()["spec"] == {"inches": 2}
    for version, size in (("v1alpha1", 2), ("v1beta1", 5), ("v1", 50)):
        found = await boxes.get(box(version), key)
        assert found.to_dict()["apiVersion"] == f"test.example/{version}"
        assert found.to_dict()["spec"] == {SIZES[version]: size}
        assert found.metadata.uid == made.metadata.uid

    middle = await boxes.get(box("v1beta1"), key)
    start = middle.metadata.resource_version
    changed = middle.to_dict() | {"status": {"centimeters": 5}}
    await boxes.status.update(box("v1beta1").from_dict(changed))
    intent = {"spec": {"millimeters": 250}}
    patch = Patch(PatchType.APPLY, intent, field_manager="me", force=True)
    await boxes.patch(box("v1").named(*reversed(key)), patch)
    listed = await boxes.list(box("v1alpha1"), namespace="default")
    assert [(o.to_dict()["spec"], o.to_dict()["status"]) for o in listed.items] == [
        ({"inches": 10}, {"inches": 2})
    ]
    async with (
        asyncio.timeout(30),
        boxes.watch(box("v1alpha1"), namespace="default", resource_version=start) as events,
    ):
        seen = [(await anext(events)).object.to_dict() for _ in range(2)]
    assert [obj["spec"] for obj in seen] == [{"inches": 2}, {"inches": 10}]


async def test_what_cannot_be_converted_says_why(boxes):
    """The converter's words reach the user; the object stays, for those who can read it."""
    await boxes.create(box("v1").named("odd", "default", spec={"millimeters": 7}))
    key = ctrl.NamespacedName("default", "odd")
    with pytest.raises(InternalServerError, match="7 mm are no whole inches"):
        await boxes.get(box("v1alpha1"), key)
    with pytest.raises(InvalidError, match=r"spec\.inches"):
        await boxes.create(box("v1alpha1").named("none", "default", spec={"inches": 0}))
    assert (await boxes.get(box("v1"), key)).to_dict()["spec"] == {"millimeters": 7}
    await boxes.delete(await boxes.get(box("v1"), key))
