"""Tells at once which wanted firmware settings the machine will not take; refuses none.

The machine's FirmwareSchema may not be known yet, or be another one after an update, so the last
word is the controller's: its condition ``Valid`` says the same, later.
"""

from dataclasses import dataclass

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.host.setting_rules import setting_errors
from metal3.runtime.client import NotFoundError, Reader
from metal3.runtime.types import NamespacedName
from metal3.runtime.webhook import RequestInfo, Warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFirmwareSettingsValidator:
    """``reader`` finds FirmwareSchemas."""

    reader: Reader

    async def validate_create(
        self, obj: metal3api.HostFirmwareSettings, request: RequestInfo
    ) -> Warnings:
        """Nothing is known of the machine yet, unless the status came along."""
        return await self._warnings(obj)

    async def validate_update(
        self,
        old: metal3api.HostFirmwareSettings,
        new: metal3api.HostFirmwareSettings,
        request: RequestInfo,
    ) -> Warnings:
        """Look at changed settings."""
        return await self._warnings(new) if old.spec.to_dict() != new.spec.to_dict() else ()

    async def validate_delete(
        self, obj: metal3api.HostFirmwareSettings, request: RequestInfo
    ) -> Warnings:
        """Always."""
        return ()

    async def _warnings(self, obj: metal3api.HostFirmwareSettings) -> Warnings:
        named = obj.status.schema_
        if named is None or not named.name:
            return ()
        key = NamespacedName(named.namespace or obj.metadata.namespace, named.name)
        try:
            schema = await self.reader.get(metal3api.FirmwareSchema, key)
        except NotFoundError:
            return ()
        found = setting_errors(obj.spec.settings, obj.status.settings, schema.spec.schema_)
        return [f"spec.settings: {text}" for text in found]
