"""The form in which data is stored in Secrets."""

import yaml


def as_yaml(value: object) -> str:
    """YAML with keys in alphabetical order, as the Go provider writes it."""
    text: str = yaml.safe_dump(value, default_flow_style=False, allow_unicode=True, sort_keys=True)
    return text
