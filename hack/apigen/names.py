"""What generated packages, modules, classes, attributes and enum members are called."""

import keyword
import re

from metal3.api.meta import v1 as metav1

_TYPES = frozenset({"bool", "dict", "float", "frozenset", "int", "list", "str"})
# An acronym with a plural s stays one word: allowedVLANs is allowed_vlans.
_WORDS = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def package_of(group: str) -> str:
    """Folder of an API group: the whole group, as one Python name."""
    return group.replace(".", "_").replace("-", "_")


def module_of(kind: str) -> str:
    """Module that holds the classes of one kind."""
    return f"zz_generated_{kind.lower()}"


def class_name(parent: str, field: str) -> str:
    """The parent's name and the field's: ``BareMetalHostSpec`` and ``bmc`` are ...SpecBmc."""
    parts = re.split(r"[^0-9A-Za-z]+", field)
    return parent + "".join(part[:1].upper() + part[1:] for part in parts)


def attribute(field: str) -> str:
    """The field in snake_case, with a trailing underscore where the name is taken."""
    name = "_".join(word.lower() for word in _WORDS.findall(field)) or "field"
    if name[0].isdigit():
        name = f"field_{name}"
    # A field must hide neither a type that the fields below it are annotated with, nor what its
    # class can do: ABCs have a method ``register``, for one.
    taken = keyword.iskeyword(name) or name in _TYPES or hasattr(metav1.Object, name)
    return f"{name}_" if taken else name


def enum_member(value: str) -> str:
    """A value as a constant: ``live-iso`` is LIVE_ISO and ``1+0`` is VALUE_1_PLUS_0."""
    if not value:
        return "EMPTY"
    spelled = value.replace("+", " plus ")
    words = [word for part in re.split(r"[^0-9A-Za-z]+", spelled) for word in _words(part)]
    name = "_".join(words).upper() or "VALUE"
    return f"VALUE_{name}" if name[0].isdigit() else name


def _words(part: str) -> list[str]:
    """Camel case taken apart; text in one case, and text with digits, is one word."""
    if part.isupper() or part.islower() or any(c.isdigit() for c in part):
        return [part]
    return _WORDS.findall(part)
