"""From scheme to driver: the built-in table and what plugins add."""

from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final, cast

from ._access import AccessDetails, Driver
from ._address import parse_address
from ._drivers import BUILT_IN
from ._errors import BrokenPluginError, UnknownBMCTypeError

ENTRY_POINT_GROUP: Final = "metal3.bmc"
"""Each entry point is a function that takes nothing and gives drivers."""


class Registry:
    """Schemes and their drivers; a later driver takes over a scheme of an earlier one."""

    def __init__(self, drivers: Iterable[Driver] = BUILT_IN) -> None:
        self._by_scheme: dict[str, Driver] = {}
        for driver in drivers:
            self.register(driver)

    def register(self, driver: Driver) -> None:
        """Make all of the driver's schemes known."""
        self._by_scheme.update(dict.fromkeys(driver.schemes, driver))

    @property
    def schemes(self) -> tuple[str, ...]:
        """All known schemes, sorted."""
        return tuple(sorted(self._by_scheme))

    def parse(
        self, address: str, *, disable_certificate_verification: bool = False
    ) -> AccessDetails:
        """Read an address; raises InvalidBMCAddressError or UnknownBMCTypeError."""
        parsed = parse_address(address)
        driver = self._by_scheme.get(parsed.scheme)
        if driver is None:
            raise UnknownBMCTypeError(parsed.scheme, address)
        return AccessDetails(
            address=parsed,
            definition=driver,
            disable_certificate_verification=disable_certificate_verification,
        )


@cache
def _default() -> Registry:
    registry = Registry()
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: e.name):
        for driver in plugin_drivers(entry):
            registry.register(driver)
    return registry


def plugin_drivers(entry: EntryPoint) -> list[Driver]:
    """What a plugin offers; raises BrokenPluginError."""
    # Whatever goes wrong in it, it is somebody else's code.
    try:
        found = list(cast("Callable[[], Iterable[object]]", entry.load())())
    except Exception as error:
        raise BrokenPluginError(entry.value, f"{type(error).__name__}: {error}") from error
    drivers = [driver for driver in found if isinstance(driver, Driver)]
    if len(drivers) != len(found):
        raise BrokenPluginError(entry.value, "it must give drivers (metal3.bmc.Driver)")
    return drivers


def parse(address: str, *, disable_certificate_verification: bool = False) -> AccessDetails:
    """Read an address with all drivers installed here.

    Raises InvalidBMCAddressError or UnknownBMCTypeError, with messages meant for the user.
    """
    return _default().parse(
        address, disable_certificate_verification=disable_certificate_verification
    )


def known_schemes() -> tuple[str, ...]:
    """Schemes of all drivers installed here; raises BrokenPluginError."""
    return _default().schemes
