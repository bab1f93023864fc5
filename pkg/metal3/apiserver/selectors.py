"""Label and field selectors, as they are written in a query string."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import Obj, dig, is_list, is_map, list_at, strings

LabelTest = Callable[[Mapping[str, str]], bool]

_TOKEN: Final = re.compile(r"\s*(?:(==|!=|=|<|>|!|,|\(|\))|([^\s,()=!<>]+))")
_PREFIX: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise _bad(text, f"unexpected character at {at}")
        found.append(match.group(1) or match.group(2))
        at = match.end()
    return found


def _bad(text: str, why: str) -> errors.StatusError:
    return errors.bad_request(f'unable to parse requirement "{text}": {why}')


def parse_labels(text: str) -> LabelTest | None:
    """Parse a label selector; None selects everything, and a wrong one raises 400."""
    tests: list[LabelTest] = []
    tokens = _tokens(text)
    while tokens:
        tests.append(_requirement(text, tokens))
        if tokens and tokens.pop(0) != ",":
            raise _bad(text, "expected a comma")
        # A trailing comma is tolerated, as upstream does.
    if not tests:
        return None
    return lambda labels: all(test(labels) for test in tests)


def _requirement(text: str, tokens: list[str]) -> LabelTest:
    negated = tokens[0] == "!"
    if negated:
        tokens.pop(0)
    key = _key(text, tokens)
    if negated:
        return lambda labels: key not in labels
    if not tokens or tokens[0] == ",":
        return lambda labels: key in labels
    return _compared(text, key, tokens)


def _compared(text: str, key: str, tokens: list[str]) -> LabelTest:
    operator = tokens.pop(0)
    if operator in {"in", "notin"}:
        values = _values(text, tokens)
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    value = "" if not tokens or tokens[0] == "," else _value(text, tokens)
    if operator in {"=", "=="}:
        return lambda labels: labels.get(key) == value
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    if operator in {"<", ">"}:
        return _ordered(text, key, operator, value)
    raise _bad(text, f'"{operator}" is not an operator')


def _ordered(text: str, key: str, operator: str, value: str) -> LabelTest:
    try:
        bound = int(value)
    except ValueError as e:
        raise _bad(text, f'"{value}" is not an integer') from e

    def test(labels: Mapping[str, str]) -> bool:
        try:
            number = int(labels[key])
        except (KeyError, ValueError):
            return False
        return number < bound if operator == "<" else number > bound

    return test


def _key(text: str, tokens: list[str]) -> str:
    key = tokens.pop(0) if tokens else ""
    prefix, slash, name = key.rpartition("/")
    if not _NAME.match(name) or (slash and not _PREFIX.match(prefix)):
        raise _bad(text, f'"{key}" is not a label key')
    return key


def _value(text: str, tokens: list[str]) -> str:
    value = tokens.pop(0)
    if not _NAME.match(value):
        raise _bad(text, f'"{value}" is not a label value')
    return value


def _values(text: str, tokens: list[str]) -> frozenset[str]:
    if not tokens or tokens.pop(0) != "(":
        raise _bad(text, "expected a list in parentheses")
    if ")" not in tokens:
        raise _bad(text, "the list is not closed")
    end = tokens.index(")")
    inside, tokens[:] = tokens[:end], tokens[end + 1 :]
    # Between commas there is one value, or none, which is the empty value.
    values = [""]
    for part in inside:
        if part == ",":
            values.append("")
        elif values[-1]:
            raise _bad(text, "expected a comma in the list")
        else:
            values[-1] = _value(text, [part])
    return frozenset(values)


def label_selector(selector: object) -> LabelTest:
    """Build a test from a LabelSelector object (matchLabels, matchExpressions)."""
    if not is_map(selector):
        return lambda _labels: True
    tests = [_equals(key, str(value)) for key, value in (selector.get("matchLabels") or {}).items()]
    expressions = selector.get("matchExpressions")
    items = expressions if is_list(expressions) else []
    tests += [_expression(item) for item in items if is_map(item)]
    return lambda labels: all(test(labels) for test in tests)


def _equals(key: str, value: str) -> LabelTest:
    return lambda labels: labels.get(key) == value


def _expression(item: Obj) -> LabelTest:
    key, values = str(item.get("key")), strings(list_at(item, "values"))
    match item.get("operator"):
        case "In":
            return lambda labels: labels.get(key) in values
        case "NotIn":
            return lambda labels: labels.get(key) not in values
        case "Exists":
            return lambda labels: key in labels
        case _:
            return lambda labels: key not in labels


FieldTerm = tuple[str, str, bool]


def parse_fields(text: str) -> list[FieldTerm]:
    """Parse a field selector into (path, value, equal); a wrong one raises 400."""
    terms: list[FieldTerm] = []
    for part in _split_unescaped(text):
        match = re.fullmatch(r"([^=!]+?)(==|!=|=)(.*)", part, re.DOTALL)
        if not match:
            raise errors.bad_request(f'invalid field selector: "{part}"; can\'t understand it')
        path, operator, value = match.groups()
        terms.append((path.strip(), _unescaped(value), operator != "!="))
    return terms


def _split_unescaped(text: str) -> list[str]:
    return [part for part in re.split(r"(?<!\\),", text) if part]


def _unescaped(value: str) -> str:
    return re.sub(r"\\([\\,=])", r"\1", value)


def field_value(obj: Obj, path: str) -> str:
    """Read a field as selectors compare it: as text, empty when absent."""
    value = dig(obj, *path.split("."))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
