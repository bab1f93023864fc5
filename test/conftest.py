"""Objects that tests of several packages need, stating only what matters."""

import asyncio

import pytest
from hypothesis import HealthCheck, settings

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api

NAMESPACE = "metal3"

# looptime asks the policy for a loop before each test, also for tests that are not async; without
# this the policy would make one that nobody closes, which ends the session with a ResourceWarning.
asyncio.set_event_loop(None)

settings.register_profile(
    "metal3", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.load_profile("metal3")


def new_host(name: str = "host-0", **spec) -> metal3api.BareMetalHost:
    """A host with a BMC, online, in the namespace of all tests; ``spec`` overrides."""
    fields = {
        "online": True,
        "bmc": {"address": f"redfish://{name}.bmc/redfish/v1/Systems/1", "credentialsName": "bmc"},
        "bootMACAddress": "52:54:00:00:00:01",
        "automatedCleaningMode": "metadata",
    } | spec
    return metal3api.BareMetalHost.from_dict(
        {
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {k: v for k, v in fields.items() if v is not None},
        }
    )


def new_secret(name: str = "bmc", **data: str) -> corev1.Secret:
    """A Secret; a BMC's login unless told otherwise."""
    return corev1.new_secret(name, NAMESPACE, data or {"username": "admin", "password": "secret-0"})


@pytest.fixture
def make_host():
    """Makes hosts that state only what matters."""
    return new_host


@pytest.fixture
def make_secret():
    """Makes Secrets."""
    return new_secret
