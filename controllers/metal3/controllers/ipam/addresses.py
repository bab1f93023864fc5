"""Addresses as text, as numbers, and as names of objects."""

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BITS: Final = {4: 32, 6: 128}


def parse_address(text: str) -> Address:
    """One address without a zone; raises ValueError.

    ``str()`` of the answer is the canonical text, so that two ways to write one address are equal.
    """
    found = ipaddress.ip_address(text)
    if isinstance(found, ipaddress.IPv6Address) and found.scope_id is not None:
        raise ValueError(f"{text!r} names an interface, too")
    return found


def parse_network(text: str) -> Network:
    """A subnet; bits of a host are ignored. Raises ValueError."""
    if "/" not in text:
        raise ValueError(f"{text!r} has no prefix length, as in 192.0.2.0/24")
    return ipaddress.ip_network(text, strict=False)


def address_of(version: int, value: int) -> Address:
    """The address with this number."""
    return ipaddress.IPv4Address(value) if version == 4 else ipaddress.IPv6Address(value)  # noqa: PLR2004 - IP version 4


def last_address(version: int) -> int:
    """The number of the last address there is."""
    return int(2 ** BITS[version] - 1)


def address_name(name_prefix: str, address: Address) -> str:
    """Name of the IPAddress object: one address has one name, so that only one can be made.

    The form is that of the Go operator: a ``::`` at the end leaves no trace.
    """
    dashed = str(address).replace(".", "-").replace(":", "-")
    return f"{name_prefix}-{dashed}".rstrip("-")


def address_of_name(name_prefix: str, name: str) -> Address | None:
    """The address whose object has this name; None when it is no such name."""
    begin = f"{name_prefix}-"
    if not name.startswith(begin):
        return None
    rest = name.removeprefix(begin)
    for text in (rest.replace("-", "."), rest.replace("-", ":"), rest.replace("-", ":") + "::"):
        try:
            found = parse_address(text)
        except ValueError:
            continue
        if address_name(name_prefix, found) == name:
            return found
    return None
