"""The real kubectl against the embedded API server, as a user would type it."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from metal3.apiserver import Config, Server

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(
    KUBECTL is None, reason="kubectl is NOT INSTALLED: nothing is shown"
)

SPEC: dict[str, Any] = {
    "type": "object",
    "description": "What the widget should be.",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "description": "How big it is."},
        "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "parts": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
            },
        },
    },
}
STATUS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "phase": {"type": "string"},
        "conditions": {
            "type": "array",
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    },
}
COLUMNS = [
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
    {
        "name": "Ready",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
    },
    {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]
CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {
            "plural": "widgets",
            "kind": "Widget",
            "shortNames": ["wd"],
            "categories": ["all"],
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "additionalPrinterColumns": COLUMNS,
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "description": "A widget, for tests.",
                        "properties": {"spec": SPEC, "status": STATUS},
                    }
                },
            }
        ],
    },
}


def widget(name: str, size: int = 3, **more: Any) -> dict[str, Any]:
    """Make a widget."""
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": name, "labels": {"app": "demo"}},
        "spec": {"size": size, **more},
    }


@dataclass
class Done:
    """What a finished kubectl left."""

    code: int
    out: str
    err: str


class Kubectl:
    """Runs kubectl with a home of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "KUBECONFIG": str(directory / "kubeconfig"),
        }

    async def run(self, line: str, *, stdin: Any = None, **environment: str) -> Done:
        """Run a command line; ``stdin`` is sent as YAML, or as it is when it is text."""
        data = stdin if isinstance(stdin, str) or stdin is None else yaml.safe_dump(stdin)
        process = await asyncio.create_subprocess_exec(
            str(KUBECTL),
            *line.split(" "),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self.environment, **environment},
            cwd=self.directory,
        )
        try:
            async with asyncio.timeout(30):
                out, err = await process.communicate(data.encode() if data else b"")
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def __call__(self, line: str, *, stdin: Any = None, **environment: str) -> str:
        """Run a command line that must succeed, and return what it printed."""
        done = await self.run(line, stdin=stdin, **environment)
        assert done.code == 0, f"kubectl {line}: {done.err}"
        return done.out

    async def json(self, line: str) -> Any:
        """Run a command line and read its output."""
        return json.loads(await self(f"{line} -o json"))


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Kubectl]:
    """Kubectl with a server that has built-in kinds only."""
    async with Server(Config(data_dir=tmp_path / "data")) as server:
        server.write_kubeconfig(tmp_path / "kubeconfig")
        yield Kubectl(tmp_path)


@pytest.fixture
async def kubectl(bare: Kubectl) -> Kubectl:
    """Kubectl with a server that serves widgets."""
    await bare("create -f -", stdin=CRD)
    await bare("wait --for=condition=established crd/widgets.example.com --timeout=10s")
    return bare


async def test_tables_and_other_outputs(kubectl):
    """Get prints the columns of the definition, wide, yaml, json, jsonpath and name."""
    await kubectl("apply -f -", stdin=widget("a"))
    header, row = (await kubectl("get wd")).splitlines()
    assert header.split() == ["NAME", "SIZE", "READY", "AGE"]
    assert row.split()[:2] == ["a", "3"]
    assert "COLOR" in await kubectl("get widgets -o wide")
    assert yaml.safe_load(await kubectl("get wd a -o yaml"))["spec"]["color"] == "red"
    assert (await kubectl.json("get wd a"))["kind"] == "Widget"
    assert await kubectl("get wd a -o jsonpath={.spec.size}") == "3"
    assert await kubectl("get all -o name") == "widget.example.com/a\n"
    assert "a" in await kubectl("get wd -A --show-labels")
    assert (await kubectl("get wd -o custom-columns=N:.metadata.name --no-headers")).strip() == "a"


async def test_selectors(kubectl):
    """Labels and fields select."""
    for name, color in (("a", "red"), ("b", "green")):
        await kubectl("apply -f -", stdin=widget(name, color=color))
    await kubectl("label wd b tier=gold")

    async def names(selector: str) -> list[str]:
        found: str = await kubectl(f"get wd -o name {selector}")
        return found.split()

    assert await names("-l tier=gold") == ["widget.example.com/b"]
    assert await names("-l tier!=gold") == ["widget.example.com/a"]
    assert await names("-l app=demo,!tier") == ["widget.example.com/a"]
    assert await names("--field-selector spec.color=green") == ["widget.example.com/b"]
    assert await names("--field-selector metadata.name=a") == ["widget.example.com/a"]
    assert (await kubectl.run("get wd --field-selector spec.size=3")).code != 0


async def test_a_watch_prints_changes(kubectl):
    """``get -w`` prints a row for each change, as a table."""
    await kubectl("apply -f -", stdin=widget("a"))
    process = await asyncio.create_subprocess_exec(
        str(KUBECTL), "get", "wd", "-w", stdout=asyncio.subprocess.PIPE, env=kubectl.environment
    )
    assert process.stdout
    try:
        async with asyncio.timeout(20):
            assert (await process.stdout.readline()).split()[:2] == [b"NAME", b"SIZE"]
            assert (await process.stdout.readline()).split()[:2] == [b"a", b"3"]
            await kubectl('patch wd a --type=merge -p {"spec":{"size":8}}')
            assert (await process.stdout.readline()).split()[:2] == [b"a", b"8"]
    finally:
        process.kill()
        await process.wait()
        await process.stdout.read()


async def test_apply_on_the_client_side(kubectl):
    """Apply creates, changes, removes what is no longer said, and knows when nothing is new."""
    assert "created" in await kubectl("apply -f -", stdin=widget("a", parts=[{"name": "p"}]))
    assert "unchanged" in await kubectl("apply -f -", stdin=widget("a", parts=[{"name": "p"}]))
    assert "configured" in await kubectl("apply -f -", stdin=widget("a", 5))
    spec = (await kubectl.json("get wd a"))["spec"]
    assert spec == {"size": 5, "color": "red"}


async def test_apply_on_the_server_side(kubectl):
    """Fields have owners: others' are conflicts, forced or not; own ones go when left out."""
    one = widget("a", parts=[{"name": "p", "count": 1}])
    assert "serverside-applied" in await kubectl("apply --server-side -f -", stdin=one)
    two = widget("a", 7)
    two["metadata"].pop("labels")
    other = "apply --server-side --field-manager=other -f -"
    done = await kubectl.run(other, stdin=two)
    assert done.code != 0
    assert 'conflict with "kubectl": .spec.size' in done.err
    await kubectl(f"{other} --force-conflicts", stdin=two)
    assert (await kubectl.json("get wd a"))["spec"]["size"] == 7
    one["spec"] = {"color": "green"}
    await kubectl("apply --server-side -f - --validate=false", stdin=one | {"spec": {"size": 7}})
    spec = (await kubectl.json("get wd a"))["spec"]
    assert spec == {"size": 7, "color": "red"}
    managers = (await kubectl.json("get wd a --show-managed-fields"))["metadata"]["managedFields"]
    assert {m["manager"] for m in managers} == {"kubectl", "other"}


async def test_from_client_side_apply_to_server_side(kubectl):
    """Who applied on the client side may go on on the server side, without conflicts."""
    await kubectl("apply -f -", stdin=widget("a", parts=[{"name": "p"}]))
    await kubectl("apply --server-side -f -", stdin=widget("a", 4))
    assert (await kubectl.json("get wd a"))["spec"] == {"size": 4, "color": "red"}
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"a": "1", "b": "2"},
    }
    await kubectl("apply -f -", stdin=config)
    await kubectl("apply --server-side -f -", stdin=config | {"data": {"a": "3"}})
    assert (await kubectl.json("get cm c"))["data"] == {"a": "3"}


async def test_patches(kubectl):
    """JSON and merge patches on custom resources, strategic ones on built-in kinds only."""
    await kubectl("apply -f -", stdin=widget("a"))
    await kubectl('patch wd a --type=merge -p {"spec":{"size":4}}')
    await kubectl(
        'patch wd a --type=json -p [{"op":"replace","path":"/spec/color","value":"green"}]'
    )
    assert (await kubectl.json("get wd a"))["spec"] == {"size": 4, "color": "green"}
    assert (await kubectl.run('patch wd a --type=strategic -p {"spec":{"size":5}}')).code != 0
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    }
    await kubectl("create -f -", stdin=service)
    await kubectl('patch svc s -p {"spec":{"ports":[{"name":"https","port":443}]}}')
    ports = (await kubectl.json("get svc s"))["spec"]["ports"]
    assert sorted(port["port"] for port in ports) == [80, 443]


async def test_the_status_subresource(kubectl):
    """--subresource=status writes status alone, and wait sees it."""
    await kubectl("apply -f -", stdin=widget("a"))
    status = {"status": {"phase": "Up", "conditions": [{"type": "Ready", "status": "True"}]}}
    patch = json.dumps(status | {"spec": {"size": 99}}).replace(" ", "")
    await kubectl(f"patch wd a --subresource=status --type=merge -p {patch}")
    await kubectl("wait wd/a --for=condition=Ready --timeout=10s")
    await kubectl("wait wd/a --for=jsonpath={.status.phase}=Up --timeout=10s")
    shown = await kubectl.json("get wd a --subresource=status")
    assert (shown["status"]["phase"], shown["spec"]["size"]) == ("Up", 3)
    assert "True" in (await kubectl("get wd a"))


async def test_edit_replace_label_annotate(kubectl):
    """Edit goes through an editor; replace puts; label and annotate change metadata."""
    await kubectl("apply -f -", stdin=widget("a"))
    await kubectl("edit wd a", KUBE_EDITOR="sed -i 's/size: 3/size: 6/'")
    obj = await kubectl.json("get wd a")
    assert obj["spec"]["size"] == 6
    obj["spec"]["size"] = 7
    await kubectl("replace -f -", stdin=obj)
    await kubectl("label wd a x=y")
    await kubectl("annotate wd a note=hi")
    obj = await kubectl.json("get wd a")
    assert obj["spec"]["size"] == 7
    assert obj["metadata"]["labels"] == {"app": "demo", "x": "y"}
    assert obj["metadata"]["annotations"]["note"] == "hi"


async def test_bad_input_is_explained(kubectl):
    """Unknown fields are refused by default, invalid ones named with their path."""
    done = await kubectl.run("apply -f -", stdin=widget("a", bogus=1))
    assert done.code != 0
    assert 'unknown field "spec.bogus"' in done.err
    done = await kubectl.run("apply -f -", stdin=widget("a", 0, color="blue"))
    assert done.code != 0
    assert "spec.size: Invalid value: 0" in done.err
    assert 'spec.color: Unsupported value: "blue"' in done.err
    done = await kubectl.run("get wd a")
    assert 'widgets.example.com "a" not found' in done.err


async def test_deletion_waits_for_finalizers(kubectl):
    """Delete waits until the last finalizer is off."""
    await kubectl("apply -f -", stdin=widget("a"))
    await kubectl('patch wd a --type=merge -p {"metadata":{"finalizers":["example.com/hold"]}}')
    async with asyncio.TaskGroup() as group:
        deletion = group.create_task(kubectl("delete wd a --timeout=20s"))
        await kubectl("wait wd/a --for=jsonpath={.metadata.deletionTimestamp} --timeout=10s")
        assert not deletion.done()
        await kubectl('patch wd a --type=merge -p {"metadata":{"finalizers":null}}')
    assert "deleted" in deletion.result()
    assert (await kubectl.run("get wd a")).code != 0


async def test_owned_objects_are_collected(kubectl):
    """Dependents go with their owner; orphaned ones stay."""
    for name in ("a", "b"):
        await kubectl("apply -f -", stdin=widget(name))
        uid = await kubectl(f"get wd {name} -o jsonpath={{.metadata.uid}}")
        owner = {"apiVersion": "example.com/v1", "kind": "Widget", "name": name, "uid": uid}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "ownerReferences": [owner]},
        }
        await kubectl("create -f -", stdin=secret)
    await kubectl("delete wd a")
    await kubectl("wait --for=delete secret/a --timeout=10s")
    await kubectl("delete wd b --cascade=orphan")
    kept = await kubectl.json("get secret b")
    assert "ownerReferences" not in kept["metadata"]


async def test_foreground_deletion_waits_for_dependents(kubectl):
    """With --cascade=foreground the owner goes last."""
    await kubectl("apply -f -", stdin=widget("a"))
    uid = await kubectl("get wd a -o jsonpath={.metadata.uid}")
    owner = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "name": "a",
        "uid": uid,
        "blockOwnerDeletion": True,
    }
    child = widget("child")
    child["metadata"] |= {"ownerReferences": [owner], "finalizers": ["example.com/hold"]}
    await kubectl("create -f -", stdin=child)
    await kubectl("delete wd a --cascade=foreground --wait=false")
    await kubectl("wait wd/child --for=jsonpath={.metadata.deletionTimestamp} --timeout=10s")
    assert "foregroundDeletion" in await kubectl("get wd a -o yaml")
    await kubectl('patch wd child --type=merge -p {"metadata":{"finalizers":null}}')
    await kubectl("wait --for=delete wd/a --timeout=10s")


async def test_explain(kubectl):
    """Explain reads the schema of custom and built-in kinds."""
    text = await kubectl("explain widgets.spec")
    assert "What the widget should be." in text
    assert "size\t<integer> -required-" in text
    assert "How big it is." in await kubectl("explain widgets.spec.size")
    assert "finalizers" in await kubectl("explain widgets.metadata")
    assert "stringData" in await kubectl("explain secret --recursive")


async def test_create_and_describe_built_in_kinds(bare):
    """Namespaces, secrets, config maps and others are created by their own commands."""
    await bare("create ns demo")
    await bare("create secret generic s --from-literal=user=root -n demo")
    await bare("create configmap c --from-literal=a=b -n demo")
    await bare("create sa robot -n demo")
    await bare("create role r --verb=get --resource=pods -n demo")
    await bare("create rolebinding r --role=r --serviceaccount=demo:robot -n demo")
    assert "Opaque" in await bare("get secrets -n demo")
    described = await bare("describe secret s -n demo")
    assert "user:  4 bytes" in described
    assert "root" not in described
    assert "Active" in await bare("get ns demo")
    assert "a:" in await bare("describe cm c -n demo")
    assert (await bare("auth can-i create secrets")).strip() == "yes"


async def test_a_namespace_takes_its_contents_along(kubectl):
    """Deleting a namespace deletes what is in it first, and refuses new things meanwhile."""
    await kubectl("create ns demo")
    await kubectl("apply -n demo -f -", stdin=widget("a"))
    await kubectl('patch -n demo wd a --type=merge -p {"metadata":{"finalizers":["e.com/hold"]}}')
    await kubectl("delete ns demo --wait=false")
    await kubectl("wait -n demo wd/a --for=jsonpath={.metadata.deletionTimestamp} --timeout=10s")
    done = await kubectl.run("create configmap c -n demo")
    assert "because it is being terminated" in done.err
    assert "Terminating" in await kubectl("get ns demo")
    await kubectl('patch -n demo wd a --type=merge -p {"metadata":{"finalizers":null}}')
    await kubectl("wait --for=delete ns/demo --timeout=10s")


async def test_a_definition_takes_its_objects_along(kubectl):
    """Deleting a definition deletes its objects and then the kind."""
    await kubectl("apply -f -", stdin=widget("a"))
    await kubectl("delete crd widgets.example.com --timeout=20s")
    assert (await kubectl.run("get wd")).code != 0
    assert "widgets" not in await kubectl("api-resources --cached=false -o name")


async def test_events_describe_and_diff(kubectl):
    """Events show in their own command and in describe; diff shows what apply would do."""
    await kubectl("apply -f -", stdin=widget("a"))
    uid = await kubectl("get wd a -o jsonpath={.metadata.uid}")
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "a.1"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "type": "Warning",
        "reason": "TooSmall",
        "action": "Look",
        "note": "it is too small",
        "reportingController": "example.com/looker",
        "reportingInstance": "looker-0",
        "regarding": {
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "namespace": "default",
            "name": "a",
            "uid": uid,
        },
    }
    await kubectl("create -f -", stdin=event)
    assert "TooSmall" in await kubectl("events --for=widget.example.com/a")
    assert "it is too small" in await kubectl("get events")
    assert "it is too small" in await kubectl("get events --sort-by=.lastTimestamp")
    shown = await kubectl.json("get events.v1. a.1")  # nulls are there, as from the real server
    assert (shown["source"], shown["lastTimestamp"], shown["firstTimestamp"]) == ({}, None, None)
    described = await kubectl("describe wd a")
    assert "it is too small" in described
    assert "Size:" in described
    done = await kubectl.run("diff -f -", stdin=widget("a", 5))
    assert done.code == 1
    assert "+  size: 5" in done.out
    assert (await kubectl.json("get wd a"))["spec"]["size"] == 3


async def test_api_resources_and_versions(kubectl):
    """Discovery lists kinds with short names and verbs, and the server's version."""
    lines = (await kubectl("api-resources --api-group=example.com -o wide")).splitlines()
    assert lines[1].split()[:5] == ["widgets", "wd", "example.com/v1", "true", "Widget"]
    assert "example.com/v1" in await kubectl("api-versions")
    version = json.loads(await kubectl("version -o json"))["serverVersion"]
    assert version["gitVersion"].startswith("v1.")
    assert (await kubectl("get --raw /readyz")) == "ok"


async def test_chunks(kubectl):
    """Lists in pages show everything once."""
    await kubectl(
        "apply -f -", stdin="---\n".join(yaml.safe_dump(widget(f"w{i}")) for i in range(7))
    )
    names = (await kubectl("get wd -o name --chunk-size=3")).split()
    assert names == [f"widget.example.com/w{i}" for i in range(7)]
    await kubectl("delete wd --all")
    assert not await kubectl("get wd -o name")
