"""Each manifest of docs/cluster-api.md, applied as a user does, to a server with the webhooks."""

import asyncio
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from metal3 import ctrl
from metal3.controllers.capm3.webhooks import webhooks
from metal3.runtime.envtest import Environment, WebhookInstallOptions
from metal3.runtime.rest import load_config
from metal3.runtime.webhook import WebhookOptions, WebhookServer

TOP = Path(__file__).parents[4]
CRDS = TOP / "config/crd/bases"
PAGE = TOP / "docs/cluster-api.md"
GROUP = "infrastructure.cluster.x-k8s.io"
KUBECTL = shutil.which("kubectl")
MADE_BY_OTHERS = {"Metal3Machine", "Metal3Data", "Metal3DataClaim", "Metal3Remediation"}
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: metal3}\n"


def blocks() -> list[str]:
    """The YAML blocks of the page."""
    return re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def documents() -> list[dict[str, Any]]:
    """All objects in the order of the page."""
    return [document for block in blocks() for document in yaml.safe_load_all(block)]


def schema_of(kind: str) -> dict[str, Any]:
    """Of a kind's spec in the current version."""
    crd = yaml.safe_load((CRDS / f"{GROUP}_{kind.lower()}s.yaml").read_text())
    version = next(v for v in crd["spec"]["versions"] if v["name"] == "v1beta2")
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


@asynccontextmanager
async def validating(env: Environment) -> AsyncIterator[None]:
    """The operator's webhooks at work, without its controllers."""
    config = await asyncio.to_thread(load_config, str(env.kubeconfig))
    serving = env.webhook_serving
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(serving.cert_dir / "tls.crt", serving.cert_dir / "tls.key")
    server = WebhookServer(
        WebhookOptions(host=serving.host, port=serving.port), ssl_context=context
    )
    options = ctrl.ManagerOptions(metrics=ctrl.MetricsOptions(addr="0"), webhook_server=server)
    mgr = ctrl.Manager(config, options)
    for webhook in webhooks(mgr.api_reader):
        server.register(webhook)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(mgr.start(stop))
        try:
            await server.started.wait()
            yield
        finally:
            stop.set()


async def apply(env: Environment, text: str, cache: Path) -> tuple[int, str]:
    """``kubectl apply``; exit code and everything it said."""
    process = await asyncio.create_subprocess_exec(
        str(KUBECTL),
        f"--kubeconfig={env.kubeconfig}",
        f"--cache-dir={cache}",
        "apply",
        "--validate=strict",
        "--filename=-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate(text.encode())
    return process.returncode or 0, out.decode()


WRONG = (
    ("host: 192.0.2.100", "hots: 192.0.2.100", "hots"),
    ("dns: [198.51.100.55]", "dns: [ns.example.org]", "spec.networkData.services.dns[0]"),
    ("type: Reboot", "type: Hope", "spec.strategy.type"),
)


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is NOT INSTALLED: nothing is shown")
async def test_every_manifest_is_accepted(start_environment, tmp_path):
    """In the order of the page; and a mistake in one of them would be noticed."""
    wiring = WebhookInstallOptions(manifests=[TOP / "config/webhook/capm3/manifests.yaml"])
    async with start_environment(crds=[CRDS], webhooks=wiring) as env, validating(env):
        await apply(env, NAMESPACE, tmp_path)
        for old, new, named in WRONG:
            block = next(block for block in blocks() if old in block)
            code, said = await apply(env, block.replace(old, new), tmp_path)
            assert code, said
            assert named in said
        code, said = await apply(env, "---\n".join(blocks()), tmp_path)
        assert code == 0, said
        assert said.count("created") + said.count("configured") + said.count("unchanged") == len(
            documents()
        )
        assert "Warning: spec.template.spec.userData.name: there is no Secret own-user-data" in said


def test_every_kind_that_people_write_is_on_the_page():
    """Others are made by controllers."""
    ours = {path.stem.partition("_")[2] for path in CRDS.glob(f"{GROUP}_*.yaml")}
    shown = {d["kind"] for d in documents() if d["apiVersion"].startswith(GROUP)}
    made = {f"{kind.lower()}s" for kind in MADE_BY_OTHERS}
    assert {f"{kind.lower()}s" for kind in shown} == ours - made


def test_every_source_of_data_is_shown():
    """All parts of metadata and of network data, and all fields of machines that people set."""
    properties = schema_of("Metal3DataTemplate")["properties"]
    template = next(d for d in documents() if d["kind"] == "Metal3DataTemplate")["spec"]
    assert template["metaData"].keys() == properties["metaData"]["properties"].keys()
    network = properties["networkData"]["properties"]
    for part in ("links", "networks", "services"):
        assert template["networkData"][part].keys() == network[part]["properties"].keys()
    machines = [d["spec"]["template"] for d in documents() if d["kind"] == "Metal3MachineTemplate"]
    fields = {field for machine in machines for field in machine["spec"]}
    known = set(schema_of("Metal3Machine")["properties"])
    assert fields == known - {"providerID", "failureDomain"}


def test_links_lead_somewhere():
    """To sections of the page and to other pages."""
    text = PAGE.read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}
    for target in re.findall(r"\]\(([^)]*)\)", text):
        page, _, anchor = target.partition("#")
        assert not anchor or page or anchor in anchors, target
        assert not page or page.startswith("http") or (PAGE.parent / page).is_file(), target
