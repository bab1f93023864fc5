"""The deferred patch and finalizers against an API server's own idea of conflicts."""

from typing import Any, ClassVar

import pytest
from pydantic import Field

from metal3 import ctrl
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import ConflictError, NotFoundError, RestClient
from metal3.runtime.patch import drop_finalizer, ensure_finalizer, patching

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gauges.test.example}
spec:
  group: test.example
  scope: Namespaced
  names: {kind: Gauge, listKind: GaugeList, plural: gauges, singular: gauge}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status:
            type: object
            properties:
              phase: {type: string}
              raid: {type: object, nullable: true, x-kubernetes-preserve-unknown-fields: true}
              conditions:
                type: array
                items: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
KEY = ctrl.NamespacedName("default", "g")


class Status(metav1.Model):
    """Of a gauge."""

    phase: str = ""
    raid: dict[str, Any] | None = None
    conditions: list[metav1.Condition] = Field(default_factory=list[metav1.Condition])

    nullable_fields = frozenset({"raid"})


class Gauge(metav1.Object):
    """A kind with a status."""

    gvk: ClassVar = metav1.GroupVersionKind("test.example", "v1", "Gauge")
    plural: ClassVar[str] = "gauges"
    spec: dict[str, Any] = Field(default_factory=dict)
    status: Status = Field(default_factory=Status)


@pytest.fixture
async def client(start_environment, tmp_path):
    """A client of a server that knows gauges, with one of them."""
    (tmp_path / "crd.yaml").write_text(CRD)
    async with (
        start_environment(crds=[tmp_path / "crd.yaml"]) as env,
        RestClient(ctrl.load_config(env.kubeconfig)) as client,
    ):
        yield client


def _condition(kind):
    return metav1.Condition(
        type=kind,
        status="True",
        reason="Test",
        message="",
        last_transition_time="2026-01-01T00:00:00Z",
    )


async def test_what_others_wrote_meanwhile_survives(client):
    """Finalizers and conditions of two writers meet; nulls and removals arrive."""
    await client.create(Gauge.named(KEY.name, KEY.namespace, spec={"a": 1, "b": {"c": 2}}))
    ours, theirs = await client.get(Gauge, KEY), await client.get(Gauge, KEY)
    async with patching(client, theirs):
        metav1.add_finalizer(theirs, "theirs.example/f")
        theirs.status.conditions.append(_condition("Theirs"))
    async with patching(client, ours):
        metav1.add_finalizer(ours, "ours.example/f")
        ours.status.conditions.append(_condition("Ours"))
        ours.status.phase, ours.status.raid = "Ready", None
        del ours.spec["b"]
    stored = await client.get(Gauge, KEY)
    assert sorted(stored.metadata.finalizers) == ["ours.example/f", "theirs.example/f"]
    assert sorted(c.type for c in stored.status.conditions) == ["Ours", "Theirs"]
    assert (stored.status.phase, stored.spec) == ("Ready", {"a": 1})
    assert "raid" in stored.to_dict()["status"]

    with pytest.raises(ConflictError):
        await ensure_finalizer(client, theirs, "late.example/f")
    stale = theirs.deep_copy()
    stale.spec["a"] = 3
    with pytest.raises(ConflictError):
        await _locked(client, stale)

    await client.delete(stored)
    dying = await client.get(Gauge, KEY)
    await drop_finalizer(client, dying, "theirs.example/f")
    async with patching(client, dying):
        dying.status.phase = "Gone"
        metav1.remove_finalizer(dying, "ours.example/f")
    with pytest.raises(NotFoundError):
        await client.get(Gauge, KEY)


async def _locked(client, stale):
    async with patching(client, stale, optimistic_lock=True):
        stale.spec["a"] = 4
