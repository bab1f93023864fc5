"""Copying what a claim asks for to its host.

Secrets come first, so that a host never names one that is not there. Everything else is one patch
on the revision of the host that was looked at.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ForbiddenError, InvalidError, Patch, PatchType
from metal3.runtime.patch import diff_merge_patch
from metal3.runtime.types import key_of

from .claimpass import ClaimPass
from .data_secrets import DataSecretError, Use, copy_secrets, remove_stale_copies

Reason = metal3api.HostClaimConditionReason
Json = dict[str, Any]

SECRET_RETRY: Final = timedelta(minutes=1)
"""Backstop: a Secret that comes, or changes, wakes the claim; one in the way that goes does not."""
REBOOT_PREFIX: Final = metal3api.REBOOT_ANNOTATION + "/hostclaim-"
"""How reboot annotations with a suffix are told from those the host's own people set."""
COPIED: Final = (
    "online", "image", "customDeploy", "userData", "networkData", "metaData",
)  # fmt: skip
_LONGEST_NAME: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The host after copying, and what kept it from being complete."""

    host: metal3api.BareMetalHost
    reason: Reason = Reason.CONFIGURATION_SYNCED
    message: str = ""
    retry: timedelta | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the host has everything the claim asks for."""
        return self.reason == Reason.CONFIGURATION_SYNCED


async def synchronize(p: ClaimPass, host: metal3api.BareMetalHost) -> Outcome:
    """Bring the host in line with the claim; raises ConflictError when the host changed."""
    if host.metadata.deletion_timestamp is not None:
        message = f"host {key_of(host)} is being deleted"
        return Outcome(host=host, reason=Reason.BAD_BARE_METAL_HOST_STATUS, message=message)
    if paused_by(host):
        message = f"host {key_of(host)} is paused by {paused_by(host)}: nothing is copied to it"
        return Outcome(host=host, reason=Reason.HOST_PAUSED, message=message)
    try:
        names = await copy_secrets(p.env, p.claim, host)
    except DataSecretError as error:
        # Power and reboots go on; an image without its data would start a wrong instance.
        outcome = await _write(p, host, {"online": p.claim.spec.powered_on}, ("online",))
        if not outcome.is_complete:
            return outcome
        retry, reason = SECRET_RETRY, error.reason
        return Outcome(host=outcome.host, reason=reason, message=str(error), retry=retry)
    outcome = await _write(p, host, wanted_spec(p.claim, names))
    if outcome.is_complete:
        namespace = host.metadata.namespace
        await remove_stale_copies(p.env, p.claim, namespace, keep=frozenset(names))
    return _held(p.claim, outcome)


def paused_by(host: metal3api.BareMetalHost) -> str:
    """Who else paused the host; empty when nobody did, or its claim."""
    value = host.metadata.annotations.get(metal3api.PAUSED_ANNOTATION)
    if value is None or value == metal3api.PAUSED_BY_HOST_CLAIM:
        return ""
    return repr(value) if value else "its annotation"


def wanted_spec(claim: metal3api.HostClaim, names: Mapping[Use, str]) -> Json:
    """The copied fields of the host's spec; ``names`` are those of the copied Secrets."""
    spec = claim.spec
    image = spec.image.to_dict() if spec.image and spec.image.url else None
    if image and Use.PULL_SECRET in names:
        image["ociAuthSecretName"] = names[Use.PULL_SECRET]
    wanted: Json = {
        "online": spec.powered_on,
        "image": image,
        "customDeploy": spec.custom_deploy.to_dict() if spec.custom_deploy else None,
        "userData": _reference(names.get(Use.USER_DATA)),
        "networkData": _reference(names.get(Use.NETWORK_DATA)),
        "metaData": _reference(names.get(Use.META_DATA)),
    }
    return {key: value for key, value in wanted.items() if value is not None}


def copied_reboot_key(key: str) -> str:
    """The host's annotation for a reboot annotation with a suffix; still a valid name."""
    suffix = key.removeprefix(metal3api.REBOOT_ANNOTATION + "/")
    whole = REBOOT_PREFIX + suffix
    name = whole.rpartition("/")[2]
    if len(name) <= _LONGEST_NAME:
        return whole
    digest = hashlib.blake2b(suffix.encode(), digest_size=8).hexdigest()
    return REBOOT_PREFIX + digest


async def _write(
    p: ClaimPass, host: metal3api.BareMetalHost, spec: Json, fields: Sequence[str] = COPIED
) -> Outcome:
    """Give ``fields`` of the host's spec these values; what is missing in ``spec`` is unset."""
    reboot = await _asks_for_reboot(p)
    before = _copied(host, fields)
    wanted: Json = {"annotations": _annotations(p.claim, host, reboot=reboot), "spec": spec}
    try:
        host = await _patch(p, host, before, wanted)
    except (InvalidError, ForbiddenError) as error:
        return Outcome(host=host, reason=_refused(p.claim, host), message=str(error)[:1024])
    if reboot is not None:
        await _take_reboot(p)
    return Outcome(host=host)


def _copied(host: metal3api.BareMetalHost, keys: Sequence[str]) -> Json:
    spec = host.spec.to_dict()
    now = {key: spec[key] for key in keys if key in spec}
    return {"annotations": dict(host.metadata.annotations), "spec": now}


async def _patch(
    p: ClaimPass, host: metal3api.BareMetalHost, before: Json, wanted: Json
) -> metal3api.BareMetalHost:
    change = diff_merge_patch(before, wanted)
    if not change:
        return host
    meta: Json = {"resourceVersion": host.metadata.resource_version}
    if "annotations" in change:
        meta["annotations"] = change["annotations"]
    body: Json = {"metadata": meta}
    if "spec" in change:
        body["spec"] = change["spec"]
    return await p.env.client.patch(host, Patch(PatchType.MERGE, body))


def _annotations(
    claim: metal3api.HostClaim, host: metal3api.BareMetalHost, *, reboot: str | None
) -> dict[str, str]:
    """All annotations the host should have."""
    there = host.metadata.annotations.items()
    wanted = {key: value for key, value in there if not key.startswith(REBOOT_PREFIX)}
    for key, value in claim.metadata.annotations.items():
        if metal3api.is_reboot_annotation(key) and key != metal3api.REBOOT_ANNOTATION:
            wanted[copied_reboot_key(key)] = value
    if reboot is not None:
        wanted[metal3api.REBOOT_ANNOTATION] = reboot
    wanted.pop(metal3api.PAUSED_ANNOTATION, None)
    if metal3api.PAUSED_ANNOTATION in claim.metadata.annotations:
        wanted[metal3api.PAUSED_ANNOTATION] = metal3api.PAUSED_BY_HOST_CLAIM
    return wanted


async def _asks_for_reboot(p: ClaimPass) -> str | None:
    """The value of the bare annotation, by what the server has.

    The cache may show one that is moved already, and the machine would be rebooted twice.
    """
    if metal3api.REBOOT_ANNOTATION not in p.claim.metadata.annotations:
        return None
    claim = await p.env.live.get(metal3api.HostClaim, key_of(p.claim))
    return claim.metadata.annotations.get(metal3api.REBOOT_ANNOTATION)


async def _take_reboot(p: ClaimPass) -> None:
    """The host has it now; after a kill in between it is set once more, which is better than never."""
    body = {
        "metadata": {
            "resourceVersion": p.claim.metadata.resource_version,
            "annotations": {metal3api.REBOOT_ANNOTATION: None},
        }
    }
    stored = await p.env.client.patch(p.claim, Patch(PatchType.MERGE, body))
    p.claim.metadata = stored.metadata


def _refused(claim: metal3api.HostClaim, host: metal3api.BareMetalHost) -> Reason:
    """What the API server would not have."""
    wanted = metal3api.PAUSED_ANNOTATION in claim.metadata.annotations
    if wanted == metal3api.is_paused(host):
        return Reason.BARE_METAL_HOST_NOT_SYNCHRONIZED
    return Reason.PAUSE_ANNOTATION_SET_FAILED if wanted else Reason.PAUSE_ANNOTATION_REMOVE_FAILED


def _held(claim: metal3api.HostClaim, outcome: Outcome) -> Outcome:
    if not outcome.is_complete or metal3api.PAUSED_ANNOTATION not in claim.metadata.annotations:
        return outcome
    message = f"the claim's annotation {metal3api.PAUSED_ANNOTATION} keeps the host from acting"
    return Outcome(host=outcome.host, reason=Reason.HOST_PAUSED, message=message)


def _reference(name: str | None) -> Json | None:
    return {"name": name} if name else None
