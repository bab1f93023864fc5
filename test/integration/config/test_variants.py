"""Variants of the bare-metal operator's manifests, rendered as kubectl does."""

from pathlib import Path

import pytest

from metal3.provisioner.ironic._config import read_config
from metal3.runtime.types import NamespacedName

from ..kustomize import (  # noqa: TID252 - shared by all integration tests
    KUBECTL,
    NO_KUBECTL,
    kustomize,
)

OVERLAYS = Path(__file__).parents[3] / "config/overlays"
NAME = "baremetal-operator-controller-manager"
pytestmark = pytest.mark.skipif(KUBECTL is None, reason=NO_KUBECTL)


async def render(overlay):
    """The objects of an overlay, by kind and name."""
    return await kustomize(OVERLAYS / overlay)


async def pod(overlay):
    """What the manager's pod is made of."""
    return (await render(overlay))["Deployment", NAME]["spec"]["template"]["spec"]


async def test_login_and_ca_are_where_the_operator_looks_for_them():
    """At the paths it has as defaults, so that no variable is needed."""
    spec = await pod("basic-auth_tls")
    volumes = {v["name"]: v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v}
    mounts = {m["name"]: m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
    assert volumes["ironic-credentials"] == "ironic-credentials"
    assert mounts["ironic-credentials"] == "/opt/metal3/auth/ironic"
    assert volumes["ironic-cacert"] == "ironic-cacert"
    assert mounts["ironic-cacert"] == "/opt/metal3/certs/ca"
    # What was there stays.
    assert mounts["cert"] == "/tmp/k8s-webhook-server/serving-certs"  # noqa: S108 - of the Deployment


async def test_one_namespace_needs_no_right_in_others():
    """The role is there to be bound, and nobody has it in the whole cluster."""
    objects = await render("namespace-scoped")
    assert ("ClusterRole", "baremetal-operator-manager-role") in objects
    assert ("ClusterRoleBinding", "baremetal-operator-manager-rolebinding") not in objects
    assert objects["ConfigMap", "ironic"]["data"]["WATCH_NAMESPACE"] == "metal3"
    assert (await pod("namespace-scoped"))["containers"][0]["args"][-1] == "--hostclaims=false"


async def test_a_manager_without_machines():
    """The flag is all there is to it."""
    assert "--provisioner=fixture" in (await pod("fixture"))["containers"][0]["args"]


async def test_an_ironic_that_is_found_by_its_resource():
    """In the operator's own namespace, since no other is named; an address would be ignored."""
    objects = await render("use-irso")
    settings = objects["ConfigMap", "ironic"]["data"]
    assert "IRONIC_ENDPOINT" not in settings
    config = read_config(settings | {"POD_NAMESPACE": "baremetal-operator-system"})
    assert config.resource == NamespacedName("baremetal-operator-system", "ironic")
