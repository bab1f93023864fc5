"""What the backend remembers between two reconciles of a host; losing it costs a request or two."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.types import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRequest:
    """A change of power that was asked for, and the error the node showed before."""

    at: float
    previous_error: str


@dataclass(slots=True)
class Memory:
    """Keyed by the node's UUID mostly, and ends with the node then."""

    power: dict[str, PowerRequest] = field(default_factory=dict)
    components: dict[str, tuple[object, Sequence[metal3api.FirmwareComponentStatus]]] = field(
        default_factory=dict
    )
    slots: dict[NamespacedName, float] = field(default_factory=dict)
    """When a host was promised a place in the provisioning limit."""

    attempted: set[str] = field(default_factory=set)
    """Nodes that were asked to do something since a failure of theirs was told last."""

    unsent_logins: set[str] = field(default_factory=set)
    """Nodes whose new credentials could not be written yet."""

    unverified: set[str] = field(default_factory=set)
    """Nodes that are to be verified whatever their last error says."""

    def forget(self, uuid: str) -> None:
        """The node is gone."""
        for known in (self.power, self.components):
            known.pop(uuid, None)
        for noted in (self.attempted, self.unsent_logins, self.unverified):
            noted.discard(uuid)
