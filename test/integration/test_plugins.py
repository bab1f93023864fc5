"""The plugin of docs/plugins.md, installed as a user would, and plugins that are broken."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/plugins.md"
START = "import sys, metal3.cli; sys.exit(metal3.cli.main())"
USE = """
import json
from metal3 import bmc
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.setup import load_backend
from metal3.controllers.baremetal.webhooks import host_errors

host = metal3api.BareMetalHost.named("h", "metal3")
host.spec.online = True
host.spec.bmc = metal3api.BMCDetails(address="acme://bmc:7", credentials_name="s")
access = bmc.parse("acme://bmc:7", disable_certificate_verification=True)
print(json.dumps({
    "schemes": [s for s in bmc.known_schemes() if s.startswith("acme")],
    "built_in": "redfish" in bmc.known_schemes(),
    "info": access.driver_info(bmc.Credentials("me", "pw")),
    "errors": [str(e) for e in host_errors(host)],
    "backend": type(load_backend("acme", {})).__name__,
}))
"""


def block(language: str) -> str:
    """A block of the page."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def install(folder: Path, *, module: str) -> Path:
    """Make a wheel of the page's project and have pip install it."""
    project = tomllib.loads(block("toml"))["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = f"{name}-{version}.dist-info"
    points = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    files = {
        f"{name}.py": module,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": points,
    }
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", "".join(_record(p, t) for p, t in files.items()))
    target = folder / "site"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    where = ("--no-index", "--no-deps", "--target", str(target), str(wheel))
    subprocess.run((*pip, *where), check=True, timeout=60)  # noqa: S603 - our own wheel
    return target


def _record(path: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(text.encode())}\n"


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Python with the plugin beside what is installed here."""
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(  # noqa: S603 - our own interpreter
        (sys.executable, *command),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_plugin_of_the_page_works(tmp_path):
    """Its schemes are known to registry and webhook, and its backend is found by name."""
    result = run(install(tmp_path, module=block("python")), "-c", USE)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        "schemes": ["acme", "acme+http"],
        "built_in": True,
        "info": {
            "acme_address": "bmc:7",
            "acme_user": "me",
            "acme_password": "pw",
            "acme_verify": False,
        },
        "errors": [],
        "backend": "FixtureBackend",
    }


def test_a_broken_plugin_ends_the_start_with_one_line(tmp_path):
    """The plugin is named; there is no traceback."""
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "clusters": [cluster],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {}}],
            }
        ),
        encoding="utf-8",
    )
    flags = ("--metrics-addr=0", "--health-addr=0", "--webhook-port=0")
    result = run(
        install(tmp_path, module="import nowhere"),
        *("-c", START, "manager", "--kubeconfig", str(kubeconfig)),
        *flags,
        "--provisioner=fixture",
    )
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    assert "metal3_acme" in result.stderr
    assert "nowhere" in result.stderr
