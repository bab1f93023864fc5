"""The part of JSONPath that printer columns use: keys, indexes, wildcards and filters."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from metal3.apiserver.jsonvalue import is_list, is_map

Step = Callable[[Any], Iterator[Any]]

_STEP: Final = re.compile(
    r"""(?P<all>\.?\[\s*\*\s*\]|\.\*)
      | \.(?P<key>(?:[^.\[\]'"\\]|\\.)+)
      | \[\s*(?P<index>-?\d+)\s*\]
      | \[\s*'(?P<single>[^']*)'\s*\]
      | \[\s*"(?P<double>[^"]*)"\s*\]
      | \[\?\(\s*@(?P<path>[^=!<>)]*?)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>'[^']*'|"[^"]*"|[^)'"\s]+)\s*)?\)\]
    """,
    re.VERBOSE,
)


class JSONPath:
    """A compiled path such as ``.status.conditions[?(@.type=="Ready")].status``."""

    def __init__(self, text: str) -> None:
        """Compile; raises ValueError when the path uses what is not supported."""
        self._steps = _parse(text)

    def find(self, value: object) -> list[Any]:
        """Return all that the path leads to."""
        found: Sequence[Any] = [value]
        for step in self._steps:
            found = [result for item in found for result in step(item)]
        return list(found)

    def first(self, value: object) -> Any:
        """Return the first find, or None."""
        found = self.find(value)
        return found[0] if found else None


def _parse(text: str) -> list[Step]:
    text = text.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    if text and text[0] not in ".[":
        text = "." + text
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if not match:
            raise ValueError(f"cannot read the path {text!r} at {at}")
        steps.append(_step(match))
        at = match.end()
    return steps


def _step(match: re.Match[str]) -> Step:
    if match["all"]:
        return _every
    if match["index"] is not None:
        return _index(int(match["index"]))
    if match["path"] is not None:
        return _filter(match["path"], match["op"] or "", match["value"] or "")
    name = match["key"] or match["single"] or match["double"] or ""
    return _key(re.sub(r"\\(.)", r"\1", name))


def _key(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if is_map(value) and name in value:
            yield value[name]

    return step


def _index(at: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if is_list(value) and -len(value) <= at < len(value):
            yield value[at]

    return step


def _every(value: Any) -> Iterator[Any]:
    if is_list(value):
        yield from value
    elif is_map(value):
        yield from value.values()


def _filter(path: str, operator: str, literal: str) -> Step:
    inner = JSONPath(path)
    wanted = _literal(literal)

    def step(value: Any) -> Iterator[Any]:
        for item in _every(value):
            found = inner.find(item)
            if found and (not operator or _compare(found[0], operator, wanted)):
                yield item

    return step


def _literal(text: str) -> object:
    if text[:1] in {"'", '"'}:
        return text[1:-1]
    if text in {"true", "false"}:
        return text == "true"
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _compare(left: Any, operator: str, right: Any) -> bool:
    if operator == "==":
        return bool(left == right)
    if operator == "!=":
        return bool(left != right)
    try:
        less, more = bool(left < right), bool(left > right)
    except TypeError:
        return False
    return (
        less
        if operator == "<"
        else more
        if operator == ">"
        else not (more if operator == "<=" else less)
    )
