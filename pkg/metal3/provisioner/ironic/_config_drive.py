"""What the instance is told at its first boot; Ironic makes the config drive of it."""

from typing import Any

from metal3.provisioner import HostData, ProvisionData

from ._network_data import parse_network_data
from ._settings import LIVE_ISO


def config_drive(host: HostData, data: ProvisionData) -> dict[str, Any] | None:
    """Contents of the config drive; None for a live ISO. Raises DocumentError."""
    if data.image is not None and data.image.format == LIVE_ISO:
        return None
    given = data.host_config
    drive: dict[str, Any] = {
        "meta_data": _default_meta_data(host)
        | parse_network_data(given.meta_data, what="meta data"),
    }
    if given.user_data:
        drive["user_data"] = given.user_data
    if network := parse_network_data(given.network_data):
        drive["network_data"] = network
    return drive


def _default_meta_data(host: HostData) -> dict[str, Any]:
    """Names under which cloud-init and Cluster API's templates look for the host."""
    name = host.key.name
    return {
        "uuid": host.uid,
        "metal3-namespace": host.key.namespace,
        "metal3-name": name,
        "local-hostname": name,
        "local_hostname": name,
        "name": name,
    }
