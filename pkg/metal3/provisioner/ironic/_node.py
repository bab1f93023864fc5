"""One node as Ironic showed it at one moment, and the words its API uses for states and actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple, cast

from metal3.runtime.types import NamespacedName

SEPARATOR: Final = "~"
"""Between namespace and name in a node's name; neither may contain it."""


class State(StrEnum):
    """Values of a node's ``provision_state`` that are told apart here."""

    ENROLL = "enroll"
    VERIFYING = "verifying"
    MANAGEABLE = "manageable"
    AVAILABLE = "available"
    ACTIVE = "active"
    DEPLOYING = "deploying"
    DEPLOY_WAIT = "wait call-back"
    DEPLOY_FAILED = "deploy failed"
    DELETING = "deleting"
    CLEANING = "cleaning"
    CLEAN_WAIT = "clean wait"
    CLEAN_FAILED = "clean failed"
    ERROR = "error"
    INSPECTING = "inspecting"
    INSPECT_WAIT = "inspect wait"
    INSPECT_FAILED = "inspect failed"
    ADOPTING = "adopting"
    ADOPT_FAILED = "adopt failed"
    SERVICING = "servicing"
    SERVICE_WAIT = "service wait"
    SERVICE_FAILED = "service failed"


class Target(StrEnum):
    """Actions that move a node between states."""

    MANAGE = "manage"
    PROVIDE = "provide"
    INSPECT = "inspect"
    ABORT = "abort"
    CLEAN = "clean"
    ACTIVE = "active"
    DELETED = "deleted"
    ADOPT = "adopt"
    SERVICE = "service"


class Power(StrEnum):
    """Power states, and the actions that lead to them."""

    ON = "power on"
    OFF = "power off"
    SOFT_OFF = "soft power off"
    REBOOT = "rebooting"
    SOFT_REBOOT = "soft rebooting"


WORKING: Final = frozenset({
    State.VERIFYING, State.DEPLOYING, State.DELETING, State.CLEANING, State.INSPECTING,
    State.ADOPTING, State.SERVICING,
})  # fmt: skip
"""A conductor holds the node's lock."""

WAITING: Final = frozenset({
    State.DEPLOY_WAIT, State.CLEAN_WAIT, State.INSPECT_WAIT, State.SERVICE_WAIT,
})  # fmt: skip
"""The agent on the machine is expected to report."""

IN_FLIGHT: Final = WORKING | WAITING
"""The node leaves these states without being asked."""


class Begin(NamedTuple):
    """From which states an action begins with ``state``, and where that leads."""

    starts: frozenset[str]
    state: State
    heads_for: State


def _begin(state: State, heads_for: State, *starts: State) -> Begin:
    return Begin(frozenset(starts), state, heads_for)


BEGINS: Final[Mapping[Target, Begin]] = {
    Target.MANAGE: _begin(State.VERIFYING, State.MANAGEABLE, State.ENROLL),
    Target.PROVIDE: _begin(State.CLEANING, State.AVAILABLE, State.MANAGEABLE),
    Target.INSPECT: _begin(
        State.INSPECTING, State.MANAGEABLE, State.MANAGEABLE, State.INSPECT_FAILED
    ),
    Target.CLEAN: _begin(State.CLEANING, State.MANAGEABLE, State.MANAGEABLE),
    Target.ACTIVE: _begin(State.DEPLOYING, State.ACTIVE, State.AVAILABLE, State.DEPLOY_FAILED),
    Target.DELETED: _begin(
        State.DELETING, State.AVAILABLE, State.ACTIVE, State.DEPLOY_FAILED, State.ERROR
    ),
    Target.ADOPT: _begin(State.ADOPTING, State.ACTIVE, State.MANAGEABLE, State.ADOPT_FAILED),
    Target.SERVICE: _begin(State.SERVICING, State.ACTIVE, State.ACTIVE, State.SERVICE_FAILED),
}
"""What Ironic has begun with a node before it accepts an action.

What is not here is done at once, or may begin later: the node has to be read again.
"""

FIELDS: Final = (
    "uuid", "name", "driver", "provision_state", "target_provision_state", "provision_updated_at",
    "power_state", "target_power_state", "maintenance", "fault", "last_error", "reservation",
    "instance_uuid", "instance_info", "driver_info", "properties", "network_data",
    "automated_clean", "boot_interface", "deploy_interface", "inspect_interface",
    "raid_interface", "firmware_interface", "inspection_finished_at",
)  # fmt: skip
"""What a listing asks for: all that a settled host's reconcile looks at."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node; ``seen_at`` is the loop's time before the request that showed it."""

    raw: Mapping[str, Any]
    seen_at: float

    @property
    def uuid(self) -> str:
        """Ironic's identity of the node."""
        return self.text("uuid")

    @property
    def name(self) -> str:
        """Name of the node; empty when it has none."""
        return self.text("name")

    @property
    def state(self) -> str:
        """Provision state; one of State, or one this version does not know."""
        return self.text("provision_state")

    @property
    def target_state(self) -> str:
        """Provision state Ironic is heading for; also set in most failed states."""
        return self.text("target_provision_state")

    @property
    def last_error(self) -> str:
        """Why the last action failed; empty when it did not, and sometimes when it did."""
        return self.text("last_error")

    @property
    def fault(self) -> str:
        """Set when Ironic itself put the node into maintenance."""
        return self.text("fault")

    @property
    def maintenance(self) -> bool:
        """Whether the node is left alone by Ironic."""
        return bool(self.raw.get("maintenance"))

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way, neither provisioning nor a change of power."""
        return self.state not in IN_FLIGHT and not self.raw.get("target_power_state")

    @property
    def powered_on(self) -> bool | None:
        """Power as last seen; None when Ironic does not know."""
        power = self.raw.get("power_state")
        return {Power.ON: True, Power.OFF: False}.get(Power(power)) if power in _KNOWN else None

    @property
    def driver_info(self) -> Mapping[str, Any]:
        """Connection data; passwords are masked by Ironic."""
        return self.mapping("driver_info")

    @property
    def instance_info(self) -> Mapping[str, Any]:
        """What is deployed, or is to be."""
        return self.mapping("instance_info")

    @property
    def properties(self) -> Mapping[str, Any]:
        """Properties of the machine; capabilities among them."""
        return self.mapping("properties")

    @property
    def host_key(self) -> NamespacedName | None:
        """The host the node's name stands for, if it has the form ``namespace~name``."""
        namespace, separator, name = self.name.partition(SEPARATOR)
        return NamespacedName(namespace, name) if separator and namespace and name else None

    def text(self, field: str) -> str:
        """A field as text; null and absent are empty."""
        return str(self.raw.get(field) or "")

    def mapping(self, field: str) -> Mapping[str, Any]:
        """A field that is an object; null and absent are empty."""
        value = self.raw.get(field)
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


_KNOWN: Final = frozenset({Power.ON, Power.OFF})


def node_name(key: NamespacedName) -> str:
    """The name a host's node has in Ironic."""
    return f"{key.namespace}{SEPARATOR}{key.name}"
