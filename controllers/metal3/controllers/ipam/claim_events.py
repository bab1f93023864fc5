"""Which changes of a claim matter; our own writes do not."""

from typing import Any, cast

from metal3.api.ipam_cluster_x_k8s_io import v1beta2 as capiipamv1
from metal3.api.ipam_metal3_io import v1alpha1 as ipamv1
from metal3.api.meta import v1 as metav1
from metal3.runtime.event import UpdateEvent
from metal3.runtime.predicate import Funcs, Predicate

OUR_FINALIZERS = frozenset({ipamv1.CLAIM_FINALIZER, ipamv1.CAPI_CLAIM_FINALIZER})


def claim_matters() -> Predicate:
    """New claims, and updates that could change what we do for one.

    A deleted claim comes by way of the ledger, if it left anything.
    """
    return cast(
        "Predicate", Funcs(update=_is_news, delete=lambda _: False)
    )  # its fields have no parameter names


def _is_news(event: UpdateEvent[Any]) -> bool:
    old, new = event.object_old, event.object_new
    if event.is_resync or new.metadata.deletion_timestamp:
        return True
    was, is_now = old.metadata, new.metadata
    return (
        was.uid != is_now.uid
        or was.generation != is_now.generation
        or was.annotations != is_now.annotations
        or was.labels != is_now.labels
        or bool((set(was.finalizers) - set(is_now.finalizers)) & OUR_FINALIZERS)
        or _lost_status(old, new)
    )


def _lost_status(old: metav1.Object, new: metav1.Object) -> bool:
    """Whether somebody took out what we had written: the Go operator's way to ask for a retry."""
    before, after = _status_of(old), _status_of(new)
    return any(was and not is_now for was, is_now in zip(before, after, strict=True))


def _status_of(obj: metav1.Object) -> tuple[bool, bool, bool]:
    match obj:
        case ipamv1.IPClaim():
            status, has_address = obj.status, bool(obj.status.address)
            # Without the message the claim has its address, or somebody removed it.
            has_message = bool(status.error_message) or has_address
            return has_address, has_message, bool(status.conditions)
        case capiipamv1.IPAddressClaim():
            has_address = bool(obj.status.address_ref)
            return has_address, has_address, bool(obj.status.conditions)
        case _:
            return False, False, False
