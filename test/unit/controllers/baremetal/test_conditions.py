"""The conditions of each state, what is laid over them, and the words in their messages."""

from typing import Any

import pytest

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.conditions import update_conditions
from metal3.controllers.baremetal.host.hostpass import HostPass

State = metal3api.ProvisioningState
F, T = "False", "True"

# state: Manageable, AvailableForProvisioning, Provisioned, Ready, Progressing
TABLE = {
    "": "F NotManaged, F NotAvailable, F NotProvisioned, F NotProvisioned, F NotProgressing",
    "unmanaged": "F NotManaged, F NotAvailable, F NotProvisioned, F NotProvisioned, F NotProgressing",
    "registering": "F Registering, F NotAvailable, F NotProvisioned, F NotProvisioned, T Registering",
    "match profile": "T Manageable, F NotAvailable, F NotProvisioned, F NotProvisioned, T Inspecting",
    "inspecting": "T Manageable, F NotAvailable, F NotProvisioned, F NotProvisioned, T Inspecting",
    "preparing": "T Manageable, F NotAvailable, F NotProvisioned, F NotProvisioned, T Preparing",
    "available": "T Manageable, T Available, F NotProvisioned, F NotProvisioned, F NotProgressing",
    "ready": "T Manageable, T Available, F NotProvisioned, F NotProvisioned, F NotProgressing",
    "provisioning": "T Manageable, F NotAvailable, F NotProvisioned, F NotProvisioned, T Provisioning",
    "provisioned": "T Manageable, F NotAvailable, T Provisioned, T Provisioned, F NotProgressing",
    "externally provisioned": (
        "T Manageable, F NotAvailable, T Provisioned, T Provisioned, F NotProgressing"
    ),
    "deprovisioning": (
        "T Manageable, F NotAvailable, F NotProvisioned, F NotProvisioned, T Deprovisioning"
    ),
    "powering off before delete": (
        "T Manageable, F NotAvailable, F NotProvisioned, F NotProvisioned, T PoweringOffBeforeDelete"
    ),
    "deleting": "T Manageable, F NotAvailable, F NotProvisioned, F NotProvisioned, T Deleting",
}
TYPES = ("Manageable", "AvailableForProvisioning", "Provisioned", "Ready", "Progressing")


class Machine:
    """What conditions ask a backend for."""

    def __init__(self, *, failure=False, health="OK"):
        self.failure, self.health_text = failure, health

    async def has_power_failure(self):
        """Whether power control is lost."""
        return self.failure

    async def health(self):
        """What the BMC says."""
        return self.health_text


async def conditions(bench, make_host, state, status="OK", *, machine=None, before=None, **fields):
    """The conditions of a host in this state, by type."""
    b = bench(make_host(**fields.pop("spec", {})))
    host = await b.host()
    host.metadata.generation = 7
    host.status.provisioning.state = state
    host.status.operational_status = status
    host.status.conditions = list(before or ())
    for name, value in fields.items():
        setattr(host.status, name, value)
    access: Any = machine or Machine()
    p = HostPass(env=b.env, host=host, writer=b.reconciler.writer, access=access)
    await update_conditions(p)
    return {condition.type: condition for condition in host.status.conditions}


def test_every_state_has_a_row():
    """A state that is added must be thought about."""
    assert set(TABLE) == {str(state) for state in State}


@pytest.mark.looptime(start=0)
@pytest.mark.parametrize("state", TABLE)
async def test_conditions_by_state(bench, make_host, state):
    """Status and reason of each condition are those programs wait for."""
    found = await conditions(bench, make_host, state)
    shown = [f"{found[kind].status[0]} {found[kind].reason}" for kind in TYPES]
    assert ", ".join(shown) == TABLE[state]
    assert all(condition.observed_generation == 7 for condition in found.values())
    assert list(found) == ["Ready", *sorted(set(found) - {"Ready"})]


@pytest.mark.looptime(start=0)
@pytest.mark.parametrize("state", ["inspecting", "available", "provisioned", "deprovisioning"])
async def test_an_error_is_shown_by_ready(bench, make_host, state):
    """With the message of the error."""
    found = await conditions(
        bench, make_host, state, "error", error_type="provisioning error", error_message="no disk"
    )
    ready = found["Ready"]
    assert (ready.status, ready.reason, ready.message) == (F, "Error", "no disk")
    assert found["Manageable"].status == T


@pytest.mark.looptime(start=0)
async def test_a_failed_registration_is_shown_by_manageable_too(bench, make_host):
    """Nothing can be done with the host before that."""
    found = await conditions(bench, make_host, "registering", "error", error_message="refused")
    manageable = found["Manageable"]
    assert (manageable.status, manageable.reason) == (F, "RegistrationFailed")
    assert manageable.message == "refused"
    assert found["Progressing"].status == T


@pytest.mark.looptime(start=0)
async def test_servicing_and_detached_are_not_ready(bench, make_host):
    """A detached host makes no progress either, and is not asked how it is."""
    servicing = await conditions(bench, make_host, "provisioned", "servicing")
    assert (servicing["Ready"].status, servicing["Ready"].reason) == (F, "Servicing")
    assert servicing["Provisioned"].status == T
    broken = Machine(failure=True, health="Critical")
    detached = await conditions(bench, make_host, "provisioned", "detached", machine=broken)
    assert (detached["Ready"].status, detached["Ready"].reason) == (F, "Detached")
    assert (detached["Progressing"].status, detached["Progressing"].reason) == (F, "Detached")
    assert detached["Manageable"].status == T
    assert detached["Healthy"].status == "Unknown"


@pytest.mark.looptime(start=0)
@pytest.mark.parametrize("state", [str(state) for state in State])
async def test_a_lost_power_connection(bench, make_host, state):
    """Shown in every state in which somebody could do something about it."""
    found = await conditions(bench, make_host, state, machine=Machine(failure=True))
    silent = state in {"", "unmanaged", "registering", "deleting"}
    assert (found["Manageable"].reason == "PowerFailure") is not silent


@pytest.mark.looptime(start=0)
@pytest.mark.parametrize(
    ("health", "status", "reason"),
    [
        ("OK", T, "Healthy"),
        ("Warning", F, "Warning"),
        ("Critical", F, "CriticalError"),
        ("Purple", "Unknown", "Unknown"),
        ("", "Unknown", "Unknown"),
    ],
)
async def test_health(bench, make_host, health, status, reason):
    """As the backend reports it; what it does not know is unknown."""
    found = await conditions(bench, make_host, "available", machine=Machine(health=health))
    assert (found["Healthy"].status, found["Healthy"].reason) == (status, reason)


@pytest.mark.looptime(start=0)
async def test_health_is_kept_while_nobody_tells(bench, make_host):
    """No news is not bad news."""
    before = await conditions(bench, make_host, "available", machine=Machine(health="Warning"))
    after = await conditions(
        bench, make_host, "available", machine=Machine(health=""), before=before.values()
    )
    assert after["Healthy"].reason == "Warning"


@pytest.mark.looptime(start=0)
async def test_a_condition_that_stays_keeps_its_time(bench, make_host):
    """The transition is when the status changed, not when somebody looked."""
    before = await conditions(bench, make_host, "available")
    for condition in before.values():
        condition.last_transition_time = "2020-01-01T00:00:00Z"
    after = await conditions(bench, make_host, "provisioning", before=before.values())
    assert after["Manageable"].last_transition_time == "2020-01-01T00:00:00Z"
    assert after["Progressing"].last_transition_time != "2020-01-01T00:00:00Z"
