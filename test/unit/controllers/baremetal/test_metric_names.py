"""Metrics under the names, types, labels and buckets that people's dashboards read."""

import pytest
from prometheus_client.metrics import MetricWrapperBase

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal import metrics
from metal3.runtime.metrics import REGISTRY

State = metal3api.ProvisioningState
HOST = ("namespace", "host")
LONG = [30, 90, 180, 360, 720, 1440]
DEFAULT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

COUNTERS = {
    "metal3_reconcile_total": HOST,
    "metal3_reconcile_error_total": (),
    "metal3_host_error_total": ("error_type",),
    "metal3_operation_power_change_total": (*HOST, "on_off"),
    "metal3_delayed__provisioning_total": HOST,
    "metal3_delayed__deprovisioning_total": HOST,
    "metal3_provisioning_state_change_total": ("prev_state", "new_state"),
    "metal3_credentials_missing_total": (),
    "metal3_credentials_invalid_total": (),
    "metal3_credentials_unhandled_error_total": (),
    "metal3_credentials_updated_total": (),
    "metal3_credentials_no_management_access_total": (),
    "metal3_host_config_data_error_total": ("host_data_type",),
    "metal3_host_registration_required_total": (),
    "metal3_host_unmanaged_total": (),
    "metal3_delete_without_deprovisioning_total": (),
    "metal3_provisioner_not_ready_total": (),
    "metal3_delete_delayed_for_detached_total": (),
    "metal3_waiting_for_preprov_image_total": (),
    "metal3_delete_without_powering_off_total": (),
}
HISTOGRAMS = {
    "metal3_operation_register_duration_seconds": DEFAULT,
    "metal3_operation_inspect_duration_seconds": LONG,
    "metal3_operation_provision_duration_seconds": LONG,
    "metal3_operation_deprovision_duration_seconds": LONG,
}


def known() -> dict[str, MetricWrapperBase]:
    """The operator's metrics by the names they are scraped under."""
    found = [m for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)]
    return {
        name: metric
        for metric in found
        for family in metric.describe()
        for name in (family.name, f"{family.name}_total")
    }


@pytest.mark.parametrize(("name", "labels"), COUNTERS.items())
def test_counters(name, labels):
    """Also those that the Go operator forgot to register."""
    metric = known()[name]
    assert metric._type == "counter"
    assert tuple(metric._labelnames) == labels
    assert metric in REGISTRY._collector_to_names


@pytest.mark.parametrize(("name", "buckets"), HISTOGRAMS.items())
def test_histograms(name, buckets):
    """Quantiles on dashboards depend on the buckets."""
    metric = known()[name]
    assert tuple(metric._labelnames) == HOST
    shown = [bound for bound in metric._kwargs["buckets"] if bound != float("inf")]
    assert set(buckets) <= set(shown)
    if buckets == LONG:
        assert shown == buckets


@pytest.mark.looptime(start=0)
async def test_a_life_in_numbers(bench, make_host):
    """Each move, each duration and each look is counted, and goes with the host."""
    name = "counted"
    b = bench(make_host(name, image={"url": "http://images/a.qcow2", "checksum": "abc"}))

    def value(metric: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(metric, labels) or 0

    move = {"prev_state": "provisioning", "new_state": "provisioned"}
    moves = value("metal3_provisioning_state_change_total", **move)
    await b.until(State.PROVISIONED)
    mine = {"namespace": "metal3", "host": name}
    assert value("metal3_provisioning_state_change_total", **move) == moves + 1
    for step in ("register", "inspect", "provision"):
        assert value(f"metal3_operation_{step}_duration_seconds_count", **mine) == 1
        assert value(f"metal3_operation_{step}_duration_seconds_sum", **mine) >= 0
    assert value("metal3_reconcile_total", **mine) > 5
    await b.edit(lambda h: setattr(h.spec, "online", False))
    await b.rest()
    assert value("metal3_operation_power_change_total", **mine, on_off="off") == 1
    await b.client.delete(await b.host())
    assert await b.rest() is None
    await b.reconcile()
    assert REGISTRY.get_sample_value("metal3_reconcile_total", mine) is None
    assert REGISTRY.get_sample_value("metal3_operation_power_change_total", mine) is None
