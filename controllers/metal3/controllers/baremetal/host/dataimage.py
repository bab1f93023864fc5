"""Inserting and ejecting a data image while the host is off, before it is switched on."""

from datetime import timedelta
from typing import Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import BackendError, NodeBusyError
from metal3.runtime.client import NotFoundError

from .actions import Action, Continue
from .backoff import backoff
from .hostpass import HostPass

MIN_RETRY: Final = timedelta(seconds=30)


async def sync_data_image(p: HostPass) -> Action | None:
    """Bring the medium in line with the DataImage; None when the host may be switched on."""
    try:
        image = await p.env.client.get(metal3api.DataImage, p.key)
    except NotFoundError:
        return None
    wanted = "" if image.metadata.deletion_timestamp else image.spec.url
    attached = image.status.attached_image.url if image.status.attached_image else ""
    if wanted == attached and not _failures(image):
        return None
    try:
        await _switch(p, attached=attached, wanted=wanted)
    except (BackendError, NodeBusyError) as error:
        return await _note_failure(p, image, str(error))
    await _note_success(p, image, wanted)
    return None


async def _switch(p: HostPass, *, attached: str, wanted: str) -> None:
    if attached or await p.provisioner.is_data_image_attached():
        await p.provisioner.detach_data_image()
    if wanted:
        await p.provisioner.attach_data_image(wanted)


async def _note_success(p: HostPass, image: metal3api.DataImage, url: str) -> None:
    image.status.attached_image = metal3api.AttachedImageReference(url=url)
    image.status.error = metal3api.DataImageError(count=0, message="")
    image.status.last_reconciled = metav1.format_time(p.now)
    await p.env.client.status.update(image)


async def _note_failure(p: HostPass, image: metal3api.DataImage, message: str) -> Action:
    count = _failures(image) + 1
    image.status.error = metal3api.DataImageError(count=count, message=message)
    image.status.last_reconciled = metav1.format_time(p.now)
    await p.env.client.status.update(image)
    after = max(MIN_RETRY, backoff(count, p.env.rng))
    return Continue(after=after, why=f"waiting to insert the data image: {message}")


def _failures(image: metal3api.DataImage) -> int:
    return image.status.error.count or 0 if image.status.error else 0
