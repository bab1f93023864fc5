"""Answers a host's wish for an image to boot the agent with, from ready-made images.

Watches: PreprovisioningImage, Secrets it is an owner of, and new ones of the name it waits for.
Writes:  PreprovisioningImage status and finalizer; label and owner of its network data Secret.
Looks again: after BACKSTOP while its Secret is missing, which wakes it when it comes.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError
from metal3.runtime.patch import drop_finalizer, ensure_finalizer, patching
from metal3.runtime.reconcile import Request, Result
from metal3.runtime.types import NamespacedName

from .host.agent_images import AgentImage, AgentImages
from .host.environment import Environment
from .host.secret_access import SecretNotFoundError, acquire_secret

Kind = metal3api.PreprovisioningImage
Type = metal3api.PreprovisioningImageConditionType
Reason = metal3api.PreprovisioningImageConditionReason

BACKSTOP: Final = timedelta(minutes=10)
_TRUE, _FALSE = metav1.ConditionStatus.TRUE, metav1.ConditionStatus.FALSE


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprovisioningImageReconciler:
    """Nothing is built: the images are given, this only chooses."""

    env: Environment
    images: AgentImages

    async def reconcile(self, req: Request) -> Result:
        """Bring one image in line with what is asked for."""
        try:
            image = await self.env.client.get(Kind, req)
        except NotFoundError:
            return Result()
        if image.metadata.deletion_timestamp is not None:
            # Whoever uses the image holds it by a finalizer of his own.
            if image.metadata.finalizers == [metal3api.PREPROVISIONING_IMAGE_FINALIZER]:
                await drop_finalizer(
                    self.env.client, image, metal3api.PREPROVISIONING_IMAGE_FINALIZER
                )
            return Result()
        await ensure_finalizer(self.env.client, image, metal3api.PREPROVISIONING_IMAGE_FINALIZER)
        async with patching(self.env.client, image):
            return await self._update(image)

    async def _update(self, image: Kind) -> Result:
        found = self.images.find(image.spec.architecture or "", image.spec.accept_formats)
        if found is None:
            formats = ", ".join(image.spec.accept_formats) or "no format"
            self._fail(
                image,
                Reason.CONFIGURATION_ERROR,
                f"there is no agent image for {image.spec.architecture} as {formats}: "
                "set DEPLOY_ISO_URL, or DEPLOY_KERNEL_URL and DEPLOY_RAMDISK_URL",
            )
            return Result()
        try:
            image.status.network_data = await self._network_data(image)
        except SecretNotFoundError as error:
            self._fail(image, Reason.MISSING_NETWORK_DATA, str(error))
            return Result(requeue_after=BACKSTOP)
        self._succeed(image, found)
        return Result()

    async def _network_data(self, image: Kind) -> metal3api.SecretStatus | None:
        name = image.spec.network_data_name
        if not name:
            return None
        key = NamespacedName(image.metadata.namespace, name)
        secret = await acquire_secret(self.env.client, self.env.live, key, owner=image)
        return metal3api.SecretStatus(name=name, version=secret.metadata.resource_version)

    def _succeed(self, image: Kind, found: AgentImage) -> None:
        status = image.status
        status.image_url, status.format = found.image_url, found.format
        status.kernel_url = found.kernel_url or None
        status.architecture = image.spec.architecture
        self._set(image, Type.READY, _TRUE, Reason.SUCCESS, "")
        self._set(image, Type.ERROR, _FALSE, Reason.SUCCESS, "")

    def _fail(self, image: Kind, reason: str, message: str) -> None:
        image.status.image_url = image.status.kernel_url = None
        image.status.format = None
        self._set(image, Type.READY, _FALSE, reason, message)
        self._set(image, Type.ERROR, _TRUE, reason, message)

    def _set(self, image: Kind, kind: str, status: str, reason: str, message: str) -> None:
        condition = metav1.Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message[:1024],
            observed_generation=image.metadata.generation,
        )
        metav1.set_condition(image.status.conditions, condition, now=self.env.clock())
