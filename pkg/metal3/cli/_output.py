"""Objects on standard output: for people as text, for scripts as JSON or YAML."""

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

import yaml

from ._flags import Flag, choice

OUTPUT: Final = Flag(
    names=("output", "o"),
    read=choice("text", "json", "yaml"),
    default="text",
    metavar="text|json|yaml",
    help="how to print",
)


def show(data: Mapping[str, Any], form: str) -> None:
    """Print ``data``; as text, one aligned line a key."""
    match form:
        case "json":
            sys.stdout.write(json.dumps(data, indent=2) + "\n")
        case "yaml":
            sys.stdout.write(yaml.safe_dump(dict(data), sort_keys=False))
        case _:
            width = max(map(len, data), default=0)
            for key, value in data.items():
                sys.stdout.write(f"{key:<{width}}  {value}\n")
