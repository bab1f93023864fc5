"""What ``kubectl apply -k`` would send."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import yaml

KUBECTL = shutil.which("kubectl")
NO_KUBECTL = "kubectl is NOT INSTALLED: nothing is shown"


async def kustomize(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects a folder renders, by kind and name."""
    process = await asyncio.create_subprocess_exec(
        str(KUBECTL),
        "kustomize",
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    objects = [obj for obj in yaml.safe_load_all(out) if obj]
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}
