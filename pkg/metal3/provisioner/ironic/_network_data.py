"""Network data as users write it (YAML or JSON text) as the object Ironic takes."""

from typing import Any, cast

import yaml

from metal3.provisioner import ProvisionerError


class DocumentError(ProvisionerError):
    """A document of the user cannot be read; the message does not repeat it."""


def parse_network_data(text: str, *, what: str = "network data") -> dict[str, Any]:
    """Read an object; an empty text is an empty object. Raises DocumentError."""
    if not text.strip():
        return {}
    try:
        value: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise DocumentError(f"the {what} is neither JSON nor YAML{where}") from None
    if not isinstance(value, dict):
        raise DocumentError(f"the {what} must be an object with fields")
    return cast("dict[str, Any]", value)
