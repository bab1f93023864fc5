"""What a Metal3MachineTemplate hands on to the machines made from it."""

import pytest

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.controllers.capm3 import INDEXES
from metal3.controllers.capm3.environment import Environment
from metal3.controllers.capm3.metal3machinetemplate_controller import (
    Metal3MachineTemplateReconciler,
)
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.reconcile import Request
from metal3.runtime.recorder import FakeRecorder

NS = "metal3"
TEMPLATE = Request(NS, "t")


def new_template(mode):
    """A template with this cleaning mode."""
    spec = {"template": {"spec": {"automatedCleaningMode": mode} if mode else {}}}
    return infrav1.Metal3MachineTemplate.from_dict(
        {"metadata": {"name": "t", "namespace": NS}, "spec": spec}
    )


@pytest.fixture
def make_case(make_machine, make_workload):
    """A client with machines ``m-0`` (of template t), ``m-1`` (t), ``m-2`` (other), and a loop."""

    def make(template):
        machines = [make_machine(f"m-{i}")[1] for i in range(3)]
        for m3m, source in zip(machines, ("t", "t", "other"), strict=True):
            m3m.metadata.annotations[clusterv1.CLONED_FROM_NAME_ANNOTATION] = source
        machines[1].spec.automated_cleaning_mode = "disabled"
        client = FakeClient(template, *machines, without_status=(infrav1.Metal3MachineTemplate,))
        for kind, indexes in INDEXES.items():
            for name, extract in indexes.items():
                client.index_field(kind, name, extract)
        env = Environment(
            client=client, live=client, recorder=FakeRecorder(), workload=make_workload()
        )
        return client, Metal3MachineTemplateReconciler(env=env)

    return make


async def modes(client):
    """Cleaning modes of all machines."""
    found = await client.list(infrav1.Metal3Machine, namespace=NS)
    return {m.metadata.name: m.spec.automated_cleaning_mode for m in found.items}


async def test_a_cleaning_mode_reaches_the_machines_of_the_template(make_case):
    """Its own machines and no others; one that is as it should be is not written."""
    client, reconciler = make_case(new_template("disabled"))
    await reconciler.reconcile(TEMPLATE)
    assert await modes(client) == {"m-0": "disabled", "m-1": "disabled", "m-2": None}
    assert [a.key.name for a in client.actions if a.verb == "patch"] == ["m-0"]


async def test_a_template_without_a_mode_changes_nothing(make_case):
    """What a machine says of itself stays."""
    client, reconciler = make_case(new_template(None))
    await reconciler.reconcile(TEMPLATE)
    assert await modes(client) == {"m-0": None, "m-1": "disabled", "m-2": None}


async def test_a_paused_template_changes_nothing(make_case):
    """As long as it carries the annotation."""
    template = new_template("metadata")
    template.metadata.annotations[clusterv1.PAUSED_ANNOTATION] = ""
    client, reconciler = make_case(template)
    await reconciler.reconcile(TEMPLATE)
    assert (await modes(client))["m-0"] is None
