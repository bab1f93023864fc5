"""Getting a host: the wish is written into the machine first, then the host is claimed.

Both writes carry the resourceVersion they were decided on. A machine seen as it was before its wish
cannot wish again, and of two machines that claim one host the second gets a conflict. A wish is
followed until its host is known to be lost, as the claim of a process that is dead may still land.
So a machine never has two hosts and a host never two machines, however many managers there are.
Where the wish itself changed meanwhile a late claim is given back: see ``extrahosts``.
"""

from dataclasses import dataclass
from typing import Final

from metal3 import ctrl
from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime.client import ConflictError, NotFoundError
from metal3.runtime.patch import PatchHelper, patching
from metal3.runtime.types import key_of

from . import bmcsecret, conditions, hostspec, metrics
from .conditions import Reason, Type, was_associated
from .environment import Environment
from .extrahosts import ExtraHosts
from .hostfacts import HostFacts, facts_of, point_of
from .hosts import Hosts
from .placement import Decision, SelectorError, Wish
from .related import (
    Scope,
    annotated_host,
    find,
    host_now,
    hosts_of,
    identified_host,
    is_consumer,
    reuse_name,
)

MOST_TRIES: Final = 8
"""Hosts that are tried in one pass before others get their turn."""

log = ctrl.get_logger(__name__)


class ClaimsLostError(Exception):
    """Every host that was tried went to others; to be tried again with new eyes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """Gives machines their hosts."""

    env: Environment
    hosts: Hosts

    async def host(
        self, scope: Scope, helper: PatchHelper[infrav1.Metal3Machine]
    ) -> metal3api.BareMetalHost | None:
        """The machine's host; None when there is none, and the condition says why.

        Raises ClaimsLostError and ConflictError.
        """
        hosts = await self._present(scope.m3m)
        if hosts:
            await self._remember(scope.m3m, hosts[0])
            await ExtraHosts(env=self.env).release(scope.m3m, hosts, helper)
            return hosts[0]
        if was_associated(scope.m3m) and annotated_host(scope.m3m):
            self._host_is_gone(scope.m3m)
            return None
        return await self._choose(scope, helper)

    async def _present(self, m3m: infrav1.Metal3Machine) -> list[metal3api.BareMetalHost]:
        """Also one whose claim the cache has not seen yet; the one the machine lives on first."""
        hosts = await hosts_of(self.env.client, m3m)
        seen = hosts[0].metadata.name if hosts else ""
        wished = identified_host(m3m) or annotated_host(m3m) or seen
        if wished == seen and not (hosts and self.hosts.own_writes.is_behind(hosts[0])):
            return hosts
        others = [host for host in hosts if host.metadata.name != wished]
        found = await host_now(self.env.live, m3m, wished)
        return [found, *others] if found is not None else others

    async def _remember(self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> None:
        name = f"{host.metadata.namespace}/{host.metadata.name}"
        m3m.metadata.annotations[infrav1.HOST_ANNOTATION] = name
        known = metav1.find_condition(m3m.status.conditions, Type.ASSOCIATE_HOST)
        if known is None or known.status != metav1.ConditionStatus.TRUE:
            await self._label_secret(m3m, host)
            conditions.mark_true(m3m, Type.ASSOCIATE_HOST, Reason.ASSOCIATED, now=self.env.now())

    async def _label_secret(
        self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost
    ) -> None:
        """Before the condition tells that the host is ours: a stop in between repeats it."""
        cluster = m3m.metadata.labels.get(clusterv1.CLUSTER_NAME_LABEL)
        if cluster:
            await bmcsecret.label(self.env.client, host, cluster)

    def _host_is_gone(self, m3m: infrav1.Metal3Machine) -> None:
        text = (
            f"BareMetalHost {annotated_host(m3m)} is gone or was given to somebody else; "
            "delete the Machine to have it replaced"
        )
        self._fail(m3m, Reason.HOST_GONE, text, severity="Error")
        conditions.set_failure(m3m, "UpdateError", text)

    async def _choose(
        self, scope: Scope, helper: PatchHelper[infrav1.Metal3Machine]
    ) -> metal3api.BareMetalHost | None:
        m3m, hosts = scope.m3m, self.hosts
        name = await reuse_name(self.env.client, scope.machine)
        try:
            wish = Wish.of(m3m, name)
        except SelectorError as error:
            self._fail(m3m, Reason.INVALID_CONFIGURATION, str(error), severity="Error")
            return None
        await hosts.wait_told()
        wished = await self._wished(m3m)
        if wished is not None:
            facts = facts_of(wished)  # before the claim takes the reservation off
            host = await self._claim(m3m, wish, facts, helper, wished)
            if host is not None:
                is_reuse = wish.is_reserved(facts)
                return await self._succeed(m3m, host, helper, is_reuse=is_reuse)
        for _ in range(MOST_TRIES):
            decision = hosts.view.look(m3m.metadata.namespace, wish, point_of(m3m.metadata.uid))
            if not decision.candidates:
                hosts.seekers.wait(m3m, wish)  # at once: a host freed meanwhile would wake nobody
                self._explain(m3m, decision)
                return None
            host = await self._claim(m3m, wish, decision.candidates[0], helper)
            if host is not None:
                return await self._succeed(m3m, host, helper, is_reuse=decision.is_reuse)
            metrics.LOST_CLAIMS.inc()
        raise ClaimsLostError(f"{m3m.metadata.name}: all hosts that were tried went to others")

    async def _wished(self, m3m: infrav1.Metal3Machine) -> metal3api.BareMetalHost | None:
        """The host that was wished for before; its claim may still be on its way."""
        namespace, name = m3m.metadata.namespace, annotated_host(m3m)
        return await find(self.env.live, metal3api.BareMetalHost, namespace, name)

    async def _claim(
        self,
        m3m: infrav1.Metal3Machine,
        wish: Wish,
        facts: HostFacts,
        helper: PatchHelper[infrav1.Metal3Machine],
        host: metal3api.BareMetalHost | None = None,
    ) -> metal3api.BareMetalHost | None:
        """None when the host is somebody else's, or not what it was."""
        view = self.hosts.view
        view.hide(facts)
        try:
            host = host or await find(self.env.client, metal3api.BareMetalHost, *facts.key)
            if host is None or wish.rejects(facts_of(host)) is not None:
                return None
            m3m.metadata.annotations[infrav1.HOST_ANNOTATION] = str(facts.key)
            await helper.patch(status=False)
            return await self._take(m3m, wish, host)
        except BaseException:
            view.show(facts)
            raise

    async def _take(
        self, m3m: infrav1.Metal3Machine, wish: Wish, host: metal3api.BareMetalHost
    ) -> metal3api.BareMetalHost | None:
        """None when the host is lost for certain.

        Until then no other may be wished for: an earlier claim of the machine, by another manager
        or by a process that is dead, could still land. Raises ClaimsLostError when nobody knows.
        """
        now: metal3api.BareMetalHost | None = host
        for _ in range(MOST_TRIES):
            if now is None or is_consumer(now, m3m):
                return now
            if wish.rejects(facts_of(now)) is not None:
                return None
            try:
                await self._write(m3m, now)
            except (ConflictError, NotFoundError):
                now = await find(self.env.live, metal3api.BareMetalHost, *key_of(host))
            else:
                return now
        raise ClaimsLostError(f"{m3m.metadata.name}: {host.metadata.name} changes all the time")

    async def _write(self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost) -> None:
        """Raises ConflictError when somebody else was first, NotFoundError when it is gone."""
        async with patching(self.env.client, host, optimistic_lock=True):
            hostspec.claim(host, m3m)
            if m3m.spec.data_template is None:
                hostspec.deploy(host, m3m)
        self.hosts.own_writes.note(host)

    async def _succeed(
        self,
        m3m: infrav1.Metal3Machine,
        host: metal3api.BareMetalHost,
        helper: PatchHelper[infrav1.Metal3Machine],
        *,
        is_reuse: bool,
    ) -> metal3api.BareMetalHost:
        await self._label_secret(m3m, host)
        self._associated(m3m, host, is_reuse=is_reuse)
        if is_reuse:
            await self._keep_reason(m3m, helper)
        return host

    async def _keep_reason(
        self, m3m: infrav1.Metal3Machine, helper: PatchHelper[infrav1.Metal3Machine]
    ) -> None:
        """A pass that ends in a conflict would forget how the host came: it shows it no longer."""
        try:
            await helper.patch()
        except ConflictError:
            now = await find(self.env.live, infrav1.Metal3Machine, *key_of(m3m))
            if now is not None and now.metadata.uid == m3m.metadata.uid:
                async with patching(self.env.client, now):  # conditions are merged
                    reason = Reason.ASSOCIATED_BY_REUSE
                    conditions.mark_true(now, Type.ASSOCIATE_HOST, reason, now=self.env.now())
            raise

    def _associated(
        self, m3m: infrav1.Metal3Machine, host: metal3api.BareMetalHost, *, is_reuse: bool
    ) -> None:
        reason = Reason.ASSOCIATED_BY_REUSE if is_reuse else Reason.ASSOCIATED
        now = self.env.now()
        conditions.mark_true(m3m, Type.ASSOCIATE_HOST, reason, now=now)
        metrics.CLAIMS.labels(reuse=str(is_reuse).lower()).inc()
        created = m3m.metadata.creation_timestamp
        if created:
            age = (now - metav1.parse_time(created)).total_seconds()
            metrics.TIME_TO_CLAIM.observe(max(age, 0))
        word = "HostReused" if is_reuse else "HostChosen"
        text = f"took BareMetalHost {host.metadata.name}"
        self.env.recorder.normal(m3m, word, text, related=host)

    def _explain(self, m3m: infrav1.Metal3Machine, decision: Decision) -> None:
        text = decision.explain()
        before = metav1.find_condition(m3m.status.conditions, Type.ASSOCIATE_HOST)
        for code in decision.counts:
            metrics.REJECTIONS.labels(code=code).inc()
        # An Event for other reasons, not for other numbers of hosts.
        if before is None or _reasons(before.message) != _reasons(text):
            self.env.recorder.warning(m3m, "NoHostAvailable", text)
        self._fail(m3m, Reason.ASSOCIATE_FAILED, text, severity="Warning")

    def _fail(
        self, m3m: infrav1.Metal3Machine, reason: Reason, text: str, *, severity: str
    ) -> None:
        now = self.env.now()
        conditions.mark_false(m3m, Type.ASSOCIATE_HOST, reason, text, now=now, severity=severity)


def _reasons(message: str) -> str:
    return "".join(c for c in message.partition("; nearest")[0] if not c.isdigit())
