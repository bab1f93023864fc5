"""Questions about a host that its spec and status answer."""

from metal3.api.meta import v1 as metav1

from .baremetalhost_types import (
    BootMode,
    CredentialsStatus,
    OperationMetric,
    ProvisioningState,
)
from .zz_generated_baremetalhost import (
    BareMetalHost,
    BareMetalHostStatusOperationHistory,
    BareMetalHostStatusProvisioning,
)

_HISTORY = {
    ProvisioningState.REGISTERING: "register_",
    ProvisioningState.INSPECTING: "inspect",
    ProvisioningState.PROVISIONING: "provision",
    ProvisioningState.DEPROVISIONING: "deprovision",
}


def has_bmc_details(host: BareMetalHost) -> bool:
    """Whether the host can be managed; Go clients write empty strings for "not given"."""
    bmc = host.spec.bmc
    return bmc is not None and bool(bmc.address or bmc.credentials_name)


def boot_mode(host: BareMetalHost) -> BootMode:
    """The mode to boot in; UEFI unless the spec says something else."""
    try:
        return BootMode(host.spec.boot_mode or BootMode.UEFI)
    except ValueError:
        return BootMode.UEFI


def was_provisioned(host: BareMetalHost) -> bool:
    """Whether an image or a custom deploy is on the server, by what the status says."""
    provisioning = host.status.provisioning
    return bool(_status_image_url(provisioning)) or provisioning.custom_deploy is not None


def needs_hardware_inspection(host: BareMetalHost) -> bool:
    """Whether nothing is known of the hardware of a server that may be looked at."""
    if host.spec.externally_provisioned or was_provisioned(host):
        return False
    return host.status.hardware is None


def needs_provisioning(host: BareMetalHost) -> bool:
    """Whether the spec asks for an image or custom deploy that the server does not have."""
    if not host.spec.online:
        return False
    provisioning = host.status.provisioning
    wants_image = bool(_spec_image_url(host)) and not _status_image_url(provisioning)
    method = _spec_method(host)
    return wants_image or (bool(method) and method != _status_method(provisioning))


def is_provisioning_cancelled(host: BareMetalHost) -> bool:
    """Whether the spec does not ask any more for what is, or is being, put on the server.

    Only the URL of the image counts: another checksum, format or user data change nothing.
    """
    provisioning = host.status.provisioning
    deployed = _status_image_url(provisioning)
    replaced = bool(deployed) and deployed != _spec_image_url(host)
    if host.spec.custom_deploy is not None and _spec_method(host):
        before = _status_method(provisioning)
        return (bool(before) and before != _spec_method(host)) or replaced
    return bool(_status_method(provisioning)) or not _spec_image_url(host) or replaced


def credentials_match(status: CredentialsStatus | None, secret: metav1.Object) -> bool:
    """Whether ``status`` speaks about this very revision of the Secret."""
    if status is None or status.credentials is None:
        return False
    reference, meta = status.credentials, secret.metadata
    return (
        (reference.name or "") == meta.name
        and (reference.namespace or "") == meta.namespace
        and (status.credentials_version or "") == meta.resource_version
    )


def operation_metric(
    history: BareMetalHostStatusOperationHistory, state: str
) -> OperationMetric | None:
    """Where the times of the operation that runs in ``state`` are kept; None when nowhere."""
    name = _HISTORY.get(ProvisioningState(state)) if state in set(ProvisioningState) else None
    if name is None:
        return None
    metric: OperationMetric | None = getattr(history, name)
    if metric is None:
        metric = OperationMetric()
        setattr(history, name, metric)
    return metric


def _spec_image_url(host: BareMetalHost) -> str:
    return host.spec.image.url if host.spec.image is not None else ""


def _spec_method(host: BareMetalHost) -> str:
    return host.spec.custom_deploy.method if host.spec.custom_deploy is not None else ""


def _status_image_url(status: BareMetalHostStatusProvisioning) -> str:
    return status.image.url if status.image is not None else ""


def _status_method(status: BareMetalHostStatusProvisioning) -> str:
    return status.custom_deploy.method if status.custom_deploy is not None else ""
