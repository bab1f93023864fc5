"""Reading manifests, and leading their webhooks to loopback."""

import base64
from typing import Any

import pytest

from metal3.runtime.envtest import InstallError, WebhookInstallOptions
from metal3.runtime.envtest._manifests import CRD_KIND, WEBHOOK_KINDS, read_manifests
from metal3.runtime.envtest._webhooks import lead_conversions_here, prepare_serving

CRD = "kind: CustomResourceDefinition\nmetadata: {name: %s}\n"


def names(manifests) -> list[str]:
    """Give the names of objects."""
    return [one["metadata"]["name"] for one in manifests]


def test_folders_and_files_are_read_in_order(tmp_path):
    """Several documents a file, several files a folder; other kinds and files are passed over."""
    (tmp_path / "b.yaml").write_text(CRD % "second" + "---\n" + CRD % "third")
    (tmp_path / "a.yml").write_text(CRD % "first" + "---\n---\nkind: Namespace\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yml]\n")
    (tmp_path / "notes.txt").write_text(CRD % "no")
    extra = tmp_path / "extra.txt"
    extra.write_text(CRD % "named")
    assert names(read_manifests([tmp_path, extra], kinds=CRD_KIND)) == [
        "first",
        "second",
        "third",
        "named",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("kind: Namespace\n", "no CustomResourceDefinition in it", id="other-kind"),
        pytest.param("", "no CustomResourceDefinition in it", id="empty"),
        pytest.param("- just\n- a list\n", "no CustomResourceDefinition in it", id="no-object"),
        pytest.param("kind: [\n", "expected node content", id="not-yaml"),
    ],
)
def test_a_path_without_what_was_asked_for_is_an_error(tmp_path, content, message):
    """A test never runs in the belief that its CRDs are installed."""
    file = tmp_path / "crds.yaml"
    file.write_text(content)
    with pytest.raises(InstallError, match=message) as raised:
        read_manifests([file], kinds=CRD_KIND)
    assert "crds.yaml" in str(raised.value)


def test_a_missing_path_is_an_error(tmp_path):
    """A mistyped path is named."""
    with pytest.raises(InstallError, match=r"nowhere\.yaml"):
        read_manifests([tmp_path / "nowhere.yaml"], kinds=WEBHOOK_KINDS)


def test_conversion_webhooks_are_led_to_the_local_port(tmp_path):
    """The Service's path stays, host, port and trust become the environment's; None stays None."""
    serving = prepare_serving(WebhookInstallOptions(port=9443), tmp_path)
    service = {"service": {"name": "s", "namespace": "n", "path": "/convert"}}
    webhook = {"conversionReviewVersions": ["v1"], "clientConfig": service}
    crds: list[dict[str, Any]] = [
        {"spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}}},
        {"spec": {"conversion": {"strategy": "None"}}},
        {"spec": {}},
    ]
    led, *others = lead_conversions_here(crds, serving)
    assert led["spec"]["conversion"]["webhook"] == {
        "conversionReviewVersions": ["v1"],
        "clientConfig": {
            "url": "https://127.0.0.1:9443/convert",
            "caBundle": base64.b64encode(serving.ca).decode(),
        },
    }
    assert others == crds[1:]
    assert (serving.cert_dir / "tls.crt").is_file()
    assert (serving.cert_dir / "tls.key").is_file()
