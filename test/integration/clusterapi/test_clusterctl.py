"""What users do with clusterctl: init, generate cluster, and move."""

import asyncio
import shutil

import pytest
import pytest_asyncio
import yaml

from metal3.api.core import v1 as corev1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import Patch, PatchType, RestClient
from metal3.runtime.rest import load_config

from . import clusterctl, manifests
from .kinds import Cluster, Machine, MachineDeployment, objects
from .management import open_management
from .stage import Ground

pytestmark = [
    pytest.mark.kube,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("cluster-api"),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is NOT INSTALLED"),
]
CERT_MANAGER = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.cert-manager.io}}
spec:
  group: cert-manager.io
  scope: Namespaced
  names: {{kind: {kind}, listKind: {kind}List, plural: {plural}, singular: {singular}}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
CRD = metav1.Unstructured.of(
    metav1.GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    "customresourcedefinitions",
    namespaced=False,
)
DEPLOYMENT = metav1.Unstructured.of(
    metav1.GroupVersionKind("apps", "v1", "Deployment"), "deployments"
)
VARIABLES = {
    "CLUSTER_APIENDPOINT_HOST": "192.0.2.5",
    "CLUSTER_APIENDPOINT_PORT": "6443",
    "IMAGE_URL": "http://images.example/node.qcow2",
    "IMAGE_CHECKSUM": "abc",
    "IMAGE_CHECKSUM_TYPE": "sha256",
    "IMAGE_FORMAT": "qcow2",
}
MOVED = {
    "baremetalhosts.metal3.io": "move-hierarchy",
    "hardwaredata.metal3.io": "move",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory):
    """Clusterctl with our release at hand."""
    if await asyncio.to_thread(manifests.programs_folder) is None:
        pytest.skip("no real kube-apiserver: no Cluster API programs, run hack/setup-capi")
    return await clusterctl.released(tmp_path_factory.mktemp("clusterctl"))


async def test_init_installs_the_providers(start_environment, program, tmp_path):
    """All of the release is accepted, with its variables filled in."""
    for kind in ("Certificate", "Issuer"):
        singular = kind.lower()
        text = CERT_MANAGER.format(kind=kind, singular=singular, plural=f"{singular}s")
        (tmp_path / f"{singular}.yaml").write_text(text)
    async with start_environment(api="kube", crds=[tmp_path]) as env:
        await program.run(
            "init",
            f"--kubeconfig={env.kubeconfig}",
            *("--core=cluster-api", "--bootstrap=-", "--control-plane=-"),
            *("--infrastructure=metal3", "--ipam=metal3"),
            ENABLE_BMH_NAME_BASED_PREALLOCATION="true",
        )
        config = await asyncio.to_thread(load_config, str(env.kubeconfig))
        async with RestClient(config) as client:
            found = {d.metadata.name: d for d in (await client.list(DEPLOYMENT)).items}
            assert {"capm3-controller-manager", "ipam-controller-manager"} <= found.keys()
            text = str(found["capm3-controller-manager"].to_dict())
            assert "--enable-bmh-name-based-preallocation=true" in text
            assert "--diagnostics-address=:8443" in text
            assert "${" not in text


async def generate(program, ground, **variables):
    """The cluster that the template gives."""
    return await program.run(
        *("generate", "cluster", "c", f"--target-namespace={ground.namespace}"),
        *("--infrastructure=metal3:v0.1.0", "--kubernetes-version=v1.36.0"),
        *("--control-plane-machine-count=1", "--worker-machine-count=2"),
        f"--kubeconfig={ground.stage.management.env.kubeconfig}",
        **VARIABLES,
        **variables,
    )


async def test_a_generated_cluster_is_accepted(ground, program):
    """By the schemas and webhooks of Cluster API and ours; extra configuration finds its place."""
    text = await generate(program, ground)
    assert len(list(yaml.safe_load_all(text))) == 9
    for obj in objects(text, ground.namespace):
        await ground.client.create(obj, dry_run=True)
    extra = "files: [{path: /etc/motd, content: hello}]"
    text = await generate(
        program, ground, CTLPLANE_KUBEADM_EXTRA_CONFIG=extra, WORKERS_KUBEADM_EXTRA_CONFIG=extra
    )
    found = {obj["kind"]: obj["spec"] for obj in yaml.safe_load_all(text)}
    plane = found["KubeadmControlPlane"]["kubeadmConfigSpec"]
    worker = found["KubeadmConfigTemplate"]["template"]["spec"]
    assert plane["files"] == worker["files"] == [{"path": "/etc/motd", "content": "hello"}]


async def prepare_to_move(client, env):
    """What clusterctl init labels, and what users are told to label."""
    module = await asyncio.to_thread(manifests.module_folder)
    assert module is not None
    await env.install_crds([module / "cmd/clusterctl/config/crd/bases"])
    for crd in (await client.list(CRD)).items:
        name = crd.metadata.name
        if not name.endswith((".x-k8s.io", ".metal3.io")):
            continue
        labels = {"clusterctl.cluster.x-k8s.io": ""}
        if name in MOVED:
            labels[f"clusterctl.cluster.x-k8s.io/{MOVED[name]}"] = ""
        body = {"metadata": {"labels": labels}}
        await client.patch(crd, Patch(PatchType.MERGE, body))


def untouched(hardware):
    """What would show that somebody worked on a machine."""
    return (
        list(hardware.deployments),
        list(hardware.power_actions),
        hardware.wipes,
        hardware.inspections,
    )


async def given_addresses(ground):
    """Which claim has which address."""
    found = await ground.every(ipamv1.IPAddress)
    return {one.spec.claim.name: one.spec.address for one in found}


async def test_a_cluster_moves_with_its_hosts(start_environment, ground, program, tmp_path):
    """To another management cluster: no host is touched, all goes on there, nothing stays here."""
    await ground.cluster()
    for number in range(2):
        await ground.host(f"host-{number}")
    await ground.deployment(1)
    machines = await ground.running(1)
    stage = ground.stage
    keys = [ground.key(name) for name in ("cp", *machines.values())]
    before = [untouched(stage.backend.machine(key)) for key in keys]
    addresses = await given_addresses(ground)
    async with open_management(start_environment, tmp_path, stage.backend) as target:
        await target.client.create(corev1.Namespace.named(ground.namespace))
        for management in (stage.management, target):
            await prepare_to_move(management.client, management.env)
        await program.run(
            "move",
            f"--namespace={ground.namespace}",
            f"--kubeconfig={stage.management.env.kubeconfig}",
            f"--to-kubeconfig={target.env.kubeconfig}",
        )
        for kind in (Cluster, Machine, infrav1.Metal3Machine, metal3api.BareMetalHost):
            assert not await ground.every(kind), kind
        there = Ground(stage=stage, namespace=ground.namespace, management=target)
        stage.kubelets.management = target.client
        assert await there.running(1) == machines
        for name in machines.values():
            host = await there.in_state(name, "provisioned")
            assert not metal3api.is_paused(host)
            assert metal3api.STATUS_ANNOTATION not in host.metadata.annotations
        (free,) = {"host-0", "host-1"} - set(machines.values())
        await there.in_state(free, "available")
        assert [untouched(stage.backend.machine(key)) for key in keys] == before
        assert await given_addresses(there) == addresses
        await there.patch(MachineDeployment, "md", {"spec": {"replicas": 2}})
        assert sorted((await there.running(2)).values()) == ["host-0", "host-1"]
        await there.client.delete(await there.get(Cluster, "c"))
        await there.gone(Cluster, "c")
        for name in ("cp", "host-0", "host-1"):
            await there.in_state(name, "available")
    stage.kubelets.management = stage.client
