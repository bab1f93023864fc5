"""The roles for people on a server that enforces them: an editor and a viewer of hosts."""

import asyncio
from pathlib import Path

import pytest
import yaml

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ForbiddenError, RestClient
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

from .roles import bind, typed

CONFIG = Path(__file__).parents[3] / "config"
pytestmark = pytest.mark.kube


def host(name, namespace="default"):
    """A host that nobody has registered yet."""
    meta = {"name": name, "namespace": namespace}
    return metal3api.BareMetalHost.from_dict({"metadata": meta, "spec": {"online": True}})


async def login(env, admin, user, role):
    """A client of somebody who has just this role."""
    await bind(admin, user, role, "default")
    path = await env.add_user(user)
    return RestClient(await asyncio.to_thread(load_config, path))


async def test_an_editor_writes_and_a_viewer_reads(start_environment):
    """In their namespace, that kind, and never the status."""
    roles = yaml.safe_load_all((CONFIG / "rbac/people/baremetal.yaml").read_text())
    async with (
        start_environment(crds=[CONFIG / "crd/bases"]) as env,
        RestClient(await asyncio.to_thread(load_config, env.kubeconfig)) as admin,
    ):
        await admin.create(corev1.Namespace.named("other"))
        for role in roles:
            await admin.create(typed(role))
        async with (
            await login(env, admin, "editor", "baremetalhost-editor-role") as editor,
            await login(env, admin, "viewer", "baremetalhost-viewer-role") as viewer,
        ):
            await edits(editor)
            await views(viewer)


async def edits(editor):
    """Creates and changes hosts here, and nothing else."""
    made = await editor.create(host("host-0"))
    made.spec.online = False
    made = await editor.update(made)
    with pytest.raises(ForbiddenError):
        await editor.update_subresource(made, "status")
    with pytest.raises(ForbiddenError):
        await editor.create(host("host-0", "other"))
    with pytest.raises(ForbiddenError):
        await editor.create(corev1.new_secret("bmc", "default", {"username": "admin"}))


async def views(viewer):
    """Sees what the editor made, and cannot change it."""
    seen = await viewer.get(metal3api.BareMetalHost, NamespacedName("default", "host-0"))
    assert seen.spec.online is False
    with pytest.raises(ForbiddenError):
        await viewer.delete(seen)
    with pytest.raises(ForbiddenError):
        await viewer.create(host("host-1"))
