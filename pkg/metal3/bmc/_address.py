"""Reading the text of ``spec.bmc.address``."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ._errors import InvalidBMCAddressError

DEFAULT_SCHEME: Final = "ipmi"

_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*\Z")
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
_MAX_NAME: Final = 253
_MAX_PORT: Final = 65535
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The parts of a BMC address; ``host`` is bare (no brackets around IPv6) and may be empty."""

    text: str
    scheme: str
    host: str
    port: int | None = None
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def authority(self) -> str:
        """``host`` or ``host:port`` in the form a URL wants, brackets included."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def driver_type(self) -> str:
        """The scheme without its transport, such as ``redfish`` of ``redfish+http``."""
        return self.scheme.partition("+")[0]


def parse_address(text: str) -> Address:
    """Split an address; raises InvalidBMCAddressError.

    As upstream's users may write them: ``scheme://host:port/path``, ``scheme:host``, and a bare
    host or ``host:port``, which mean IPMI.
    """
    if _CONTROL.search(text):
        raise InvalidBMCAddressError(text, "it contains blanks or control characters")
    try:
        parts = urlsplit(_with_scheme(text))
        port = parts.port
        host = parts.hostname or ""
    except ValueError as error:
        raise InvalidBMCAddressError(text, str(error)) from error
    _check_host(text, host)
    return Address(
        text=text,
        scheme=parts.scheme.lower(),
        host=host,
        port=port,
        path=unquote(parts.path),
        query=_query(parts),
    )


def _with_scheme(text: str) -> str:
    """Complete the short forms to ``scheme://...``."""
    scheme, separator, rest = text.partition(":")
    if separator and rest.startswith("//"):
        return text if _SCHEME.match(scheme) else f"{DEFAULT_SCHEME}:{text}"
    if _is_bare_host(text):
        return f"{DEFAULT_SCHEME}://{_bracketed(text)}"
    if separator and _SCHEME.match(scheme) and not rest.startswith("/"):
        return f"{scheme}://{rest}"
    return f"{DEFAULT_SCHEME}://{text.removeprefix('//')}"


def _is_bare_host(text: str) -> bool:
    """A host, ``host:port`` or an IPv6 address without any scheme."""
    if text.startswith("[") or is_ip(text):
        return True
    host, separator, port = text.partition(":")
    if not separator:
        return True
    port, _, _ = port.partition("/")
    return port.isdecimal() and (is_ip(host) or _is_dns_name(host))


def _bracketed(text: str) -> str:
    return f"[{text}]" if ":" in text and is_ip(text) else text


def _query(parts: SplitResult) -> dict[str, str]:
    return dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=20))


def _check_host(text: str, host: str) -> None:
    """An empty host is let through, as users start with one and fill it in later."""
    if host and not is_ip(host) and not _is_dns_name(host):
        raise InvalidBMCAddressError(text, f"host {host!r} is neither an IP address nor a DNS name")


def is_ip(host: str) -> bool:
    """Whether it is an address of either version, without brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_dns_name(host: str) -> bool:
    name = host.removesuffix(".")
    return 0 < len(name) <= _MAX_NAME and all(_LABEL.match(label) for label in name.split("."))
