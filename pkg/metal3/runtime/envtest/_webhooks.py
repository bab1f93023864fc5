"""Webhooks of the code under test, reached over loopback instead of through a Service."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ._admin import AdminClient
from ._certs import CertificateAuthority, write_pair
from ._process import LOOPBACK, free_port

COLLECTIONS: Final[Mapping[str, str]] = {
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
}


@dataclass(frozen=True, kw_only=True)
class WebhookInstallOptions:
    """What to wire: files or folders with webhook configurations, and the port to send them to."""

    manifests: Sequence[Path] = ()
    port: int | None = None
    """Port that the code under test will listen on; chosen when not given."""


@dataclass(frozen=True, kw_only=True)
class WebhookServing:
    """Where the code under test has to listen, and the certificate to show there."""

    host: str
    port: int
    cert_dir: Path
    """Holds ``tls.crt`` and ``tls.key``, the names a mounted Secret has."""
    ca: bytes
    """PEM of the authority that the API server trusts for these webhooks."""

    def client_config(self, configured: Mapping[str, Any]) -> dict[str, Any]:
        """Give a clientConfig that leads here: the path of the Service stays, the rest goes."""
        path = str(configured.get("service", {}).get("path", "/")).lstrip("/")
        return {
            "url": f"https://{self.host}:{self.port}/{path}",
            "caBundle": base64.b64encode(self.ca).decode(),
        }


def prepare_serving(options: WebhookInstallOptions, cert_dir: Path) -> WebhookServing:
    """Choose the port and write the serving certificate."""
    authority = CertificateAuthority("envtest webhooks")
    write_pair(authority.serving([LOOPBACK, "localhost"]), cert_dir, "tls")
    return WebhookServing(
        host=LOOPBACK,
        port=options.port or free_port(),
        cert_dir=cert_dir,
        ca=authority.certificate,
    )


def lead_conversions_here(
    crds: Sequence[Mapping[str, Any]], serving: WebhookServing
) -> list[Mapping[str, Any]]:
    """Give the CRDs with their conversion webhooks, where they have one, led to the local port."""
    return [_with_local_conversion(crd, serving) for crd in crds]


async def install_webhooks(
    admin: AdminClient, manifests: Sequence[Mapping[str, Any]], serving: WebhookServing
) -> None:
    """Install webhook configurations, led to the local port. Raises InstallError."""
    for manifest in manifests:
        local = [
            {**webhook, "clientConfig": serving.client_config(webhook.get("clientConfig", {}))}
            for webhook in manifest.get("webhooks", [])
        ]
        collection = COLLECTIONS[manifest["kind"]]
        await admin.put_in_place(
            f"/apis/admissionregistration.k8s.io/v1/{collection}", {**manifest, "webhooks": local}
        )


def _with_local_conversion(crd: Mapping[str, Any], serving: WebhookServing) -> Mapping[str, Any]:
    conversion = crd["spec"].get("conversion", {})
    if conversion.get("strategy") != "Webhook":
        return crd
    webhook = conversion.get("webhook", {})
    local = {**webhook, "clientConfig": serving.client_config(webhook.get("clientConfig", {}))}
    return {**crd, "spec": {**crd["spec"], "conversion": {**conversion, "webhook": local}}}
