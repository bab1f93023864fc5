"""The IP address operator on an API server, under its own RBAC and webhooks.

Cluster API's CRDs come from its module, when that is there.
"""

import asyncio
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from metal3 import ctrl
from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.controllers.ipam import IPAMOptions, setup
from metal3.runtime.certwatcher import CertWatcher
from metal3.runtime.client import (
    ForbiddenError,
    NotFoundError,
    Patch,
    PatchType,
    RestClient,
)
from metal3.runtime.envtest import Environment, WebhookInstallOptions
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName
from metal3.runtime.webhook import WebhookOptions, WebhookServer

TOP = Path(__file__).parents[2]
NAMESPACE = "metal3"
SERVICE_ACCOUNT = "system:serviceaccount:metal3-ipam-system:ipam-manager"
CLAIM_KINDS: tuple[type[metav1.Object], ...] = (ipamv1.IPClaim, capiipamv1.IPAddressClaim)
ADDRESS_KINDS: tuple[type[metav1.Object], ...] = (ipamv1.IPAddress, capiipamv1.IPAddress)
NO_MODULE = "the Cluster API module is not in the Go module cache: run hack/setup-capi"
CORE = {
    "Namespace": ("", "v1", "namespaces", False),
    "ClusterRole": ("rbac.authorization.k8s.io", "v1", "clusterroles", False),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", False),
}


@cache
def cluster_api_crds() -> list[Path]:
    """The CRDs of the pinned Cluster API module; empty when Go or the module is not there."""
    go = shutil.which("go")
    if go is None:
        return []
    found = subprocess.run(  # noqa: S603 - our own pin, asked of the installed Go
        [go, "list", "-mod=mod", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api"],
        cwd=TOP / "hack/tools/capi",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    names = (
        "cluster.x-k8s.io_clusters",
        "ipam.cluster.x-k8s.io_ipaddressclaims",
        "ipam.cluster.x-k8s.io_ipaddresses",
    )
    folder = Path(found.stdout.strip() or "/nowhere") / "core/config/crd/bases"
    files = [folder / f"{name}.yaml" for name in names]
    return files if all(path.is_file() for path in files) else []


@dataclass
class Stage:
    """An API server on which the operator runs."""

    env: Environment
    client: RestClient
    has_cluster_api: bool
    tasks: asyncio.TaskGroup
    stops: list[asyncio.Event] = field(default_factory=list)

    async def start_manager(self, user: Path, *, webhooks: bool = False) -> None:
        """One more manager; the first serves the webhooks."""
        server = await self._webhook_server() if webhooks else None
        options = ctrl.ManagerOptions(metrics=ctrl.MetricsOptions(addr="0"), webhook_server=server)
        mgr = ctrl.Manager(load_config(str(user)), options)
        await setup(mgr, IPAMOptions(cluster_api_interval=timedelta(seconds=1)))
        stop = asyncio.Event()
        self.stops.append(stop)
        self.tasks.create_task(mgr.start(stop))
        await mgr.elected.wait()

    async def _webhook_server(self) -> WebhookServer:
        serving = self.env.webhook_serving
        watcher = CertWatcher(serving.cert_dir / "tls.crt", serving.cert_dir / "tls.key")
        await watcher.load()
        options = WebhookOptions(host=serving.host, port=serving.port)
        return WebhookServer(options, ssl_context=watcher.ssl_context)

    async def create(self, *objects: metav1.Object) -> None:
        """As an administrator."""
        for obj in objects:
            await self.client.create(obj)

    async def until(self, done: Callable[[], Any], *, limit: float = 60) -> Any:
        """Ask again until the answer is something."""
        async with asyncio.timeout(limit):
            while True:
                found = await done()
                if found:
                    return found
                await asyncio.sleep(0.05)

    async def served(self, kind: type[metav1.Object], name: str) -> Any:
        """The claim, once it is Ready."""

        async def ready():
            claim: Any = await self.client.get(kind, NamespacedName(NAMESPACE, name))
            return claim if metav1.is_condition_true(claim.status.conditions, "Ready") else None

        return await self.until(ready)

    async def gone(self, kind: type[metav1.Object]) -> None:
        """Until no object of the kind is left."""

        async def none_left():
            return not (await self.client.list(kind, namespace=NAMESPACE)).items

        await self.until(none_left)


def manifest(document: dict[str, Any]) -> metav1.Object:
    """A built-in kind out of a manifest."""
    group, version, plural, namespaced = CORE[document["kind"]]
    gvk = metav1.GroupVersionKind(group, version, document["kind"])
    return metav1.Unstructured.of(gvk, plural, namespaced=namespaced).from_dict(document)


def ours(document: dict[str, Any]) -> metav1.Object:
    """A kind of this operator out of a manifest."""
    kinds: dict[str, type[metav1.Object]] = {k.gvk.kind: k for k in ipamv1.KINDS}
    kinds["IPAddressClaim"] = capiipamv1.IPAddressClaim
    return kinds[document["kind"]].from_dict(document)


@asynccontextmanager
async def running(
    start: Any, *, managers: int = 1, webhooks: bool = True, cluster_api: bool = True
) -> AsyncIterator[Stage]:
    """A server with the CRDs, the manifests' RBAC, and managers that have no other rights."""
    capi = await asyncio.to_thread(cluster_api_crds) if cluster_api else []
    crds = [*sorted((TOP / "config/crd/bases").glob("ipam.metal3.io_*.yaml")), *capi]
    hooks = WebhookInstallOptions(manifests=[TOP / "config/webhook/ipam/manifests.yaml"])
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(
            start(crds=crds, webhooks=hooks if webhooks else None)
        )
        client = await stack.enter_async_context(RestClient(load_config(str(env.kubeconfig))))
        user = await with_own_rights(env, client)
        async with asyncio.TaskGroup() as tasks:
            stage = Stage(env, client, bool(capi), tasks)
            try:
                for number in range(managers):
                    await stage.start_manager(user, webhooks=webhooks and not number)
                yield stage
            finally:
                for stop in stage.stops:
                    stop.set()


async def with_own_rights(env: Environment, client: RestClient) -> Path:
    """The kubeconfig of the service account, with what the manifests give it."""
    namespace = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE}}
    await client.create(manifest(namespace))
    if not env.enforces_rbac:
        return env.kubeconfig
    text = await asyncio.to_thread((TOP / "config/rbac/ipam/manager_role.yaml").read_text)
    for document in yaml.safe_load_all(text):
        await client.create(manifest(document))
    user = await env.add_user(SERVICE_ACCOUNT)
    await rights_are_known(user)
    return user


async def rights_are_known(user: Path) -> None:
    """Wait until the server lets the account read pools: roles take a moment to be heard of."""
    config = await asyncio.to_thread(load_config, user)
    async with asyncio.timeout(30), RestClient(config) as client:
        while True:
            try:
                await client.list(ipamv1.IPPool, limit=1)
            except ForbiddenError:
                await asyncio.sleep(0.2)
            else:
                return


def pool(name: str, *ranges: dict[str, Any], **spec: Any) -> ipamv1.IPPool:
    """A pool."""
    return ipamv1.IPPool.from_dict(
        {
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"namePrefix": name, "prefix": 24, "pools": list(ranges)} | spec,
        }
    )


def claim(name: str, of: str) -> ipamv1.IPClaim:
    """A claim of ours."""
    return ipamv1.IPClaim.from_dict(
        {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"pool": {"name": of}}}
    )


def capi_claim(name: str, of: str) -> capiipamv1.IPAddressClaim:
    """A claim of Cluster API."""
    reference = {"name": of, "kind": "IPPool", "apiGroup": "ipam.metal3.io"}
    return capiipamv1.IPAddressClaim.from_dict(
        {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"poolRef": reference}}
    )


def examples() -> list[dict[str, Any]]:
    """Every YAML example of the documentation."""
    text = (TOP / "docs/ipam.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in text.split("```yaml\n")[1:]]
    return [document for block in blocks for document in yaml.safe_load_all(block)]


def need_cluster_api(stage: Stage) -> None:
    """Skip, loudly, without its CRDs."""
    if not stage.has_cluster_api:
        pytest.skip(NO_MODULE)


async def test_the_documentation_s_examples_work(start_environment):
    """Each object is accepted, each pool gets ready and each claim its address."""
    async with running(start_environment) as stage:
        need_cluster_api(stage)
        documents = examples()
        assert len(documents) > 5
        for document in documents:
            await stage.create(ours(document))
        for document in documents:
            obj = ours(document)
            await stage.served(type(obj), obj.metadata.name)
        wanted = await stage.served(ipamv1.IPClaim, "wants-one")
        assert wanted.status.address.name == "fixed-2001-db8--ffff-1"


async def test_both_kinds_at_once_and_two_managers_never_share_an_address(start_environment):
    """Claims of both kinds use up their pools together; each address has one holder, and returns."""
    async with running(start_environment, managers=2, webhooks=False) as stage:
        need_cluster_api(stage)
        pools = [f"p{i}" for i in range(10)]
        for i, name in enumerate(pools):
            await stage.create(pool(name, {"start": f"10.0.{i}.1", "end": f"10.0.{i}.8"}))
        names = {f"{of}-{turn}": of for turn in range(4) for of in pools}
        async with asyncio.TaskGroup() as tasks:
            for name, of in names.items():
                tasks.create_task(stage.client.create(claim(name, of)))
                tasks.create_task(stage.client.create(capi_claim(name, of)))
        for name in names:
            for kind in CLAIM_KINDS:
                await stage.served(kind, name)
        await check_each_address_has_one_holder(stage, set(names))
        for kind in CLAIM_KINDS:
            for name in names:
                await stage.client.delete(kind.named(name, NAMESPACE))
        for kind in (*CLAIM_KINDS, *ADDRESS_KINDS):
            await stage.gone(kind)


async def check_each_address_has_one_holder(stage: Stage, names: set[str]) -> None:
    """Reservations are of one claim each, and Cluster API's addresses are those reserved."""
    theirs = (await stage.client.list(capiipamv1.IPAddress, namespace=NAMESPACE)).items
    mine = (await stage.client.list(ipamv1.IPAddress, namespace=NAMESPACE)).items
    by_claim = {(a.spec.claim.kind, a.spec.claim.name): a.spec.address for a in mine}
    assert len(mine) == len(by_claim) == len(set(by_claim.values())) == 2 * len(names)
    reserved = {name: by_claim["IPAddressClaim", name] for name in names}
    assert {a.metadata.name: a.spec.address for a in theirs} == reserved


async def test_cluster_api_may_come_later(start_environment):
    """Once its CRDs are installed its claims are served, without a restart."""
    async with running(start_environment, cluster_api=False) as stage:
        crds = await asyncio.to_thread(cluster_api_crds)
        if not crds:
            pytest.skip(NO_MODULE)
        await stage.create(pool("early", {"subnet": "10.2.0.0/24"}))
        await stage.create(claim("ours", "early"))
        await stage.served(ipamv1.IPClaim, "ours")
        await stage.env.install_crds(crds)
        await stage.create(capi_claim("theirs", "early"))
        theirs = await stage.served(capiipamv1.IPAddressClaim, "theirs")
        assert theirs.status.address_ref.name == "theirs"


async def test_an_address_goes_from_claim_to_claim_and_nothing_is_left(start_environment):
    """Waiting, being served, deleting all: under the rights of the manifests."""
    async with running(start_environment) as stage:
        await stage.create(pool("one", {"start": "10.0.0.1", "end": "10.0.0.1"}))
        await stage.create(claim("first", "one"))
        await stage.served(ipamv1.IPClaim, "first")
        await stage.create(claim("second", "one"))

        async def told():
            second = await stage.client.get(ipamv1.IPClaim, NamespacedName(NAMESPACE, "second"))
            return second.status.error_message == "Exhausted IP Pools"

        await stage.until(told)
        await stage.client.delete(claim("first", "one"))
        second = await stage.served(ipamv1.IPClaim, "second")
        assert second.status.address.name == "one-10-0-0-1"
        await stage.client.delete(pool("one"))
        await stage.client.delete(claim("second", "one"))
        for kind in ipamv1.KINDS:
            await stage.gone(kind)


async def test_webhooks_refuse_what_makes_no_sense(start_environment):
    """The message has the field and the value; what is in use cannot be left out."""
    async with running(start_environment) as stage:
        with pytest.raises(ForbiddenError, match=r"spec\.pools\[0\]\.end.*10\.0\.0\.1"):
            await stage.create(pool("bad", {"start": "10.0.0.9", "end": "10.0.0.1"}))
        with pytest.raises(ForbiddenError, match=r"spec\.namePrefix.*P_Upper"):
            await stage.create(pool("bad", namePrefix="P_Upper"))
        await stage.create(pool("good", {"start": "10.0.0.1", "end": "10.0.0.9"}))
        await stage.create(claim("one", "good"))
        await stage.served(ipamv1.IPClaim, "one")
        ranges = [{"start": "10.0.0.5", "end": "10.0.0.9"}]
        shrink = Patch(PatchType.MERGE, {"spec": {"pools": ranges}})
        with pytest.raises(ForbiddenError, match=r"leaves out addresses in use: 10\.0\.0\.1"):
            await stage.client.patch(pool("good"), shrink)


async def test_claims_deleted_at_once_leave_nothing(start_environment):
    """Deleted before, while and after being served: no address stays behind."""
    async with running(start_environment, webhooks=False) as stage:
        await stage.create(pool("many", {"subnet": "10.1.0.0/24"}))
        names = [uuid.uuid4().hex for _ in range(30)]

        async def come_and_go(number: int, name: str) -> None:
            await stage.client.create(claim(name, "many"))
            await asyncio.sleep(number * 0.003)
            try:
                await stage.client.delete(claim(name, "many"))
            except NotFoundError:
                pytest.fail("a claim went by itself")

        async with asyncio.TaskGroup() as tasks:
            for number, name in enumerate(names):
                tasks.create_task(come_and_go(number, name))
        await stage.gone(ipamv1.IPClaim)
        await stage.gone(ipamv1.IPAddress)
