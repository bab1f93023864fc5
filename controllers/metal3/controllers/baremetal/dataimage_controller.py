"""Keeps a DataImage until its medium is out of the machine.

Watches: DataImage, the host of the same name (its state).
Writes:  its finalizer. Inserting and ejecting is done by the host's controller, which alone knows
         when the machine is off.
Looks again: after ATTACHED while a medium is still in a machine that shall lose it.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import NeedsRegistrationError, NodeBusyError, NotReadyError
from metal3.runtime.client import NotFoundError
from metal3.runtime.patch import drop_finalizer, ensure_finalizer
from metal3.runtime.reconcile import Request, Result

from .host.access import find_host, is_reachable, machine_of
from .host.environment import Environment

ATTACHED: Final = timedelta(seconds=60)
BUSY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataImageReconciler:
    """Holds the object, nothing else."""

    env: Environment

    async def reconcile(self, req: Request) -> Result:
        """Hold or let go."""
        try:
            image = await self.env.client.get(metal3api.DataImage, req)
        except NotFoundError:
            return Result()
        if image.metadata.deletion_timestamp is None:
            await ensure_finalizer(self.env.client, image, metal3api.DATA_IMAGE_FINALIZER)
            return Result()
        if not metav1.has_finalizer(image, metal3api.DATA_IMAGE_FINALIZER):
            return Result()
        wait = await self._still_attached(req)
        if wait is not None:
            return Result(requeue_after=wait)
        await drop_finalizer(self.env.client, image, metal3api.DATA_IMAGE_FINALIZER)
        return Result()

    async def _still_attached(self, req: Request) -> timedelta | None:
        """When to ask again; None when no medium is in the machine, or there is no machine."""
        host = await find_host(self.env, req)
        if host is None or not host.status.provisioning.id:
            return None
        if not is_reachable(host):
            return ATTACHED
        try:
            return await self._eject(host)
        except NeedsRegistrationError:
            return None
        except (NodeBusyError, NotReadyError):
            return BUSY

    async def _eject(self, host: metal3api.BareMetalHost) -> timedelta | None:
        """At once, unless an instance may be using the medium."""
        machine = await machine_of(self.env, host)
        if not await machine.is_data_image_attached():
            return None
        if host.status.provisioning.state == metal3api.ProvisioningState.PROVISIONED:
            return ATTACHED  # ejected at the next power cycle
        await machine.detach_data_image()
        return None
