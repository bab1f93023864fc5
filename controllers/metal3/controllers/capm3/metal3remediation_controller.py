"""Brings a machine back by switching its host off and on, and gives it up if that does not help.

Watches: Metal3Remediation; BareMetalHost (its power).
Writes:  Metal3Remediation, the reboot annotation of the host, the node, and in the end the
         condition OwnerRemediated of the Machine, in both forms, for Cluster API to replace it.
Looks again: every POLL while something of the node is waited for, and when a try times out.

Neither a node nor a workload cluster that answers is needed: power comes first.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import NotFoundError
from metal3.runtime.patch import ensure_finalizer, patching

from . import metrics
from .environment import Environment
from .related import cluster_of, find, host_of, machine_of
from .remediationnode import RemediationNode

POLL: Final = timedelta(seconds=5)
Phase = infrav1.RemediationPhase
WAITING_FOR_REMEDIATION: Final = "WaitingForRemediation"
HARD: Final = json.dumps({"mode": "hard", "force": False}, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patient:
    m3r: infrav1.Metal3Remediation
    machine: clusterv1.Machine
    host: metal3api.BareMetalHost

    @property
    def key(self) -> str:
        """Of the annotation that holds the host off."""
        return f"{infrav1.REMEDIATION_REBOOT_PREFIX}{self.m3r.metadata.uid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal3RemediationReconciler:
    """One step at a time; each is safe to repeat."""

    env: Environment

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Drive one remediation; unexpected errors go up, to be retried with backoff."""
        client = self.env.client
        try:
            m3r = await client.get(infrav1.Metal3Remediation, req)
        except NotFoundError:
            return ctrl.Result()
        machine = await machine_of(client, m3r)
        if clusterv1.is_paused(m3r, await cluster_of(client, machine or m3r)):
            return ctrl.Result()
        patient = await self._patient(m3r, machine)
        if not m3r.metadata.deletion_timestamp and patient is not None:
            await ensure_finalizer(client, m3r, infrav1.REMEDIATION_FINALIZER)
        async with patching(client, m3r, optimistic_lock=True):
            if m3r.metadata.deletion_timestamp or patient is None:
                return await self._end(m3r, patient)
            return await self._drive(patient)

    async def _patient(
        self, m3r: infrav1.Metal3Remediation, machine: clusterv1.Machine | None
    ) -> _Patient | None:
        """None when machine or host are gone: there is nothing to bring back."""
        if machine is None:
            return None
        name, namespace = machine.spec.infrastructure_ref.name, m3r.metadata.namespace
        m3m = await find(self.env.client, infrav1.Metal3Machine, namespace, name)
        host = await host_of(self.env.client, m3m) if m3m is not None else None
        return _Patient(m3r=m3r, machine=machine, host=host) if host is not None else None

    async def _end(self, m3r: infrav1.Metal3Remediation, patient: _Patient | None) -> ctrl.Result:
        """Leave nothing behind, whatever the phase was."""
        if patient is not None:
            await self._hold_off(patient, off=False)
            await RemediationNode(env=self.env).restore(m3r, patient.machine)
        metav1.remove_finalizer(m3r, infrav1.REMEDIATION_FINALIZER)
        return ctrl.Result()

    async def _drive(self, patient: _Patient) -> ctrl.Result:
        m3r = patient.m3r
        match m3r.status.phase or "":
            case Phase.DELETING_MACHINE | Phase.FAILED:
                metav1.remove_finalizer(m3r, infrav1.REMEDIATION_FINALIZER)
                return ctrl.Result()
            case "":
                if not patient.host.spec.online:
                    return self._move(patient, Phase.FAILED)
                m3r.status.last_remediated = metav1.format_time(self.env.now())
                return self._move(patient, Phase.RUNNING)
            case Phase.RUNNING:
                return await self._switch_off(patient)
            case _:
                return await self._switch_on(patient)

    async def _switch_off(self, patient: _Patient) -> ctrl.Result:
        await self._hold_off(patient, off=True)
        if patient.host.status.powered_on:
            return self._until_timeout(patient)
        node = RemediationNode(env=self.env)
        if not await node.evacuate(patient.m3r, patient.machine) and not self._timed_out(patient):
            return ctrl.Result(requeue_after=POLL)
        return self._move(patient, Phase.WAITING)

    async def _switch_on(self, patient: _Patient) -> ctrl.Result:
        await self._hold_off(patient, off=False)
        if self._timed_out(patient):
            return await self._try_again_or_give_up(patient)
        if not patient.host.status.powered_on:
            return self._until_timeout(patient)
        await RemediationNode(env=self.env).restore(patient.m3r, patient.machine)
        return ctrl.Result(requeue_after=POLL)

    async def _try_again_or_give_up(self, patient: _Patient) -> ctrl.Result:
        m3r = patient.m3r
        tries = m3r.status.retry_count or 0
        if tries < _strategy(m3r).retry_limit:
            m3r.status.retry_count = tries + 1
            m3r.status.last_remediated = metav1.format_time(self.env.now())
            return self._move(patient, Phase.RUNNING)
        await self._give_up(patient)
        metav1.remove_finalizer(m3r, infrav1.REMEDIATION_FINALIZER)
        return self._move(patient, Phase.DELETING_MACHINE)

    async def _give_up(self, patient: _Patient) -> None:
        """Cluster API deletes a Machine of these conditions; its host is not chosen again."""
        client, now = self.env.client, self.env.now()
        text = "the host was switched off and on as often as allowed, without success"
        async with patching(client, patient.machine):
            status = patient.machine.status
            new = metav1.Condition(
                type=clusterv1.OWNER_REMEDIATED_CONDITION,
                status=metav1.ConditionStatus.FALSE,
                reason=WAITING_FOR_REMEDIATION,
                message=text,
            )
            metav1.set_condition(status.conditions, new, now=now)
            _set_old(status.deprecated.v1beta1, metav1.format_time(now))
        async with patching(client, patient.host):
            notes = patient.host.metadata.annotations
            notes[infrav1.UNHEALTHY_ANNOTATION] = infrav1.UNHEALTHY_NODE

    async def _hold_off(self, patient: _Patient, *, off: bool) -> None:
        if (patient.key in patient.host.metadata.annotations) is off:
            return
        async with patching(self.env.client, patient.host):
            if off:
                patient.host.metadata.annotations[patient.key] = HARD
            else:
                del patient.host.metadata.annotations[patient.key]

    def _move(self, patient: _Patient, phase: Phase) -> ctrl.Result:
        patient.m3r.status.phase = phase
        metrics.REMEDIATIONS.labels(phase=phase).inc()
        text = f"phase {phase}, host {patient.host.metadata.name}"
        word = f"Remediation{str(phase).title().replace(' ', '')}"
        self.env.recorder.normal(patient.m3r, word, text, related=patient.host)
        return ctrl.Result(requeue_after=timedelta(seconds=1))

    def _deadline(self, patient: _Patient) -> timedelta:
        """How long until this try has taken too long."""
        began = patient.m3r.status.last_remediated
        if not began:
            return timedelta()
        limit = timedelta(seconds=_strategy(patient.m3r).timeout_seconds)
        return metav1.parse_time(began) + limit - self.env.now()

    def _timed_out(self, patient: _Patient) -> bool:
        return self._deadline(patient) <= timedelta()

    def _until_timeout(self, patient: _Patient) -> ctrl.Result:
        """The host wakes us; should it not, this try ends in time."""
        return ctrl.Result(requeue_after=max(self._deadline(patient), POLL))


def _strategy(m3r: infrav1.Metal3Remediation) -> infrav1.RemediationStrategy:
    return m3r.spec.strategy or infrav1.RemediationStrategy()


def _set_old(status: clusterv1.OldStatus, now: str) -> None:
    kind = clusterv1.OWNER_REMEDIATED_CONDITION
    others = [c for c in status.conditions if c.type != kind]
    new = clusterv1.OldCondition(
        type=kind,
        status="False",
        severity="Warning",
        reason=WAITING_FOR_REMEDIATION,
        last_transition_time=now,
    )
    status.conditions = [*others, new]
