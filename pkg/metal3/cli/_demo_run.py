"""The demo's parts, started in order and stopped in reverse."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, TypedDict

from metal3 import apiserver
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.runtime import log
from metal3.runtime.cache import ByObject, Cache, CacheOptions
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
REMOVAL: Final = timedelta(minutes=3)


class Selected(TypedDict):
    """Which hosts are the demo's."""

    namespace: str
    labels: str


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
            stack.enter_context(_logging_to(folder / "demo.log"))
            kubeconfig = await stack.enter_async_context(self._api(folder))
            config = await asyncio.to_thread(load_config, kubeconfig)
            client = await stack.enter_async_context(RestClient(config))
            await _install_crds(client)
            lab = await stack.enter_async_context(self._lab(folder))
            await stack.enter_async_context(_manager(kubeconfig, options, lab))
            if options.kubeconfig is not None:
                stack.push_async_callback(self._remove_hosts, client)
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
        view = _HostView()
        cache = Cache(
            client,
            CacheOptions(
                namespaces=(self.options.namespace,),
                by_object={metal3api.BareMetalHost: ByObject(labels=DEMO_LABEL)},
            ),
        )
        informer = await cache.get_informer(metal3api.BareMetalHost)
        informer.add_event_handler(view)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(cache.run())
            try:
                async with asyncio.timeout(self.options.timeout.total_seconds()):
                    while not self._are_provisioned(view.hosts):
                        view.table.draw()
                        await asyncio.sleep(REDRAW.total_seconds())
            except TimeoutError:
                raise DemoError(_reasons(view.hosts, self.options)) from None
            finally:
                view.table.draw()
                watching.cancel()

    async def _remove_hosts(self, client: RestClient) -> None:
        """Take our hosts out of somebody else's cluster while there is a manager to do it."""
        _say("removing the demo's hosts from the cluster")
        selection: Selected = {"namespace": self.options.namespace, "labels": DEMO_LABEL}
        await client.delete_all_of(metal3api.BareMetalHost, **selection)
        try:
            async with asyncio.timeout(REMOVAL.total_seconds()):
                while (  # noqa: ASYNC110 - asks a server; there is no event to wait for
                    await client.list(metal3api.BareMetalHost, **selection)
                ).items:
                    await asyncio.sleep(REDRAW.total_seconds())
        except TimeoutError:
            _say("some hosts are left; take off their finalizers to delete them")

    def _are_provisioned(self, hosts: Mapping[str, metal3api.BareMetalHost]) -> bool:
        done = [
            host
            for host in hosts.values()
            if host.status.provisioning.state == metal3api.ProvisioningState.PROVISIONED
        ]
        return len(done) >= self.options.hosts

    def _farewell(self, kubeconfig: Path, folder: Path) -> None:
        _say(f"\nall {self.options.hosts} hosts are provisioned")
        if self.options.keep or not self.options.leave:
            _say(f"logs are in {folder}")
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


async def _install_crds(client: RestClient) -> None:
    found = list(crds())
    _say(f"applying {len(found)} CRDs")
    for crd in found:
        await apply(client, crd)


@dataclass(frozen=True, slots=True)
class _HostView:
    """Follows the hosts, so that states which last an instant are seen too."""

    table: HostTable = field(default_factory=HostTable)
    hosts: dict[str, metal3api.BareMetalHost] = field(default_factory=dict)

    def on_add(self, obj: metal3api.BareMetalHost, *, is_in_initial_list: bool) -> None:
        """A host is there."""
        self.hosts[obj.metadata.name] = obj
        self.table.put(obj)

    def on_update(self, old: metal3api.BareMetalHost, new: metal3api.BareMetalHost) -> None:
        """A host changed."""
        self.on_add(new, is_in_initial_list=False)

    def on_delete(self, obj: metal3api.BareMetalHost, *, final_state_unknown: bool) -> None:
        """A host went away."""
        self.hosts.pop(obj.metadata.name, None)


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
async def _manager(kubeconfig: Path, options: DemoOptions, lab: Lab) -> AsyncGenerator[None]:
    """The manager, in this process; its failure ends the demo."""
    flags = [
        f"--kubeconfig={kubeconfig}",
        f"--namespace={options.namespace}",
        "--webhook-port=0",
        "--metrics-addr=0",
        "--health-addr=0",
    ]
    environment = {**os.environ, **lab.environment()}
    args = parse(Parser("metal3 manager", ""), MANAGER_FLAGS, flags, environment)
    mgr = await build(args, environment)
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(mgr.start(stopped))
        try:
            yield
        finally:
            stopped.set()


@contextmanager
def _logging_to(path: Path) -> Generator[None]:
    """What the parts log goes to a file: the terminal is for the table."""
    with path.open("a", encoding="utf-8") as stream:
        log.configure(stream=stream)
        yield
        log.configure(stream=sys.stderr)


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
