"""The real clusterctl, with releases from local folders and without a network."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import manifests

LIMIT = 120


@dataclass(frozen=True, kw_only=True)
class Clusterctl:
    """Runs commands in a folder of its own."""

    program: Path
    folder: Path
    config: Path

    async def run(self, *words: str, **variables: str) -> str:
        """What it printed; a failure fails the test with what it said."""
        return await run(
            str(self.program), *words, f"--config={self.config}", cwd=self.folder, **variables
        )


async def run(*argv: str, cwd: Path, **variables: str) -> str:
    """A program's output; AssertionError with what it said when it fails."""
    environment: Mapping[str, str] = {
        "HOME": str(cwd),
        "PATH": os.environ["PATH"],
        "CLUSTERCTL_DISABLE_VERSIONCHECK": "true",
        **variables,
    }
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def released(folder: Path) -> Clusterctl:
    """With our release as ``make release-manifests`` renders it, and Cluster API's beside it."""
    module, built = manifests.module_folder(), manifests.programs_folder()
    assert module is not None
    assert built is not None
    await run(str(manifests.TOP / "hack/release-manifests"), str(folder), cwd=folder)
    version = module.name.partition("@")[2]
    core = folder / "cluster-api" / version
    rendered = await run("kubectl", "kustomize", str(module / "core/config/default"), cwd=folder)
    await asyncio.to_thread(_add_core, core, rendered, module / "metadata.yaml", folder)
    return Clusterctl(
        program=built / "clusterctl", folder=folder, config=folder / "clusterctl.yaml"
    )


def _add_core(core: Path, components: str, metadata: Path, folder: Path) -> None:
    core.mkdir(parents=True)
    (core / "core-components.yaml").write_text(components)
    (core / "metadata.yaml").write_bytes(metadata.read_bytes())
    path = folder / "clusterctl.yaml"
    config = yaml.safe_load(path.read_text())
    url = f"file://{core / 'core-components.yaml'}"
    config["providers"].append({"name": "cluster-api", "type": "CoreProvider", "url": url})
    path.write_text(yaml.safe_dump(config))
