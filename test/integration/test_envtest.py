"""Test environments, on whichever server METAL3_TEST_API names."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from kubernetes import client, config

from metal3.runtime.envtest import (
    Environment,
    InstallError,
    StartError,
    UnsupportedError,
    WebhookInstallOptions,
    WebhookServing,
)

T = TypeVar("T")

WIDGET = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer}}}
"""
REFUSE_ALL = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: refuse-all}
webhooks:
- name: widgets.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  clientConfig: {service: {name: webhook, namespace: system, path: /validate}}
  rules:
  - {apiGroups: [example.com], apiVersions: [v1], resources: [widgets], operations: [CREATE]}
"""


class RefusedError(Exception):
    """The server's answer was an error."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status} {body}")
        self.status = status


def ask(kubeconfig: Path, question: Callable[[client.ApiClient], T]) -> T:
    """Ask with the official client and nothing but what the file says; raises RefusedError.

    The client's own exception would keep its connection open for as long as a test keeps it.
    """
    with config.new_client_from_config(str(kubeconfig)) as api:
        try:
            return question(api)
        except client.ApiException as e:
            refused = RefusedError(int(e.status or 0), str(e.body))
        finally:  # closing the client leaves its connections to the garbage collector
            api.rest_client.pool_manager.clear()
    raise refused


async def namespaces(kubeconfig: Path) -> set[str]:
    """List namespaces as the file's user."""

    def listed(api: client.ApiClient) -> set[str]:
        found = client.CoreV1Api(api).list_namespace().items
        return {str(one.metadata.name) for one in found if one.metadata}

    return await asyncio.to_thread(ask, kubeconfig, listed)


async def create_widget(kubeconfig: Path, name: str, size: Any = 1) -> None:
    """Create a Widget as the file's user."""
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": size},
    }

    def created(api: client.ApiClient) -> None:
        client.CustomObjectsApi(api).create_namespaced_custom_object(
            "example.com", "v1", "default", "widgets", widget
        )

    await asyncio.to_thread(ask, kubeconfig, created)


async def create_namespace(kubeconfig: Path, name: str) -> None:
    """Create a namespace as the file's user."""
    body = client.V1Namespace(metadata=client.V1ObjectMeta(name=name))
    await asyncio.to_thread(
        ask, kubeconfig, lambda api: client.CoreV1Api(api).create_namespace(body)
    )


@pytest.fixture
def crd(tmp_path: Path) -> Path:
    """Write the Widget CRD."""
    path = tmp_path / "widgets.yaml"
    path.write_text(WIDGET)
    return path


async def test_the_kubeconfig_is_an_administrators(env: Environment):
    """The official client works with the file as it is, from the first request on."""
    await create_namespace(env.kubeconfig, "hosts")
    assert {"default", "hosts"} <= await namespaces(env.kubeconfig)


async def test_crds_are_usable_when_the_environment_is(start_environment, crd):
    """No first request ever meets a 404, and the schema counts."""
    async with start_environment(crds=[crd]) as env:
        await create_widget(env.kubeconfig, "good")
        with pytest.raises(RefusedError) as refused:
            await create_widget(env.kubeconfig, "bad", size="large")
    assert refused.value.status == 422


async def test_data_survives_a_restart_of_the_api_server(env: Environment):
    """The server can be taken away and brought back on its address, with all that was written."""
    await create_namespace(env.kubeconfig, "kept")
    await env.stop_apiserver()
    with pytest.raises(Exception, match="refused"):
        await namespaces(env.kubeconfig)
    await env.start_apiserver()
    assert "kept" in await namespaces(env.kubeconfig)
    with pytest.raises(StartError, match="runs already"):
        await env.start_apiserver()


async def test_users_have_the_rights_they_were_given(env: Environment):
    """A new user is known and may do nothing, until RBAC grants it."""
    if not env.enforces_rbac:
        with pytest.raises(UnsupportedError):
            await env.add_user("alice")
        return
    alice = await env.add_user("alice", groups=["operators"])
    with pytest.raises(RefusedError) as refused:
        await namespaces(alice)
    assert refused.value.status == 403
    await asyncio.to_thread(ask, env.kubeconfig, grant_reading_of_namespaces)
    async with asyncio.timeout(30):
        while not await may_list_namespaces(alice):  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.05)


def grant_reading_of_namespaces(api: client.ApiClient) -> None:
    """Bind the group of operators to a role that lists namespaces."""
    meta = client.V1ObjectMeta(name="readers")
    rule = client.V1PolicyRule(api_groups=[""], resources=["namespaces"], verbs=["list"])
    group = "rbac.authorization.k8s.io"
    role = client.V1RoleRef(api_group=group, kind="ClusterRole", name="readers")
    subject = client.RbacV1Subject(api_group=group, kind="Group", name="operators")
    rbac = client.RbacAuthorizationV1Api(api)
    rbac.create_cluster_role(client.V1ClusterRole(metadata=meta, rules=[rule]))
    rbac.create_cluster_role_binding(
        client.V1ClusterRoleBinding(metadata=meta, role_ref=role, subjects=[subject])
    )


async def may_list_namespaces(kubeconfig: Path) -> bool:
    """Say whether the user may."""
    try:
        await namespaces(kubeconfig)
    except RefusedError:
        return False
    return True


@asynccontextmanager
async def refusing_webhook(serving: WebhookServing) -> AsyncIterator[list[str]]:
    """Serve an admission webhook that refuses all, and give the names it was asked about."""
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        review = await request.json()
        asked.append(review["request"]["object"]["metadata"]["name"])
        response = {
            "uid": review["request"]["uid"],
            "allowed": False,
            "status": {"message": "not today"},
        }
        return web.json_response({**review, "response": response})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(serving.cert_dir / "tls.crt", serving.cert_dir / "tls.key")
    app = web.Application()
    app.router.add_post("/validate", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, serving.host, serving.port, ssl_context=context).start()
    yield asked
    await runner.cleanup()


async def test_webhooks_are_called_on_loopback(start_environment, crd, tmp_path):
    """A configuration written for a Service calls the code under test, over verified TLS."""
    manifests = tmp_path / "webhooks.yaml"
    manifests.write_text(REFUSE_ALL)
    options = WebhookInstallOptions(manifests=[manifests])
    async with (
        start_environment(crds=[crd], webhooks=options) as env,
        refusing_webhook(env.webhook_serving) as asked,
    ):
        with pytest.raises(RefusedError, match="not today"):
            await create_widget(env.kubeconfig, "asked-about")
    assert "asked-about" in asked


async def test_a_bad_manifest_leaves_nothing_behind(start_environment, tmp_path, monkeypatch):
    """A refused CRD ends the environment with the server's reason; no process, no folder stays."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(WIDGET.replace("name: widgets.example.com", "name: gadgets.example.com"))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(InstallError, match=r"gadgets\.example\.com"):
        async with start_environment(crds=[bad]):
            pass
    assert list(temporary.iterdir()) == []


@pytest.mark.kube
async def test_the_controller_manager_collects_garbage(start_environment):
    """With the controller manager a deleted namespace goes, as in a cluster."""
    async with start_environment(api="kube", controller_manager=True) as env:
        await create_namespace(env.kubeconfig, "gone")
        await asyncio.to_thread(
            ask, env.kubeconfig, lambda api: client.CoreV1Api(api).delete_namespace("gone")
        )
        async with asyncio.timeout(60):
            while "gone" in await namespaces(env.kubeconfig):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.2)
