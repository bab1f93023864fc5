"""What is under ``config/``, as a user applies it: ``kubectl apply`` with strict validation."""

import asyncio
import shutil
from pathlib import Path

import pytest
import yaml

CONFIG = Path(__file__).parents[3] / "config"
KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(
    KUBECTL is None, reason="kubectl is NOT INSTALLED: nothing is shown"
)

STAND_IN = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: {kind}, listKind: {kind}List, plural: {plural}, singular: {singular}}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
FOREIGN = {
    "Certificate": "cert-manager.io",
    "Issuer": "cert-manager.io",
    "PrometheusRule": "monitoring.coreos.com",
    "ServiceMonitor": "monitoring.coreos.com",
}
REVISIONS = "{range .items[*]}{.metadata.uid}={.metadata.resourceVersion} {end}"


@pytest.fixture
def kubectl(tmp_path):
    """Runs kubectl for an environment; a failure fails the test with what it said."""

    async def run(env, *words):
        process = await asyncio.create_subprocess_exec(
            str(KUBECTL),
            f"--kubeconfig={env.kubeconfig}",
            f"--cache-dir={tmp_path / 'cache'}",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode(), err.decode()

    return run


@pytest.fixture
def foreign_kinds(tmp_path):
    """Stand-ins for the kinds of cert-manager and the Prometheus operator that are used."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    for kind, group in FOREIGN.items():
        name = kind.lower()
        text = STAND_IN.format(kind=kind, group=group, singular=name, plural=f"{name}s")
        (folder / f"{name}.yaml").write_text(text)
    return folder


def names_in(folder):
    """What the files of a folder describe, as kubectl names it."""
    for path in sorted(folder.glob("*.yaml")):
        for manifest in yaml.safe_load_all(path.read_text()):
            if manifest and "metadata" in manifest:
                yield f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"


def said(out):
    """``kind/name`` of each line of apply's answer: ``kind.group/name created``."""
    found = {}
    for line in out.splitlines():
        written, what = line.split()[:2]
        kind, _, name = written.partition("/")
        found[f"{kind.partition('.')[0]}/{name}"] = what
    return found


async def test_all_samples_are_accepted_by_the_crds(start_environment, kubectl):
    """Strictly: no field is unknown, none is refused; a second time nothing changes."""
    async with start_environment(crds=[CONFIG / "crd/bases"]) as env:
        apply = ("apply", "--validate=strict", f"--kustomize={CONFIG / 'samples'}")
        out, _ = await kubectl(env, *apply)
        assert said(out) == dict.fromkeys(names_in(CONFIG / "samples"), "created")
        stored = ("get", "--kustomize", str(CONFIG / "samples"), f"--output=jsonpath={REVISIONS}")
        before, _ = await kubectl(env, *stored)
        assert len(before.split()) == len(said(out))
        await kubectl(env, *apply)
        assert (await kubectl(env, *stored))[0] == before
        out, _ = await kubectl(env, *apply, "--server-side", "--force-conflicts")
        assert set(said(out).values()) == {"serverside-applied"}


async def test_the_default_configuration_is_accepted(start_environment, kubectl, foreign_kinds):
    """Everything config/default renders goes in, one ``kubectl apply`` on a cluster that is new."""
    async with start_environment(crds=[foreign_kinds]) as env:
        rendered, _ = await kubectl(env, "kustomize", str(CONFIG / "default"))
        wanted = {
            f"{obj['kind'].lower()}/{obj['metadata']['name']}"
            for obj in yaml.safe_load_all(rendered)
        }
        out, _ = await kubectl(
            env, "apply", "--validate=strict", "--server-side", f"--kustomize={CONFIG / 'default'}"
        )
        assert set(said(out)) == wanted
        query = "{.items[*].status.conditions[?(@.type=='NonStructuralSchema')].message}"
        complaints, _ = await kubectl(env, "get", "crd", f"--output=jsonpath={query}")
        assert not complaints
        await kubectl(env, "wait", "--for=condition=established", "crd", "--all", "--timeout=60s")
        out, _ = await kubectl(
            env, "apply", "--server-side", f"--kustomize={CONFIG / 'monitoring'}"
        )
        assert {line.partition("/")[0].partition(".")[0] for line in out.splitlines()} == {
            "configmap",
            "prometheusrule",
            "servicemonitor",
        }
