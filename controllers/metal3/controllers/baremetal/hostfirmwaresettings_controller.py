"""Shows a machine's BIOS settings, and whether the wanted ones can and have to be applied.

Watches: HostFirmwareSettings (spec), the host of the same name (its state).
Writes:  HostFirmwareSettings status; one FirmwareSchema for each kind of machine, which nobody
         owns: it is deleted when no settings refer to it any more, so that it is never contended.
Looks again: after DIRTY while something is to be changed, else after RESYNC; after a start at what
         is settled, one after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.provisioner import FirmwareSettings, NeedsRegistrationError, NotReadyError
from metal3.runtime.client import AlreadyExistsError, NotFoundError
from metal3.runtime.patch import patching
from metal3.runtime.reconcile import Request, Result
from metal3.runtime.types import NamespacedName

from .host.access import find_host, is_reachable, machine_of
from .host.environment import Environment
from .host.firmware import is_settled
from .host.pace import Pace
from .host.setting_rules import is_password, schema_name, setting_errors

Type = metal3api.FirmwareConditionType
Reason = metal3api.FirmwareConditionReason

NOT_READY: Final = timedelta(seconds=30)
DIRTY: Final = timedelta(minutes=5)
RESYNC: Final = timedelta(hours=1)
SCHEMA_INDEX: Final = "metal3.io/schema-name"
"""Index on HostFirmwareSettings: the schema its status names."""


def schema_names(settings: metal3api.HostFirmwareSettings) -> list[str]:
    """The FirmwareSchema in use."""
    return [settings.status.schema_.name] if settings.status.schema_ else []


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFirmwareSettingsReconciler:
    """Only looks; the host's own controller changes the machine."""

    env: Environment
    _in_use: dict[NamespacedName, str] = field(default_factory=dict[NamespacedName, str])
    """Schemas given out by this process: the cache learns of them a little later."""
    _pace: Pace = field(default_factory=Pace)

    async def reconcile(self, req: Request) -> Result:
        """Compare one machine with what is wanted of it."""
        try:
            settings = await self.env.client.get(metal3api.HostFirmwareSettings, req)
        except NotFoundError:
            self._pace.forget(req)
            if self._in_use.pop(req, None):
                await self._sweep(req.namespace)
            return Result()
        host = await find_host(self.env, req)
        if host is None or not is_reachable(host):
            return Result()  # a change of the host's state comes here again
        if is_settled(settings, settings.status.conditions) and (left := self._pace.left(req)):
            return Result(requeue_after=left)
        self._pace.skip(req)
        try:
            machine = await machine_of(self.env, host)
            found = _without_passwords(await machine.firmware_settings(include_schema=True))
        except (NotReadyError, NeedsRegistrationError):
            return Result(requeue_after=NOT_READY)
        before = schema_names(settings)
        name = await self._ensure_schema(req.namespace, found)
        self._in_use[NamespacedName(*req)] = name
        async with patching(self.env.client, settings):
            dirty = self._update(settings, found, name)
        if before and before != [name]:
            await self._sweep(req.namespace)
        return Result(requeue_after=DIRTY if dirty else RESYNC)

    def _update(
        self, settings: metal3api.HostFirmwareSettings, found: FirmwareSettings, schema: str
    ) -> bool:
        """Write the status; whether something is to be changed."""
        status = settings.status
        before = status.to_dict()
        status.settings = dict(found.settings)
        status.schema_ = metal3api.SchemaReference(
            name=schema, namespace=settings.metadata.namespace
        )
        wanted = settings.spec.settings
        errors = setting_errors(wanted, found.settings, found.schema)
        differing = sorted(n for n, v in wanted.items() if str(v) != found.settings.get(n))
        self._tell(settings, errors)
        changed = f"to be applied: {', '.join(differing)}" if differing else ""
        self._set(settings, Type.CHANGE_DETECTED, value=bool(differing), message=changed)
        self._set(settings, Type.VALID, value=not errors, message="; ".join(errors))
        if status.to_dict() != before:
            status.last_updated = metav1.format_time(self.env.clock())
        return bool(differing)

    def _set(
        self, settings: metal3api.HostFirmwareSettings, kind: str, *, value: bool, message: str
    ) -> None:
        is_bad = kind == Type.VALID and not value
        condition = metav1.Condition(
            type=kind,
            status=metav1.ConditionStatus.TRUE if value else metav1.ConditionStatus.FALSE,
            reason=Reason.CONFIGURATION_ERROR if is_bad else Reason.SUCCESS,
            message=message[:1024],
            observed_generation=settings.metadata.generation,
        )
        metav1.set_condition(settings.status.conditions, condition, now=self.env.clock())

    def _tell(self, settings: metal3api.HostFirmwareSettings, errors: list[str]) -> None:
        """An event for each error, once for each revision of the spec."""
        seen = metav1.find_condition(settings.status.conditions, Type.VALID)
        if seen is not None and seen.observed_generation == settings.metadata.generation:
            return
        for error in errors:
            self.env.recorder.warning(
                settings, "ValidationFailed", f"Invalid BIOS setting: {error}"
            )

    async def _ensure_schema(self, namespace: str, found: FirmwareSettings) -> str:
        """Create the schema unless it is there; it is never changed."""
        name = schema_name(found.schema, found.vendor, found.model)
        try:
            await self.env.client.get(metal3api.FirmwareSchema, NamespacedName(namespace, name))
        except NotFoundError:
            schema = metal3api.FirmwareSchema.named(name, namespace)
            if found.vendor:
                schema.spec.hardware_vendor = found.vendor
            if found.model:
                schema.spec.hardware_model = found.model
            schema.spec.schema_ = dict(found.schema)
            try:
                await self.env.client.create(schema)
            except AlreadyExistsError:
                return name
        return name

    async def _sweep(self, namespace: str) -> None:
        """Delete schemas that no settings name; one that is needed again is made again."""
        schemas = await self.env.client.list(metal3api.FirmwareSchema, namespace=namespace)
        for schema in schemas.items:
            users = await self.env.client.list(
                metal3api.HostFirmwareSettings,
                namespace=namespace,
                fields={SCHEMA_INDEX: schema.metadata.name},
            )
            if not users.items and schema.metadata.name not in self._in_use.values():
                try:
                    await self.env.client.delete(schema)
                except NotFoundError:
                    continue


def _without_passwords(found: FirmwareSettings) -> FirmwareSettings:
    return FirmwareSettings(
        settings=_public(found.settings, found.schema),
        schema={n: s for n, s in found.schema.items() if not is_password(n, s)},
        vendor=found.vendor,
        model=found.model,
    )


def _public(
    settings: Mapping[str, str], schema: Mapping[str, metal3api.SettingSchema]
) -> dict[str, str]:
    return {n: v for n, v in settings.items() if not is_password(n, schema.get(n))}
