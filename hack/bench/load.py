"""Fills an API server with Samples and changes them at a steady rate, by a bare HTTP client."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes import client, config

NAMESPACE = "bench"
SAMPLES = f"/apis/bench.example.com/v1/namespaces/{NAMESPACE}/samples"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
SENT = "bench.example.com/sent-ns"
LEFT = (SENT, "kopf.zalando.org/last-handled-configuration")
WRITERS = 16
RETRIES = 5
SERVER_ERRORS = 500


class OverloadedError(RuntimeError):
    """The server could not, at this moment."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """A connection with an administrator's rights."""

    url: str
    session: aiohttp.ClientSession

    async def seed(self, count: int) -> None:
        """Create the namespace and ``count`` Samples in it."""
        namespace = {"metadata": {"name": NAMESPACE}}
        await self.send("POST", "/api/v1/namespaces", namespace)
        names = iter(range(count))
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(self._create_each(names))

    async def update_steadily(self, count: int, *, per_second: float) -> None:
        """Stamp ``count`` different Samples with the time of sending, one by one."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for i in range(count):
                await asyncio.sleep(started + i / per_second - time.monotonic())
                stamp = {SENT: str(time.time_ns())}
                group.create_task(self._annotate(sample_name(i), stamp))

    async def forget(self) -> None:
        """Take away the annotations that a run left, so that the next begins where it began."""
        marked = iter([name async for name in self._marked()])

        async def clear_each() -> None:
            for name in marked:
                await self._annotate(name, dict.fromkeys(LEFT))

        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(clear_each())

    async def _marked(self) -> AsyncIterator[str]:
        token = ""
        while True:
            page = await self.send("GET", f"{SAMPLES}?limit=500&continue={token}", None)
            for item in page["items"]:
                if item["metadata"].get("annotations", {}).keys() & set(LEFT):
                    yield item["metadata"]["name"]
            token = page["metadata"].get("continue", "")
            if not token:
                return

    async def send(
        self, method: str, path: str, body: Any, content_type: str = "application/json"
    ) -> Mapping[str, Any]:
        """Send one request; raises for an answer that is an error (OverloadedError from 500 up)."""
        headers = {"Content-Type": content_type}
        async with self.session.request(
            method, self.url + path, json=body, headers=headers
        ) as response:
            answer: Mapping[str, Any] = await response.json()
            if response.status >= HTTPStatus.BAD_REQUEST:
                kind = OverloadedError if response.status >= SERVER_ERRORS else RuntimeError
                raise kind(f"{method} {path}: {response.status} {answer.get('message')}")
            return answer

    async def _create_each(self, names: Iterator[int]) -> None:
        for i in names:
            await self.send("POST", SAMPLES, sample(i))

    async def _annotate(self, name: str, annotations: Mapping[str, str | None]) -> None:
        body = {"metadata": {"annotations": annotations}}
        for _ in range(RETRIES):
            try:
                await self.send("PATCH", f"{SAMPLES}/{name}", body, "application/merge-patch+json")
            except OverloadedError:
                continue  # some contestants leave the server with much to do
            return
        raise OverloadedError(f"{name}: not annotated in {RETRIES} attempts")


@asynccontextmanager
async def open_load(
    kubeconfig: Path, *, connections: int = WRITERS, total: float | None = 60
) -> AsyncIterator[Load]:
    """Connect as a kubeconfig says, by a client certificate or a token.

    No more ``connections`` at once (0: any number), ``total`` seconds a request.
    """
    settings = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings)
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    if settings.cert_file:
        context.load_cert_chain(str(settings.cert_file), str(settings.key_file))
    token = settings.api_key.get("BearerToken")
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=connections),
        headers={"Authorization": token} if token else {},
        timeout=aiohttp.ClientTimeout(total=total),
    ) as session:
        yield Load(url=str(settings.host), session=session)


def sample_name(i: int) -> str:
    """Give the name of the i-th Sample."""
    return f"sample-{i:05}"


def sample(i: int) -> dict[str, Any]:
    """Give the i-th Sample: about 5 kB of JSON, the same at every run."""
    digits = f"{i * 7919 % 2**32:08x}"
    nics = [
        {
            "name": f"ens{n}f{n % 4}",
            "mac": f"52:54:00:{digits[:2]}:{digits[2:4]}:{n:02x}",
            "ip": f"10.{n}.{i // 250}.{i % 250}",
            "model": "0x15b3 0x101d",
            "speedGbps": 25,
            "pxe": n == 0,
        }
        for n in range(16)
    ]
    storage = [
        {
            "name": f"/dev/disk/by-path/pci-0000:{n:02x}:00.0-nvme-1",
            "model": "DATACENTER NVME 3840",
            "serialNumber": f"S{digits}{n:04}",
            "wwn": f"0x5000c500{digits}{n:02x}",
            "sizeBytes": 3840755982336,
            "rotational": False,
        }
        for n in range(16)
    ]
    flags = [f"feature_{n:03}" for n in range(64)]
    cpu = {"arch": "x86_64", "model": "Processor 2.4 GHz", "count": 128, "flags": flags}
    return {
        "apiVersion": "bench.example.com/v1",
        "kind": "Sample",
        "metadata": {"name": sample_name(i), "namespace": NAMESPACE},
        "spec": {"cpu": cpu, "nics": nics, "storage": storage},
    }
