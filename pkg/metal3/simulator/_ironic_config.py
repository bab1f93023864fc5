"""The configuration file of a stand-alone Ironic on loopback.

API and conductor share one process, which is the only way Ironic supports SQLite.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from metal3.notifier import NAME as NOTIFICATION_DRIVER

from ._config import LabConfig, LabPaths
from ._ports import LOOPBACK, Ports

CONDUCTOR = "metal3-simulator"
QUIET = "amqp=WARN,oslo.messaging=INFO,sqlalchemy=WARNING,urllib3=WARNING,sushy=WARNING"

INTERFACES = {
    "enabled_hardware_types": "redfish,ipmi,manual-management,fake-hardware",
    "enabled_bios_interfaces": "no-bios,redfish,fake",
    "enabled_boot_interfaces": "ipxe,redfish-virtual-media,redfish-https,pxe,fake",
    "enabled_console_interfaces": "no-console,fake",
    "enabled_deploy_interfaces": "direct,ramdisk,custom-agent,noop,fake",
    "enabled_firmware_interfaces": "no-firmware,redfish,fake",
    "enabled_inspect_interfaces": "agent,redfish,no-inspect,fake",
    "enabled_management_interfaces": "redfish,ipmitool,noop,fake",
    "enabled_network_interfaces": "noop",
    "enabled_power_interfaces": "redfish,ipmitool,agent,fake",
    "enabled_raid_interfaces": "no-raid,agent,redfish,fake",
    "enabled_rescue_interfaces": "no-rescue,agent,fake",
    "enabled_storage_interfaces": "noop,fake",
    "enabled_vendor_interfaces": "no-vendor,redfish,ipmitool,fake",
}


@dataclass(frozen=True, kw_only=True)
class IronicURLs:
    """Addresses that Ironic hands out."""

    api: str
    files: str


def render(config: LabConfig, paths: LabPaths, ports: Ports, urls: IronicURLs) -> str:
    """The text of ``ironic.conf``; ``config.ironic_options`` has the last word."""
    sections = _default(config, paths) | _services(config, paths, ports, urls) | _steps(paths, urls)
    for name, value in config.ironic_options.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    return _write(sections)


def _write(sections: Mapping[str, Mapping[str, str]]) -> str:
    blocks: list[str] = []
    for section, options in sections.items():
        for key, value in options.items():
            if "\n" in value:
                raise ValueError(f"{section}.{key}: a value is one line")
        lines = [f"{key} = {value}" for key, value in options.items()]
        blocks.append("\n".join((f"[{section}]", *lines)))
    return "\n\n".join(blocks) + "\n"


def _default(config: LabConfig, paths: LabPaths) -> dict[str, dict[str, str]]:
    options = {
        "auth_strategy": config.auth,
        "default_log_levels": QUIET,
        "default_network_interface": "noop",
        # A fixed name lets a restarted conductor take its own locks back.
        "host": CONDUCTOR,
        "log_file": str(paths.logs / "ironic.log"),
        "my_ip": LOOPBACK,
        "rpc_transport": "none",
        "state_path": str(paths.root / "lib"),
        "tempdir": str(paths.root / "tmp"),
        "webserver_verify_ca": "false",
    }
    if config.auth == "http_basic":
        options["http_basic_auth_user_file"] = str(paths.ironic_htpasswd)
    if config.notify_url:
        options["notification_level"] = "info"
    return {"DEFAULT": options | INTERFACES}


def _services(
    config: LabConfig, paths: LabPaths, ports: Ports, urls: IronicURLs
) -> dict[str, dict[str, str]]:
    api = {
        "host_ip": LOOPBACK,
        "port": str(ports.ironic),
        "ramdisk_heartbeat_timeout": "30",
        "max_limit": "10000",
    }
    if config.tls:
        api |= {
            "enable_ssl_api": "true",
            "cert_file": str(paths.cert_file),
            "key_file": str(paths.key_file),
        }
    notifications = {"driver": "noop"}
    if config.notify_url:
        notifications = {"driver": NOTIFICATION_DRIVER, "transport_url": "fake://"}
    return {
        "api": api,
        "database": {
            "connection": f"sqlite:///{paths.database}",
            "sqlite_synchronous": "False",
        },
        "oslo_concurrency": {"lock_path": str(paths.root / "locks")},
        "oslo_messaging_notifications": notifications,
        "service_catalog": {"endpoint_override": urls.api},
        "dhcp": {"dhcp_provider": "none"},
        "sensor_data": {"send_sensor_data": "false"},
        "agent": _agent(config, paths),
        "redfish": _redfish(),
        "ipmi": {"min_command_interval": "1", "command_retry_timeout": "10"},
    }


def _agent(config: LabConfig, paths: LabPaths) -> dict[str, str]:
    return {
        "certificates_path": str(paths.certs),
        "deploy_logs_collect": "never",
        "image_download_source": "http",
        "max_command_attempts": "3",
        "post_deploy_get_power_state_retries": "30",
        "post_deploy_get_power_state_retry_interval": "1",
        "require_tls": "true" if config.tls else "false",
        "verify_ca": str(paths.ca_file) if config.tls else "true",
    }


def _redfish() -> dict[str, str]:
    """Simulated firmware is flashed in no time: look often, and believe the first good sign."""
    return {
        # Each attempt already tries ten times over half a minute.
        "connection_attempts": "1",
        "connection_retry_interval": "1",
        "firmware_update_bmc_version_check_interval": "2",
        "firmware_update_fail_interval": "5",
        "firmware_update_reboot_delay": "2",
        "firmware_update_required_successes": "1",
        "firmware_update_status_interval": "3",
        "firmware_update_validation_interval": "1",
    }


def _steps(paths: LabPaths, urls: IronicURLs) -> dict[str, dict[str, str]]:
    return {
        "conductor": {
            "automated_clean": "true",
            "check_provision_state_interval": "10",
            "clean_callback_timeout": "300",
            # The images are a few bytes that no image format describes.
            "conductor_always_validates_images": "false",
            "deploy_callback_timeout": "300",
            "disable_deep_image_inspection": "true",
            "file_url_allowed_paths": str(paths.images),
            "inspect_wait_timeout": "300",
            # Some failures lose their text on the node; the history keeps it.
            "node_history": "true",
            "permitted_image_formats": "raw,qcow2,iso",
            "power_failure_recovery_interval": "10",
            "sync_power_state_interval": "60",
        },
        "deploy": {
            "enable_nvme_secure_erase": "false",
            "erase_devices_metadata_priority": "10",
            "erase_devices_priority": "0",
            "fast_track": "false",
            "http_root": str(paths.http),
            "http_url": urls.files,
            "iso_master_path": str(paths.root / "master_iso"),
            "ramdisk_image_download_source": "http",
        },
        "inspector": {
            "add_ports": "all",
            "hooks": "$default_hooks,parse-lldp",
            "keep_ports": "present",
            "require_managed_boot": "true",
        },
        "inventory": {"data_backend": "database"},
        "pxe": {
            "images_path": str(paths.http / "tmp"),
            "instance_master_path": str(paths.root / "master_images"),
            "tftp_master_path": str(paths.root / "tftpboot/master_images"),
            "tftp_root": str(paths.root / "tftpboot"),
        },
    }
