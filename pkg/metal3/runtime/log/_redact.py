"""Takes secrets out of log lines, whoever put them there.

The last guard, not the first: code must not log secrets. It looks at names of keys, and inside
text for credentials that announce themselves (authorization headers, URLs with a password, PEM
private keys). API objects are reduced to kind, namespace and name, so a Secret never shows data.
"""

import re
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, Final, cast

from metal3.api.meta import v1 as metav1

REDACTED: Final = "<redacted>"
_DEPTH: Final = 6
_SEQUENCES: Final = (list, tuple, set, frozenset)  # not named tuples: they have a name to show

_SECRET_KEY: Final = re.compile(
    r"(password|passwd|passphrase|(?<!continue)token|authorization|cookie|credentials?|"
    r"private_?key|client_?secret|secret_?data|string_?data|api_?key|user_?data)$"
)
_SECRET_TEXT: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{4,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s/@]+@"), rf"\1:{REDACTED}@"),
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        REDACTED,
    ),
)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """A structlog processor; returns the line without secrets."""
    return {key: _clean(key, value, _DEPTH) for key, value in event.items()}


def scrub(text: str) -> str:
    """``text`` without the credentials that can be told by their form."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _clean(key: str, value: object, depth: int) -> object:
    if value and _SECRET_KEY.search(key.lower().replace("-", "_")):
        return REDACTED
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    if isinstance(value, metav1.Object):
        return f"{value.gvk.kind or value.kind} {value.metadata.namespace}/{value.metadata.name}"
    return _clean_container(value, depth)


def _clean_container(value: object, depth: int) -> object:
    if depth == 0:
        return "..."
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {str(k): _clean(str(k), v, depth - 1) for k, v in items}
    if type(value) in _SEQUENCES:
        return [_clean("", item, depth - 1) for item in cast("Collection[object]", value)]
    return scrub(str(value))
