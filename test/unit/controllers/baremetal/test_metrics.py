"""What a dashboard sees of the operator."""

import pytest
from prometheus_client import generate_latest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.metrics import REGISTRY

State = metal3api.ProvisioningState
IMAGE = {"url": "http://images/a.qcow2", "checksum": "abc"}

pytestmark = pytest.mark.looptime(start=0)


def shown():
    """The page that is scraped."""
    return generate_latest(REGISTRY).decode()


def value(name, **labels):
    """One number of it."""
    return REGISTRY.get_sample_value(name, labels)


@pytest.mark.parametrize(
    "name",
    [
        "metal3_waiting_for_preprov_image_total",
        "metal3_delete_without_powering_off_total",
        "metal3_delayed__provisioning_total",
        "metal3_hosts",
        "metal3_orphaned_nodes",
    ],
)
def test_every_name_is_on_the_page(name):
    """Also the two that are only defined in the Go operator, and ours."""
    assert f"# TYPE {name} " in shown()


async def test_series_of_a_host_go_with_it(bench, make_host):
    """Hosts come and go for years; the page does not grow with those that went."""
    b = bench(make_host("passing-guest", image=IMAGE))
    await b.until(State.PROVISIONED)
    await b.rest()
    labels = {"namespace": "metal3", "host": "passing-guest"}
    assert value("metal3_reconcile_total", **labels)
    assert value("metal3_operation_provision_duration_seconds_count", **labels) == 1
    await b.client.delete(await b.host())
    await b.gone()
    await b.reconcile()
    assert "passing-guest" not in shown()


async def test_hosts_are_counted_by_state(bench):
    """Each in the state it was seen in last, and only once."""
    b = bench()
    await b.until(State.AVAILABLE)
    await b.rest()
    assert value("metal3_hosts", state="available") == 1
    assert not value("metal3_hosts", state="preparing")
    b.env.states.forget(b.key)
    assert not value("metal3_hosts", state="available")
