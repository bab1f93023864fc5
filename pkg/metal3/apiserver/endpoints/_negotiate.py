"""Which representation a client wants: the object itself, a table, or its metadata."""

from dataclasses import dataclass
from typing import Final

from metal3.apiserver import errors

_JSON: Final = {"application/json", "*/*", "application/*"}
_META_VERSIONS: Final = {"v1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """``kind`` is empty for the object itself, else Table or PartialObjectMetadata(List)."""

    kind: str = ""
    include: str = "Metadata"

    @property
    def tag(self) -> str:
        """Distinguishes encodings of one object."""
        return f"{self.kind}/{self.include}" if self.kind else ""


PLAIN: Final = Form()
_KINDS: Final = {"Table", "PartialObjectMetadata", "PartialObjectMetadataList"}


def negotiate(accept: str, include: str = "") -> Form:
    """Choose the first form of an Accept header that is known; raises 406 when none is."""
    if not accept:
        return PLAIN
    for offer in accept.split(","):
        media, *parameters = (part.strip() for part in offer.split(";"))
        if media.lower() not in _JSON:
            continue
        given = dict(p.split("=", 1) for p in parameters if "=" in p)
        kind = given.get("as", "")
        if not kind:
            return PLAIN
        if kind in _KINDS and given.get("v") in _META_VERSIONS and given.get("g") == "meta.k8s.io":
            return Form(kind=kind.removesuffix("List"), include=include or "Metadata")
    if "protobuf" in accept and "json" not in accept:
        # Clients of built-in kinds ask for protobuf alone at times, and read what they are told.
        return PLAIN
    raise errors.not_acceptable()
