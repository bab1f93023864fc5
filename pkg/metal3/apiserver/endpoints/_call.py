"""One write request on its way: where it goes, how, what it warns of, who makes it."""

from dataclasses import dataclass, field

from metal3.apiserver import errors
from metal3.apiserver.jsonvalue import Obj
from metal3.apiserver.patch import Applier
from metal3.apiserver.schema import prune
from metal3.apiserver.storage import Record

from ._metadata import now
from ._request import Options, Target


@dataclass(slots=True, kw_only=True)
class Written:
    """The answer to a write."""

    data: bytes
    code: int = 200
    record: Record | None = None


@dataclass(slots=True, kw_only=True)
class Call:
    """One write request: where, how, and the warnings to send along."""

    target: Target
    options: Options = field(default_factory=Options)
    warnings: list[str] = field(default_factory=list[str])
    applied: bool = False

    def warn(self, text: str) -> None:
        """Add a warning for the client."""
        if text not in self.warnings:
            self.warnings.append(text)


def report_unknown(call: Call, problems: list[str]) -> None:
    """Refuse, warn of, or pass over unknown and duplicate fields, as the client wishes."""
    if not problems or call.options.validation == "Ignore":
        return
    if call.options.validation == "Strict":
        raise errors.bad_request("strict decoding error: " + ", ".join(problems))
    for problem in problems:
        call.warn(problem)


def unknown_fields(target: Target, config: Obj) -> list[str]:
    """Drop the fields a kind does not have, and return their paths."""
    schema = target.version.schema
    return prune(config, schema, root=True) if schema else []


def applier_of(call: Call) -> Applier:
    """Say who applies, how, and which part of the object."""
    return Applier(
        header=manager_of(call),
        force=call.options.force,
        status_only=call.target.subresource == "status",
        with_status=not call.target.version.status,
    )


def manager_of(call: Call) -> Obj:
    """Make the head of the entry in managedFields."""
    entry: Obj = {
        "manager": call.options.manager,
        "operation": "Apply" if call.applied else "Update",
        "apiVersion": call.target.api_version,
        "time": now(),
    }
    if call.target.subresource:
        entry["subresource"] = call.target.subresource
    return entry
