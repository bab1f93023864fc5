"""Turning what Ironic and its drivers say into one sentence a person can act on.

The raw text is kept behind the sentence, on one line and shortened.
"""

import re
from typing import Final

MAX_RAW: Final = 400

_BMC: Final = "the BMC{address}"
_CAUSES: Final = (
    (
        (
            r"\b401\b|AccessError|[Uu]nauthori[sz]ed|invalid (user|credential)|"
            r"[Aa]uthentication (failed|error)|RAKP|unauthorized name|password verification"
        ),
        _BMC + " refused the credentials: correct the username or password in {secret}",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|SSLError|SSLCertVerification",
        _BMC + " shows a certificate that is not trusted: install its CA for Ironic, or set "
        "disableCertificateVerification",
    ),
    (
        r"\b404\b.*(Systems|system)|ResourceNotFound|System .* was not found",
        _BMC + " knows no such system: check the path in the BMC address",
    ),
    (
        r"IPMI call failed|ipmitool",
        _BMC
        + " gave no usable answer over IPMI: check its address, its network and the login in {secret}",
    ),
    (
        (
            r"Redfish connection failed|Connection refused|ConnectionError|NewConnectionError|"
            r"No route to host|Unable to connect|timed out|ConnectTimeout|Name or service not known"
        ),
        _BMC + " cannot be reached: check its address and the network between Ironic and it",
    ),
    (
        r"[Tt]imeout reached while (waiting for callback|cleaning|inspecting|servic)",
        (
            "the deploy agent never reported back: check that the host boots the deploy image and "
            "reaches Ironic over the network"
        ),
    ),
    (
        r"[Cc]hecksum|does not match the expected hash|ImageChecksumError",
        "the image does not have the checksum that was given: correct image.checksum or the image",
    ),
    (
        r"Not enough space|[Nn]o suitable device|No device .* (found|hints)|root device",
        "no disk fits the image and the root device hints: check rootDeviceHints and the disks",
    ),
    (
        r"Failed to download image|ImageDownloadError|unable to download|image.*\b404\b",
        "the image cannot be downloaded: check image.url from the host's network",
    ),
    (
        r"[Cc]onductor .*(was restarted|resumed)|can't be resumed by conductor",
        "Ironic was restarted in the middle of the step",
    ),
)
_COMPILED: Final = tuple((re.compile(pattern, re.DOTALL), text) for pattern, text in _CAUSES)
_LOGIN_IN_URL: Final = re.compile(r"(?<=://)[^/\s@:]+:[^/\s@]+(?=@)")


def shorten(text: str, limit: int = MAX_RAW) -> str:
    """One line of at most ``limit`` characters, without logins in URLs."""
    line = _LOGIN_IN_URL.sub("***", " ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 3] + "..."


def explain(what: str, raw: str, *, address: str, secret: str = "") -> str:
    """``what`` (such as "inspection failed"), the cause when it is known, and the raw text.

    ``secret`` is the name of the Secret with the BMC's login.
    """
    cause = next((text for pattern, text in _COMPILED if pattern.search(raw)), "")
    cause = cause.format(
        address=f" at {address}" if address else "",
        secret=f"Secret {secret!r}" if secret else "the host's Secret",
    )
    sentence = f"{what}: {cause}" if cause else what
    if not raw.strip():
        return f"{sentence}: Ironic gave no reason; its log has more"
    return f"{sentence} ({shorten(raw)})" if cause else f"{sentence}: {shorten(raw)}"
