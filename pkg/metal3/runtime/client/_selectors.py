"""Label selectors in kubectl's syntax, for whoever has to match objects outside the server."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_TOKEN: Final = re.compile(r"\s*(?:(==|!=|[=<>!,()])|([^\s,()=!<>]+))")
_PREFIX: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")


class Operator(StrEnum):
    """How one requirement compares, spelled as in the selector."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    DOES_NOT_EXIST = "!"
    GREATER = ">"
    LESS = "<"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a selector; equality is ``IN`` with one value."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels fulfil the term; an absent key fulfils the negative ones."""
        match self.operator:
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                return labels.get(self.key) not in self.values
            case Operator.GREATER | Operator.LESS:
                return self._compares(labels.get(self.key))

    def _compares(self, value: str | None) -> bool:
        try:
            number = int(value or "")
        except ValueError:
            return False
        bound = int(self.values[0])
        return number > bound if self.operator is Operator.GREATER else number < bound

    def __str__(self) -> str:
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case Operator.GREATER | Operator.LESS:
                return f"{self.key}{self.operator}{self.values[0]}"
            case Operator.IN if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case Operator.NOT_IN if len(self.values) == 1:
                return f"{self.key}!={self.values[0]}"
            case Operator.IN | Operator.NOT_IN:
                return f"{self.key} {self.operator} ({','.join(self.values)})"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements together; an empty selector matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels fulfil every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


def label_selector(labels: Mapping[str, str] | str | None) -> LabelSelector:
    """From an equality map or kubectl's syntax; raises ValueError saying what is wrong where."""
    if labels is None:
        return LabelSelector()
    if isinstance(labels, str):
        return LabelSelector(tuple(_Parser(labels).requirements()))
    return LabelSelector(
        tuple(Requirement(_key(k), Operator.IN, (_value(v),)) for k, v in sorted(labels.items()))
    )


class _Parser:
    """A tokenizer with one token of look-ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def requirements(self) -> Iterable[Requirement]:
        while self._peek() is not None:
            yield self._requirement()
            if self._peek() is not None:
                self._expect(",")

    def _requirement(self) -> Requirement:
        if self._accept("!"):
            return Requirement(_key(self._word()), Operator.DOES_NOT_EXIST)
        key = _key(self._word())
        match self._peek():
            case None | ",":
                return Requirement(key, Operator.EXISTS)
            case "=" | "==":
                return Requirement(key, Operator.IN, (self._single(),))
            case "!=":
                return Requirement(key, Operator.NOT_IN, (self._single(),))
            case "<" | ">" as sign:
                return Requirement(key, Operator(sign), (_integer(self._single()),))
            case "in" | "notin" as word:
                self._at += 1
                return Requirement(key, Operator(word), self._values())
            case other:
                raise self._error(f"{other!r} is no operator")

    def _single(self) -> str:
        self._at += 1
        return "" if self._peek() in {None, ","} else _value(self._word())

    def _values(self) -> tuple[str, ...]:
        self._expect("(")
        values: list[str] = []
        while True:
            values.append("" if self._peek() in {",", ")"} else _value(self._word()))
            if self._accept(")"):
                return tuple(values)
            self._expect(",")

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _accept(self, token: str) -> bool:
        found = self._peek() == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._error(f"expected {token!r}, found {self._peek() or 'the end'!r}")

    def _word(self) -> str:
        token = self._peek()
        if token is None or token in {*"=<>!,()", "==", "!="}:
            raise self._error(f"expected a name, found {token or 'the end'!r}")
        self._at += 1
        return token

    def _error(self, why: str) -> ValueError:
        return ValueError(f"label selector {self._text!r}: {why}")


def _tokens(text: str) -> Iterable[str]:
    # Every character is an operator, a word character or white space: the match cannot fail.
    for match in _TOKEN.finditer(text):
        yield match.group(1) or match.group(2)


def _key(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if not _NAME.match(name) or (slash and not _PREFIX.match(prefix)):
        raise ValueError(f"label selector: {key!r} is no label key")
    return key


def _value(value: str) -> str:
    if value and not _NAME.match(value):
        raise ValueError(f"label selector: {value!r} is no label value")
    return value


def _integer(value: str) -> str:
    try:
        return str(int(value))
    except ValueError:
        raise ValueError(f"label selector: {value!r} is no integer") from None
