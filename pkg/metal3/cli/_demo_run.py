"""The demo's parts, started in order and stopped in reverse."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from metal3 import apiserver
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime import log
from metal3.runtime.client import RestClient
from metal3.runtime.rest import load_config
from metal3.simulator import Lab, LabConfig, SimulatedHost, SimulatorError

from ._demo_table import HostTable
from ._flags import Parser, parse
from ._manager_build import build
from ._manager_flags import MANAGER_FLAGS
from ._manifests import apply, crds, demo_host, ensure_namespace, read

DEMO_LABEL: Final = "metal3.io/demo=true"
REDRAW: Final = timedelta(seconds=1)


class DemoError(Exception):
    """The demo could not do its job; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the user chose."""

    hosts: int
    kubeconfig: Path | None
    namespace: str
    keep: Path | None
    leave: bool
    timeout: timedelta
    boot: Literal["vmedia", "ipxe"]
    port: int


@dataclass(frozen=True, slots=True)
class Demo:
    """One run."""

    options: DemoOptions

    async def run(self) -> int:
        """Everything; raises DemoError. Whatever way it ends, no child is left."""
        options = self.options
        async with AsyncExitStack() as stack:
            folder = await stack.enter_async_context(_folder(options.keep))
            kubeconfig = await stack.enter_async_context(self._api(folder))
            client = await stack.enter_async_context(RestClient(load_config(kubeconfig)))
            _say(f"applying {len(list(crds()))} CRDs")
            for crd in crds():
                await apply(client, crd)
            lab = await stack.enter_async_context(self._lab(folder))
            await stack.enter_async_context(_manager(folder, kubeconfig, options, lab))
            await self._apply_hosts(client, folder, lab)
            await self._show(client)
            self._farewell(kubeconfig, folder)
            if not options.leave:
                await asyncio.Event().wait()
        return 0

    @asynccontextmanager
    async def _api(self, folder: Path) -> AsyncGenerator[Path]:
        """The kubeconfig of the cluster to use; the embedded API unless one was given."""
        if self.options.kubeconfig is not None:
            yield self.options.kubeconfig
            return
        config = apiserver.Config(data_dir=folder / "api", port=self.options.port)
        async with apiserver.Server(config) as server:
            kubeconfig = folder / "kubeconfig"
            server.write_kubeconfig(kubeconfig, namespace=self.options.namespace)
            _say(f"the Kubernetes API is {server.url}")
            yield kubeconfig

    @asynccontextmanager
    async def _lab(self, folder: Path) -> AsyncGenerator[Lab]:
        _say(f"starting Ironic and {self.options.hosts} simulated servers")
        config = LabConfig(
            state_dir=folder / "lab", hosts=self.options.hosts, boot=self.options.boot
        )
        try:
            async with Lab(config) as lab:
                _say(f"Ironic is {lab.ironic_url}")
                yield lab
        except SimulatorError as error:
            raise DemoError(str(error)) from error

    async def _apply_hosts(self, client: RestClient, folder: Path, lab: Lab) -> None:
        text = "---\n".join(demo_host(self._values(lab, host)) for host in lab.hosts)
        path = folder / "hosts.yaml"
        await asyncio.to_thread(_write_private, path, text)
        await ensure_namespace(client, self.options.namespace)
        for obj in read(text):
            await apply(client, obj)
        _say(f"applied {len(lab.hosts)} BareMetalHosts and their Secrets ({path})")

    def _values(self, lab: Lab, host: SimulatedHost) -> dict[str, str]:
        return {
            "name": host.name,
            "namespace": self.options.namespace,
            "username": host.username,
            "password": host.password,
            "mac": host.boot_mac,
            "address": host.bmc_address,
            "image": lab.image_url,
            "checksum": lab.image_checksum,
        }

    async def _show(self, client: RestClient) -> None:
        """Draw the hosts until all are provisioned; raises DemoError when they are not in time."""
        table = HostTable()
        states: dict[str, metal3api.BareMetalHost] = {}
        try:
            async with asyncio.timeout(self.options.timeout.total_seconds()):
                while not self._are_provisioned(states):
                    listed = await client.list(
                        metal3api.BareMetalHost,
                        namespace=self.options.namespace,
                        labels=DEMO_LABEL,
                    )
                    for host in listed.items:
                        states[host.metadata.name] = host
                        table.put(host)
                    table.draw()
                    await asyncio.sleep(REDRAW.total_seconds())
        except TimeoutError:
            raise DemoError(_reasons(states, self.options)) from None

    def _are_provisioned(self, hosts: Mapping[str, metal3api.BareMetalHost]) -> bool:
        done = [
            host
            for host in hosts.values()
            if host.status.provisioning.state == metal3api.ProvisioningState.PROVISIONED
        ]
        return len(done) >= self.options.hosts

    def _farewell(self, kubeconfig: Path, folder: Path) -> None:
        _say(f"\nall {self.options.hosts} hosts are provisioned; logs are in {folder}")
        if self.options.leave:
            return
        host = "node-0"
        _say(
            f"kubeconfig: {kubeconfig}\n"
            "try next:\n"
            f"  export KUBECONFIG={kubeconfig}\n"
            "  kubectl get bmh -w\n"
            f'  kubectl patch bmh {host} --type=merge -p \'{{"spec":{{"image":null}}}}\'\n'
            f"  kubectl delete bmh {host}\n"
            "Ctrl-C stops everything."
        )


@asynccontextmanager
async def _folder(keep: Path | None) -> AsyncGenerator[Path]:
    if keep is not None:
        await asyncio.to_thread(keep.mkdir, 0o700, parents=True, exist_ok=True)
        yield keep
        return
    made = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="metal3-demo-"))
    try:
        yield made
    finally:
        await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)


@asynccontextmanager
async def _manager(
    folder: Path, kubeconfig: Path, options: DemoOptions, lab: Lab
) -> AsyncGenerator[None]:
    """The manager in this process, logging to a file; its failure ends the demo."""
    flags = [
        f"--kubeconfig={kubeconfig}",
        f"--namespace={options.namespace}",
        "--webhook-port=0",
        "--metrics-addr=0",
        "--health-addr=0",
    ]
    environment = {**os.environ, **lab.environment()}
    args = parse(Parser("metal3 manager", ""), MANAGER_FLAGS, flags, environment)
    with (folder / "manager.log").open("a", encoding="utf-8") as stream:
        log.configure(stream=stream)
        mgr = await build(args, environment)
        stopped = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(mgr.start(stopped))
            try:
                yield
            finally:
                stopped.set()


def _reasons(hosts: Mapping[str, metal3api.BareMetalHost], options: DemoOptions) -> str:
    lines = [
        f"  {name}: {host.status.provisioning.state or 'new'}"
        + (f", {host.status.error_message}" if host.status.error_message else "")
        for name, host in sorted(hosts.items())
        if host.status.provisioning.state != metal3api.ProvisioningState.PROVISIONED
    ]
    seconds = options.timeout.total_seconds()
    return f"not provisioned after {seconds:g} seconds:\n" + "\n".join(lines)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
