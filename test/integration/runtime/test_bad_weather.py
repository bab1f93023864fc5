"""A manager that meets an API server that is away, or that does not know it any more."""

import asyncio
import json
from contextlib import asynccontextmanager

import yaml

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.apiserver import Config, Server
from metal3.runtime.client import NotFoundError, RestClient, UnauthorizedError
from metal3.runtime.rest import Request, load_config
from metal3.runtime.types import NamespacedName

from .copying import client_of, config_map, copied, copying_manager

ADMINISTRATORS = metav1.Unstructured.of(
    metav1.GroupVersionKind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding"),
    "clusterrolebindings",
    namespaced=False,
)
ACCOUNT = NamespacedName("default", "operator")
BINDING = {
    "metadata": {"name": "operators"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "cluster-admin",
    },
    "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "operator"}],
}


async def test_a_server_that_is_not_there_yet(env):
    """A manager that starts first waits for the API server, and then does its work."""
    async with client_of(env) as client:
        await client.create(config_map("waiting", "1"))
        await env.stop_apiserver()
        mgr, copier = copying_manager(env)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(mgr.start(stop))
            await asyncio.sleep(1)
            assert not running.done()
            await env.start_apiserver()
            assert await copied(client, "waiting", "1") == "copier"
            stop.set()
    assert copier.overlaps == 0


class RealAccount:
    """A service account of the real server; its tokens die with it."""

    def __init__(self, env):
        self.env, self.kubeconfig = env, env.kubeconfig

    async def token(self):
        """A token of the account as it is now."""
        kind = metav1.Unstructured.of(metav1.GroupVersionKind("", "v1", "ServiceAccount"), "")
        async with client_of(self.env) as client:
            try:
                await client.delete(await client.get(kind, ACCOUNT))
            except NotFoundError:
                await client.create(ADMINISTRATORS.from_dict(BINDING))
            await client.create(kind.named(ACCOUNT.name, ACCOUNT.namespace))
            path = f"/api/v1/namespaces/{ACCOUNT.namespace}/serviceaccounts/{ACCOUNT.name}/token"
            asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
            request = Request(method="POST", path=path, body=json.dumps(asked).encode())
            return json.loads(await client.transport.send(request))["status"]["token"]

    async def restart(self, _token):
        """Streams of the old token would live on until their time is up: cut them."""
        await self.env.stop_apiserver()
        await self.env.start_apiserver()

    async def stop(self):
        """Leave it to the environment."""


class EmbeddedAccount:
    """The one user of the embedded server, whose token is what the server was started with."""

    def __init__(self, folder):
        self.folder, self.port, self.count = folder, 0, 0
        self.kubeconfig = folder / "kubeconfig"
        self.server = None

    async def token(self):
        """One that the next start will know."""
        self.count += 1
        return f"token-{self.count}"

    async def restart(self, token):
        """Start, on the same address as before, with another token."""
        await self.stop()
        config = Config(data_dir=self.folder / "data", port=self.port, token=token)
        self.server = Server(config)
        await self.server.__aenter__()
        self.port = int(self.server.url.rpartition(":")[2])
        self.server.write_kubeconfig(self.kubeconfig)

    async def stop(self):
        """End the server."""
        if self.server is not None:
            await self.server.__aexit__(None, None, None)


@asynccontextmanager
async def account_of(env, folder):
    """Somebody whose credentials can be made worthless."""
    account = RealAccount(env) if env.api == "kube" else EmbeddedAccount(folder)
    try:
        yield account
    finally:
        await account.stop()


def with_token_file(kubeconfig, token_file):
    """The same cluster, for a user whose token is in a file."""
    content = yaml.safe_load(kubeconfig.read_text())
    content["users"][0]["user"] = {"tokenFile": str(token_file)}
    path = token_file.with_suffix(".kubeconfig")
    path.write_text(yaml.safe_dump(content))
    return path


async def refused(kubeconfig):
    """Wait until the server takes the token no more."""
    async with asyncio.timeout(60), RestClient(load_config(str(kubeconfig))) as client:
        while True:
            try:
                await client.list(corev1.ConfigMap, namespace="default", limit=1)
            except UnauthorizedError:
                return
            await asyncio.sleep(0.2)


async def test_a_token_is_replaced_after_the_server_refused_it(env, tmp_path):
    """Meanwhile nothing is done and nothing ends; the new file is enough, without a restart."""
    token_file = tmp_path / "token"
    async with account_of(env, tmp_path) as account:
        token = await account.token()
        await account.restart(token)
        token_file.write_text(token)
        kubeconfig = with_token_file(account.kubeconfig, token_file)
        mgr, copier = copying_manager(env, kubeconfig=kubeconfig)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(mgr.start(stop))
            async with client_of(account) as client:
                await client.create(config_map("before", "1"))
                await copied(client, "before", "1")

            token = await account.token()
            await account.restart(token)
            await refused(kubeconfig)
            async with client_of(account) as client:
                await client.create(config_map("after", "1"))
                await asyncio.sleep(1)
                unseen = await client.get(corev1.ConfigMap, NamespacedName("default", "after"))
                assert "copy" not in unseen.data
                assert not running.done()
                token_file.write_text(token)
                await copied(client, "after", "1")
            stop.set()
    assert copier.overlaps == 0
