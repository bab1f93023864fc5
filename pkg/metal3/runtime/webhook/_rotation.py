"""Keeps a self-made webhook certificate fresh, on disk and known to the API server.

Reads and writes: one Secret that all replicas share (whoever creates or updates it first wins),
and ``caBundle`` in webhook configurations and CRDs. Looks again: after ``check_every``.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.pki import write_private
from metal3.runtime.client import (
    AlreadyExistsError,
    ApiError,
    Client,
    ConflictError,
    NotFoundError,
    Patch,
    PatchType,
)
from metal3.runtime.log import get_logger
from metal3.runtime.types import NamespacedName

from ._certificates import Certificate, issue

CERT_FILE: Final = "tls.crt"
KEY_FILE: Final = "tls.key"
CA_FILE: Final = "ca.crt"

_ADMISSION: Final = "admissionregistration.k8s.io"
ValidatingConfiguration = metav1.Unstructured.of(
    metav1.GroupVersionKind(_ADMISSION, "v1", "ValidatingWebhookConfiguration"),
    "validatingwebhookconfigurations",
    namespaced=False,
)
MutatingConfiguration = metav1.Unstructured.of(
    metav1.GroupVersionKind(_ADMISSION, "v1", "MutatingWebhookConfiguration"),
    "mutatingwebhookconfigurations",
    namespaced=False,
)
CustomResourceDefinition = metav1.Unstructured.of(
    metav1.GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    "customresourcedefinitions",
    namespaced=False,
)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationOptions:
    """What the certificate is for and who must be told."""

    secret: NamespacedName
    service: str
    cert_dir: Path
    validating: tuple[str, ...] = ()
    mutating: tuple[str, ...] = ()
    crds: tuple[str, ...] = ()
    validity: timedelta = timedelta(days=90)
    check_every: timedelta = timedelta(minutes=10)

    @property
    def dns_names(self) -> tuple[str, ...]:
        """The names under which the API server calls a Service."""
        host = f"{self.service}.{self.secret.namespace}.svc"
        return (host, f"{host}.cluster.local", f"{self.service}.{self.secret.namespace}")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRotator:
    """A Runnable that needs no leadership: every replica must have the files."""

    client: Client
    options: RotationOptions
    now: Callable[[], datetime] = _now
    needs_leader_election: bool = False

    async def run(self) -> None:
        """Check for ever; trouble is logged and tried again."""
        while True:
            try:
                await self.ensure()
            except ApiError as error:
                log.warning("webhook certificate could not be checked", error=str(error))
            await asyncio.sleep(self.options.check_every.total_seconds())

    async def ensure(self) -> None:
        """One check; raises ApiError. Call it once before the webhook server starts."""
        certificate = await self._shared()
        await asyncio.to_thread(write_files, self.options.cert_dir, certificate)
        await self._publish(certificate.ca)

    async def _shared(self) -> Certificate:
        """The certificate all replicas use, renewed when a third of its life is left."""
        try:
            secret = await self.client.get(corev1.Secret, self.options.secret)
        except NotFoundError:
            return await self._create()
        current = _read(secret)
        if current and current.is_valid_for(
            self.options.dns_names, now=self.now(), margin=self.options.validity / 3
        ):
            return current
        return await self._renew(secret, current)

    async def _create(self) -> Certificate:
        fresh = self._issue()
        secret = corev1.Secret.named(self.options.secret.name, self.options.secret.namespace)
        secret.type = "kubernetes.io/tls"
        secret.data = _encode(fresh)
        try:
            await self.client.create(secret)
        except AlreadyExistsError:
            return await self._shared()
        return fresh

    async def _renew(self, secret: corev1.Secret, old: Certificate | None) -> Certificate:
        fresh = self._issue()
        if old is not None:  # replicas that still serve the old one stay trusted
            fresh = Certificate(ca=fresh.ca + _first(old.ca), cert=fresh.cert, key=fresh.key)
        secret.data = {**secret.data, **_encode(fresh)}
        try:
            await self.client.update(secret)
        except ConflictError:
            return await self._shared()
        log.info("webhook certificate renewed")
        return fresh

    def _issue(self) -> Certificate:
        return issue(self.options.dns_names, now=self.now(), validity=self.options.validity)

    async def _publish(self, ca: bytes) -> None:
        bundle = base64.b64encode(ca).decode()
        for kind, names in (
            (ValidatingConfiguration, self.options.validating),
            (MutatingConfiguration, self.options.mutating),
        ):
            for name in names:
                await self._publish_in(kind, name, _webhook_paths, bundle)
        for name in self.options.crds:
            await self._publish_in(CustomResourceDefinition, name, _conversion_paths, bundle)

    async def _publish_in(
        self,
        kind: type[metav1.Unstructured],
        name: str,
        paths: Callable[[Mapping[str, Any]], list[tuple[str, str]]],
        bundle: str,
    ) -> None:
        try:
            obj = await self.client.get(kind, NamespacedName("", name))
        except NotFoundError:
            return
        stale = [path for path, current in paths(obj.to_dict()) if current != bundle]
        if not stale:
            return
        test = {"op": "test", "path": "/metadata/resourceVersion"}
        operations = [
            {**test, "value": obj.metadata.resource_version},
            *({"op": "add", "path": path, "value": bundle} for path in stale),
        ]
        await self.client.patch(obj, Patch(PatchType.JSON, operations))


def write_files(folder: Path, certificate: Certificate) -> None:
    """Put the pair in place, each file whole or not at all; unchanged files stay untouched."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (
        (CA_FILE, certificate.ca),
        (KEY_FILE, certificate.key),
        (CERT_FILE, certificate.cert),
    ):
        path = folder / name
        if path.exists() and path.read_bytes() == content:
            continue
        write_private(path, content)


def _webhook_paths(obj: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"/webhooks/{index}/clientConfig/caBundle", str(hook["clientConfig"].get("caBundle", "")))
        for index, hook in enumerate(obj.get("webhooks") or ())
        if "service" in hook.get("clientConfig", {})
    ]


def _conversion_paths(obj: Mapping[str, Any]) -> list[tuple[str, str]]:
    config = ((obj.get("spec") or {}).get("conversion") or {}).get("webhook") or {}
    client = config.get("clientConfig") or {}
    if "service" not in client:
        return []
    path = "/spec/conversion/webhook/clientConfig/caBundle"
    return [(path, str(client.get("caBundle", "")))]


def _first(bundle: bytes) -> bytes:
    end = b"-----END CERTIFICATE-----\n"
    return bundle.partition(end)[0] + end


def _encode(certificate: Certificate) -> dict[str, str]:
    pairs = {CA_FILE: certificate.ca, CERT_FILE: certificate.cert, KEY_FILE: certificate.key}
    return {name: base64.b64encode(content).decode() for name, content in pairs.items()}


def _read(secret: corev1.Secret) -> Certificate | None:
    try:
        ca, cert, key = (
            base64.b64decode(secret.data[name]) for name in (CA_FILE, CERT_FILE, KEY_FILE)
        )
    except (KeyError, ValueError):
        return None
    return Certificate(ca=ca, cert=cert, key=key)
