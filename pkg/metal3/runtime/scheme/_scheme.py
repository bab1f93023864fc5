"""The registry of kinds."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from metal3.api.meta import v1 as metav1

Kind = type[metav1.Object]

_MAX_UNKNOWN: Final = 1000


class UnrecognisedError(ValueError):
    """JSON that does not say what it is."""


class Scheme:
    """Kinds by group, version and name. Filled at start, read by any number of callers after."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds: dict[metav1.GroupVersionKind, Kind] = {}
        self._unknown: dict[metav1.GroupVersionKind, Kind] = {}
        self.register(*kinds)

    def register(self, *kinds: Kind) -> None:
        """Add kinds; the same again is nothing new. Raises ValueError for two of one name."""
        for kind in kinds:
            if not kind.gvk.kind or not kind.gvk.version:
                raise ValueError(f"{kind.__name__} does not say which kind it is")
            known = self._kinds.setdefault(kind.gvk, kind)
            if known is not kind:
                raise ValueError(f"{kind.gvk} is {known.__qualname__} already")

    def __contains__(self, gvk: object) -> bool:
        return gvk in self._kinds

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def kind_for(self, gvk: metav1.GroupVersionKind) -> Kind | None:
        """The class of a kind, None when nobody registered one."""
        return self._kinds.get(gvk)

    def recognise(self, data: Mapping[str, Any]) -> Kind:
        """The class for a JSON object; unknown kinds get an Unstructured class of their own.

        Raises UnrecognisedError when ``apiVersion`` or ``kind`` is missing.
        """
        api_version, name = data.get("apiVersion"), data.get("kind")
        if not isinstance(api_version, str) or not isinstance(name, str) or not api_version:
            raise UnrecognisedError("not an API object: apiVersion or kind is missing")
        group, _, version = api_version.rpartition("/")
        gvk = metav1.GroupVersionKind(group, version, name)
        return self._kinds.get(gvk) or self._unstructured(gvk)

    def _unstructured(self, gvk: metav1.GroupVersionKind) -> Kind:
        # Making a class is dear, so each is made once; what strangers send must not fill memory.
        if len(self._unknown) >= _MAX_UNKNOWN:
            self._unknown.clear()
        if gvk not in self._unknown:
            self._unknown[gvk] = metav1.Unstructured.of(gvk, "")
        return self._unknown[gvk]

    def decode(self, data: Mapping[str, Any] | bytes | str) -> metav1.Object:
        """Any API object; raises UnrecognisedError or ``pydantic.ValidationError``."""
        if isinstance(data, (bytes, str)):
            try:
                data = json.loads(data)
            except ValueError as e:
                raise UnrecognisedError(f"not JSON: {e}") from None
        if not isinstance(data, Mapping):
            raise UnrecognisedError("not an API object: not a map")
        return self.recognise(data).from_dict(data)
