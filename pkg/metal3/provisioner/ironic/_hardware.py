"""The inventory an inspection leaves in Ironic, as HardwareDetails."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from metal3.api.metal3_io import v1alpha1 as metal3api

JSON = Mapping[str, Any]
_SPEED: Final = 1000
_VLAN_MAX: Final = 4094


def hardware_details(answer: JSON) -> metal3api.HardwareDetails:
    """Translate ``GET /v1/nodes/<id>/inventory``; what is missing or odd is left out."""
    inventory = _map(answer.get("inventory"))
    plugins = _map(answer.get("plugin_data"))
    details = {
        "systemVendor": _system_vendor(_map(inventory.get("system_vendor"))),
        "firmware": _firmware(_map(inventory.get("system_vendor"))),
        "ramMebibytes": _number(_map(inventory.get("memory")).get("physical_mb")),
        "nics": [nic for i in _list(inventory.get("interfaces")) for nic in _nics(i, plugins)],
        "storage": [_disk(disk) for disk in _list(inventory.get("disks"))],
        "cpu": _cpu(_map(inventory.get("cpu"))),
        "hostname": inventory.get("hostname"),
    }
    return metal3api.HardwareDetails.from_dict(_pruned(details))


def _system_vendor(vendor: JSON) -> dict[str, Any]:
    return {
        "manufacturer": vendor.get("manufacturer"),
        "productName": vendor.get("product_name"),
        "serialNumber": vendor.get("serial_number"),
    }


def _firmware(vendor: JSON) -> dict[str, Any]:
    firmware = _map(vendor.get("firmware"))
    bios = {
        "vendor": firmware.get("vendor"),
        "version": firmware.get("version"),
        "date": firmware.get("build_date"),
    }
    return {"bios": bios}


def _cpu(cpu: JSON) -> dict[str, Any]:
    frequency = _decimal(cpu.get("frequency"))
    return {
        "arch": cpu.get("architecture"),
        "model": cpu.get("model_name"),
        "clockMegahertz": round(frequency) if frequency else None,
        "flags": sorted(str(flag) for flag in cpu.get("flags") or []),
        "count": _number(cpu.get("count")),
    }


def _nics(interface: JSON, plugins: JSON) -> Iterator[dict[str, Any]]:
    """One entry an address, as the API has it; one without when there is no address."""
    name = str(interface.get("name") or "")
    lldp = _map(_map(plugins.get("parsed_lldp")).get(name))
    seen = _map(_map(plugins.get("all_interfaces")).get(name))
    model = f"{interface.get('vendor') or ''} {interface.get('product') or ''}".strip()
    nic = {
        "name": name,
        "model": model,
        "mac": interface.get("mac_address"),
        "speedGbps": (_number(interface.get("speed_mbps")) or 0) // _SPEED,
        "pxe": bool(seen.get("pxe_enabled")),
        "pciAddress": interface.get("pci_address"),
        **_lldp(lldp),
    }
    addresses = [interface.get(key) for key in ("ipv4_address", "ipv6_address")]
    for address in [a for a in addresses if a] or [None]:
        yield nic | {"ip": address}


def _lldp(parsed: JSON) -> dict[str, Any]:
    """What the switch said; numbers come as numbers or as text, VLANs as a list of objects."""
    vlans = [
        {"id": number, "name": vlan.get("name")}
        for vlan in _list(parsed.get("switch_port_vlans"))
        if (number := _vlan(vlan.get("id"))) is not None
    ]
    neighbour = {
        "switchID": parsed.get("switch_chassis_id"),
        "portID": parsed.get("switch_port_id"),
        "switchSystemName": parsed.get("switch_system_name"),
    }
    untagged = _vlan(parsed.get("switch_port_untagged_vlan_id"))
    return {"vlans": vlans, "vlanId": untagged, "lldp": neighbour}


def _vlan(value: object) -> int | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= _VLAN_MAX else None


def _disk(disk: JSON) -> dict[str, Any]:
    by_path, name = disk.get("by_path"), disk.get("name")
    rotational = bool(disk.get("rotational"))
    return {
        "name": by_path or name,
        "alternateNames": [n for n in (by_path, name) if n],
        "rotational": rotational,
        "type": _disk_type(str(name or ""), rotational=rotational),
        "sizeBytes": _number(disk.get("size")),
        "vendor": disk.get("vendor"),
        "model": disk.get("model"),
        "serialNumber": disk.get("serial"),
        "wwn": disk.get("wwn"),
        "wwnVendorExtension": disk.get("wwn_vendor_extension"),
        "wwnWithExtension": disk.get("wwn_with_extension"),
        "hctl": disk.get("hctl"),
    }


def _disk_type(name: str, *, rotational: bool) -> str:
    if rotational:
        return "HDD"
    return "NVME" if name.startswith("/dev/nvme") else "SSD"


def _pruned(value: Any) -> Any:
    """Leave out what says nothing, as the API's own encoding does."""
    if isinstance(value, dict):
        entries = {k: _pruned(v) for k, v in cast("dict[str, Any]", value).items()}
        return {k: v for k, v in entries.items() if v not in (None, "", 0, False, [], {})}
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value


def _map(value: object) -> JSON:
    return cast("JSON", value) if isinstance(value, dict) else {}


def _list(value: object) -> Iterable[JSON]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("JSON", item) for item in items if isinstance(item, dict)]


def _number(value: object) -> int | None:
    decimal = _decimal(value)
    return None if decimal is None else int(decimal)


def _decimal(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and not re.fullmatch(r"\s*-?\d{1,18}(\.\d+)?\s*", value):
        return None
    return float(value) if not isinstance(value, int) else value
