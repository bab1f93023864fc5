"""Rewrites what is stored in an older version, and strikes that version from its CRD.

An API server keeps an object as it was last written, so those of v1beta1 and v1alpha5 stay in that
form until somebody writes them; as long as ``status.storedVersions`` of a CRD names a version, no
release may leave it out. A write that changes nothing is enough to have one stored anew.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from metal3 import ctrl
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import (
    ApiError,
    Client,
    ConflictError,
    NotFoundError,
    Patch,
    PatchType,
    Reader,
)
from metal3.runtime.recorder import EventRecorder
from metal3.runtime.types import NamespacedName

RETRY: Final = timedelta(minutes=1)
LOOK: Final = timedelta(hours=1)
"""CRDs change with a release, which starts us anew; this is for those that are applied alone."""
KINDS: Final[tuple[type[metav1.Object], ...]] = (
    infrav1.Metal3Cluster,
    infrav1.Metal3ClusterTemplate,
    infrav1.Metal3Machine,
    infrav1.Metal3MachineTemplate,
    infrav1.Metal3DataTemplate,
    infrav1.Metal3DataClaim,
    infrav1.Metal3Data,
    infrav1.Metal3Remediation,
    infrav1.Metal3RemediationTemplate,
)
_WITHOUT_STATUS: Final = (infrav1.Metal3ClusterTemplate, infrav1.Metal3MachineTemplate)
_CRD: Final = metav1.Unstructured.of(
    metav1.GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    "customresourcedefinitions",
    namespaced=False,
)

log = ctrl.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageMigration:
    """A Runnable of the leader. ``live`` reads from the server; may run twice or be killed."""

    client: Client
    live: Reader
    recorder: EventRecorder
    kinds: tuple[type[metav1.Object], ...] = KINDS
    retry: timedelta = RETRY
    needs_leader_election: bool = True

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            done = [await self._try(kind) for kind in self.kinds]
            await asyncio.sleep((LOOK if all(done) else self.retry).total_seconds())

    async def _try(self, kind: type[metav1.Object]) -> bool:
        try:
            return await self.migrate(kind)
        except ApiError as error:
            log.warning("storage migration is to be tried again", kind=kind.gvk.kind, error=error)
            return False

    async def migrate(self, kind: type[metav1.Object]) -> bool:
        """All objects of a kind; False when some could not be written. Raises the API's errors."""
        crd = await self.live.get(_CRD, NamespacedName("", f"{kind.plural}.{kind.gvk.group}"))
        stored = _stored(crd)
        if stored == [kind.gvk.version]:
            return True
        if kind.gvk.version != _storage_version(crd):
            return True  # a release that is not ours decides
        found = await self.live.list(kind)
        written = [await self._rewrite(obj) for obj in found.items]
        if not all(written):
            return False
        await self._strike(crd, kind.gvk.version)
        log.info("storage migrated", kind=kind.gvk.kind, objects=len(written), was=stored)
        return True

    async def _rewrite(self, obj: metav1.Object) -> bool:
        """Have it stored anew. One that changed meanwhile was stored by that."""
        meta = obj.metadata
        same = {"name": meta.name, "namespace": meta.namespace}
        body = {"metadata": same | {"resourceVersion": meta.resource_version}}
        try:
            if isinstance(obj, _WITHOUT_STATUS):
                await self.client.patch(obj, Patch(PatchType.MERGE, body))
            else:  # no webhook judges an old object once more for this
                await self.client.status.patch(obj, Patch(PatchType.MERGE, body))
        except (NotFoundError, ConflictError):
            return True
        except ApiError as error:
            text = f"stays stored in an older version, the server refuses to write it: {error}"
            self.recorder.warning(obj, "StorageMigrationFailed", text)
            return False
        return True

    async def _strike(self, crd: metav1.Unstructured, version: str) -> None:
        body = {
            "metadata": {"resourceVersion": crd.metadata.resource_version},
            "status": {"storedVersions": [version]},
        }
        await self.client.status.patch(crd, Patch(PatchType.MERGE, body))


def _stored(crd: metav1.Unstructured) -> list[str]:
    return list(crd.to_dict().get("status", {}).get("storedVersions") or ())


def _storage_version(crd: metav1.Unstructured) -> str:
    versions = crd.to_dict()["spec"]["versions"]
    return next((one["name"] for one in versions if one.get("storage")), "")
