"""A BMC scheme for Ironic's ``fake-hardware``: installed for the bench only, as a plugin is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metal3.bmc import Address, Credentials, Driver

SCHEME = "fake-hardware"


def drivers() -> tuple[Driver, ...]:
    """Give the one driver; it needs no provisioning network, so that no slots are waited for."""
    driver = Driver(
        schemes=(SCHEME,),
        driver=SCHEME,
        build_driver_info=_info,
        address_key="fake_address",
        boot_interface="fake",
        management_interface="fake",
        power_interface="fake",
        raid_interface="fake",
        supports_iso_preprovisioning_image=True,
        requires_provisioning_network=False,
    )
    return (driver,)


def _info(address: Address, credentials: Credentials, unverified: bool) -> Mapping[str, Any]:  # noqa: ARG001, FBT001 - the shape of DriverInfo
    return {"fake_address": address.host, "fake_username": credentials.username}


def announce(folder: Path) -> None:
    """Write what an installed package would have."""
    info = folder / "bench_fake_hardware-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (folder / "bench_fake_hardware.py").write_text(Path(__file__).read_text())
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: bench-fake-hardware\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(
        f"[metal3.bmc]\n{SCHEME} = bench_fake_hardware:drivers\n"
    )
