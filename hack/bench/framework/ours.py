"""A reconciler that does nothing, on ``metal3.runtime`` with its defaults; typed, as operators are.

See ../README.md for what is said on stdout.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from metal3 import ctrl
from metal3.api.meta import v1 as metav1
from metal3.runtime.client import Client, NotFoundError
from metal3.runtime.manager import RunnableFunc

SENT = "bench.example.com/sent-ns"


class CPU(metav1.Model):
    """One long list."""

    arch: str = ""
    model: str = ""
    count: int = 0
    flags: list[str] = Field(default_factory=list)


class NIC(metav1.Model):
    """One of some sixteen."""

    name: str = ""
    mac: str = ""
    ip: str = ""
    model: str = ""
    speed_gbps: Annotated[int, Field(alias="speedGbps")] = 0
    pxe: bool = False


class Disk(metav1.Model):
    """One of some sixteen."""

    name: str = ""
    model: str = ""
    serial_number: Annotated[str, Field(alias="serialNumber")] = ""
    wwn: str = ""
    size_bytes: Annotated[int, Field(alias="sizeBytes")] = 0
    rotational: bool = False


class SampleSpec(metav1.Model):
    """The part that weighs."""

    cpu: CPU = Field(default_factory=CPU)
    nics: list[NIC] = Field(default_factory=list)
    storage: list[Disk] = Field(default_factory=list)


class Sample(metav1.Object):
    """About 5 kB; its schema is in sample_crd.yaml."""

    gvk = metav1.GroupVersionKind("bench.example.com", "v1", "Sample")
    plural = "samples"
    spec: SampleSpec = Field(default_factory=SampleSpec)


@dataclass(kw_only=True)
class Noop:
    """Counts each object once, and each stamp once."""

    client: Client
    objects: int
    updates: int
    seen: set[str] = field(default_factory=set)
    latencies: list[float] = field(default_factory=list)

    async def reconcile(self, req: ctrl.Request) -> ctrl.Result:
        """Read the object, decoded and typed, and do nothing about it."""
        arrived = time.time_ns()
        try:
            sample = await self.client.get(Sample, req)
        except NotFoundError:
            return ctrl.Result()
        if req.name not in self.seen:
            self.seen.add(req.name)
            if len(self.seen) == self.objects:  # stamps come later
                say("drained")
        stamp = sample.metadata.annotations.get(SENT)
        if stamp and stamp not in self.seen:
            self.seen.add(stamp)
            self.latencies.append((arrived - int(stamp)) / 1e6)
            if len(self.latencies) == self.updates:
                self.report()
        return ctrl.Result()

    def report(self) -> None:
        """Print the percentiles."""
        ordered = sorted(self.latencies)
        at = {f"p{q}_ms": ordered[int(q / 100 * (len(ordered) - 1))] for q in (50, 99)}
        say(f"latencies {json.dumps(at)}")


async def main() -> None:
    """Run until the harness closes stdin."""
    mgr = ctrl.Manager(ctrl.load_config())
    noop = Noop(
        client=mgr.client,
        objects=int(os.environ["OBJECTS"]),
        updates=int(os.environ["UPDATES"]),
    )
    ctrl.new_controller_managed_by(mgr).for_(Sample).complete(noop)

    async def tell_synced() -> None:
        if await mgr.cache.wait_for_cache_sync():
            say("synced")

    mgr.add(RunnableFunc(fn=tell_synced))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    await mgr.start(stop)


def say(line: str) -> None:
    """Tell the harness."""
    print(line, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
