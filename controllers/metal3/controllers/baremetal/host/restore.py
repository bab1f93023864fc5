"""Taking over a status that was carried in an annotation, when a host moves between clusters."""

import json

from pydantic import ValidationError

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api

from .hostpass import HostPass


async def restore_status(p: HostPass) -> None:
    """Use the annotation on a host that never had a status, and drop it in any case.

    The status is saved before the annotation is dropped: a kill in between repeats nothing.
    """
    text = p.host.metadata.annotations.get(metal3api.STATUS_ANNOTATION)
    if text is None:
        return
    if not p.status.last_updated:
        status = _read(text)
        if status is None:
            p.warn("InvalidAnnotationValue", "The status annotation is no valid status; ignored")
        else:
            status.last_updated = status.last_updated or metav1.format_time(p.now)
            p.host.status = status
            await p.writer.save_status(p.host)
    await p.writer.remove_annotations(p.host, metal3api.STATUS_ANNOTATION)


def _read(text: str) -> metal3api.BareMetalHostStatus | None:
    try:
        return metal3api.BareMetalHostStatus.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError):
        return None
