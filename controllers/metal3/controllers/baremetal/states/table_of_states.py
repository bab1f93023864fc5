"""All states of a host."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.table import StateRow

from . import beginning, deleting
from .available import available, is_wanted_at_once
from .deprovisioning import deprovisioning
from .inspecting import inspecting
from .preparing import preparing
from .provisioning import externally_provisioned, provisioned, provisioning

State = metal3api.ProvisioningState

_POWER_OFF: Final = State.POWERING_OFF_BEFORE_DELETE
_FREE: Final[Mapping[str, str]] = {
    State.EXTERNALLY_PROVISIONED: "spec.externallyProvisioned is set",
    State.INSPECTING: "the inspect annotation is set",
    State.PREPARING: "RAID, root device hints or firmware differ from the spec",
    State.PROVISIONING: "an image or custom deploy is asked for and the host shall be online",
}

_ROWS: Final = (
    StateRow(
        name=State.NONE,
        meaning="the object is new",
        handle=beginning.new,
        transitions={
            State.REGISTERING: "BMC details are given",
            State.UNMANAGED: "no BMC details",
        },
        on_delete=State.DELETING,
        registers=False,
        needs_backend=False,
    ),
    StateRow(
        name=State.UNMANAGED,
        meaning="nobody said how the BMC is reached",
        handle=beginning.unmanaged,
        transitions={State.REGISTERING: "BMC details are given"},
        on_delete=State.DELETING,
        registers=False,
        needs_backend=False,
    ),
    StateRow(
        name=State.REGISTERING,
        meaning="access to the BMC is checked",
        handle=beginning.registering,
        transitions={
            State.INSPECTING: "registered",
            State.PREPARING: "registered, inspection is disabled",
            State.EXTERNALLY_PROVISIONED: "registered, spec.externallyProvisioned is set",
        },
        on_delete=State.DELETING,
    ),
    StateRow(
        name=State.MATCH_PROFILE,
        meaning="only in objects of old operators",
        handle=beginning.match_profile,
        transitions={State.PREPARING: "at once"},
        on_delete=_POWER_OFF,
        registers=False,
    ),
    StateRow(
        name=State.INSPECTING,
        meaning="the hardware is looked at",
        handle=inspecting,
        transitions={State.PREPARING: "hardware found, or inspection disabled"},
        on_delete=_POWER_OFF,
        limited=True,
    ),
    StateRow(
        name=State.PREPARING,
        meaning="RAID and firmware are brought in line with the spec",
        handle=preparing,
        transitions={State.AVAILABLE: "everything is as wanted"},
        on_delete=_POWER_OFF,
    ),
    StateRow(
        name=State.AVAILABLE,
        meaning="ready to be provisioned",
        handle=available,
        transitions=_FREE,
        on_delete=_POWER_OFF,
        passes=is_wanted_at_once,
    ),
    StateRow(
        name=State.READY,
        meaning="the old name of available",
        handle=available,
        transitions=_FREE,
        on_delete=_POWER_OFF,
    ),
    StateRow(
        name=State.PROVISIONING,
        meaning="the image is written",
        handle=provisioning,
        transitions={
            State.PROVISIONED: "deployed",
            State.DEPROVISIONING: "failed, or no longer asked for",
        },
        on_delete=State.DEPROVISIONING,
        limited=True,
    ),
    StateRow(
        name=State.PROVISIONED,
        meaning="an instance runs",
        handle=provisioned,
        transitions={State.DEPROVISIONING: "the image is no longer asked for"},
        on_delete=State.DEPROVISIONING,
    ),
    StateRow(
        name=State.EXTERNALLY_PROVISIONED,
        meaning="something runs that was installed by others",
        handle=externally_provisioned,
        transitions={State.PROVISIONED: "spec.externallyProvisioned is unset"},
        on_delete=_POWER_OFF,
    ),
    StateRow(
        name=State.DEPROVISIONING,
        meaning="the image is taken off",
        handle=deprovisioning,
        transitions={
            State.AVAILABLE: "cleaned",
            _POWER_OFF: "cleaned, or given up after four failures, in a deletion",
            State.DELETING: "nothing more can be done, in a deletion",
        },
        limited=True,
    ),
    StateRow(
        name=_POWER_OFF,
        meaning="no machine is left running",
        handle=deleting.powering_off_before_delete,
        transitions={State.DELETING: "off, or given up after four failures"},
    ),
    StateRow(
        name=State.DELETING,
        meaning="the backend forgets the host",
        handle=deleting.deleting,
        registers=False,
    ),
)

TABLE: Final[Mapping[str, StateRow]] = MappingProxyType({row.name: row for row in _ROWS})
