"""Whether the firmware of a host has to be changed, by what its companions ask for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError

from .hostpass import HostPass

Type = metal3api.FirmwareConditionType

WAIT: Final = timedelta(seconds=60)
"""Backstop only: a change of the companion wakes the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareWish:
    """What is asked for. ``waiting`` says which companion has yet to be checked, if one has."""

    settings: Mapping[str, int | str] = field(default_factory=dict[str, int | str])
    current: Mapping[str, str] = field(default_factory=dict[str, str])
    updates: tuple[metal3api.FirmwareUpdate, ...] = ()
    settings_dirty: bool = False
    components_dirty: bool = False
    waiting: str = ""
    components: metal3api.HostFirmwareComponents | None = None

    @property
    def is_dirty(self) -> bool:
        """Whether something has to be changed."""
        return self.settings_dirty or self.components_dirty

    @property
    def has_spec(self) -> bool:
        """Whether anything is asked for at all."""
        return bool(self.settings or self.updates)


async def firmware_wish(p: HostPass) -> FirmwareWish:
    """Read both companions."""
    settings = await _get_settings(p)
    components = await _get_components(p)
    waiting = _unchecked_settings(settings) or _unchecked_components(components)
    updates = _missing_updates(components)
    return FirmwareWish(
        settings=settings.spec.settings if settings else {},
        current=settings.status.settings if settings else {},
        updates=updates,
        settings_dirty=bool(settings and _asks(settings.status.conditions))
        and await _differ(p, settings),
        components_dirty=bool(updates and components and _asks(components.status.conditions)),
        waiting=waiting,
        components=components,
    )


async def note_flashing(p: HostPass, wish: FirmwareWish) -> None:
    """Remember which updates are being applied, so that they are not applied twice."""
    components = wish.components
    if not wish.components_dirty or components is None:
        return
    components.status.updates = [update.deep_copy() for update in components.spec.updates]
    await p.env.client.status.update(components)


async def forget_flashing(p: HostPass) -> None:
    """After a failure all updates count as missing again."""
    components = await _get_components(p)
    if components is None or not components.status.updates:
        return
    components.status.updates = []
    await p.env.client.status.update(components)


async def wish_generations(p: HostPass) -> tuple[int, ...]:
    """Tells one revision of the user's wishes from another."""
    found = (await _get_settings(p), await _get_components(p))
    return tuple(wish.metadata.generation if wish is not None else 0 for wish in found)


def signature(wish: FirmwareWish) -> str:
    """Names this set of settings, to tell a second try from a first."""
    return json.dumps({name: str(value) for name, value in sorted(wish.settings.items())})


async def _differ(p: HostPass, settings: metal3api.HostFirmwareSettings | None) -> bool:
    """Ask the machine itself: the condition may be older than the last change."""
    if settings is None:
        return False
    current = (await p.provisioner.firmware_settings(include_schema=False)).settings
    return any(str(value) != current.get(name) for name, value in settings.spec.settings.items())


def _asks(conditions: list[metav1.Condition]) -> bool:
    return metav1.is_condition_true(conditions, Type.CHANGE_DETECTED) and metav1.is_condition_true(
        conditions, Type.VALID
    )


def _unchecked_settings(settings: metal3api.HostFirmwareSettings | None) -> str:
    if settings is None or not settings.spec.settings:
        return ""
    if settings.status.settings and _is_checked(settings, settings.status.conditions):
        return ""
    return "waiting for HostFirmwareSettings to be checked against the machine"


def _unchecked_components(components: metal3api.HostFirmwareComponents | None) -> str:
    if components is None or not components.spec.updates:
        return ""
    if _is_checked(components, components.status.conditions):
        return ""
    return "waiting for HostFirmwareComponents to be checked"


def is_settled(obj: metav1.Object, conditions: list[metav1.Condition]) -> bool:
    """Whether what is asked for was checked against the machine, and nothing is to be changed."""
    return _is_checked(obj, conditions) and not metav1.is_condition_true(
        conditions, Type.CHANGE_DETECTED
    )


def _is_checked(obj: metav1.Object, conditions: list[metav1.Condition]) -> bool:
    seen = metav1.find_condition(conditions, Type.CHANGE_DETECTED)
    return seen is not None and seen.observed_generation == obj.metadata.generation


def _missing_updates(
    components: metal3api.HostFirmwareComponents | None,
) -> tuple[metal3api.FirmwareUpdate, ...]:
    """Only another URL is another firmware."""
    if components is None:
        return ()
    done = {(u.component, u.url) for u in components.status.updates}
    return tuple(u for u in components.spec.updates if (u.component, u.url) not in done)


async def _get_settings(p: HostPass) -> metal3api.HostFirmwareSettings | None:
    try:
        return await p.env.client.get(metal3api.HostFirmwareSettings, p.key)
    except NotFoundError:
        return None


async def _get_components(p: HostPass) -> metal3api.HostFirmwareComponents | None:
    try:
        return await p.env.client.get(metal3api.HostFirmwareComponents, p.key)
    except NotFoundError:
        return None
