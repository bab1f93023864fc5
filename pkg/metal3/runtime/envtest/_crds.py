"""CRDs: installed, and waited for until a client can use them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from ._admin import AdminClient
from ._errors import InstallError

COLLECTION: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POLL: Final = timedelta(milliseconds=50)


async def install_crds(
    admin: AdminClient, crds: Sequence[Mapping[str, Any]], *, within: timedelta
) -> None:
    """Install all, then wait until each served version answers. Raises InstallError."""
    for crd in crds:
        await admin.put_in_place(COLLECTION, crd)
    for crd in crds:
        name = crd["metadata"]["name"]
        try:
            async with asyncio.timeout(within.total_seconds()):
                while not await _is_served(admin, crd):  # noqa: ASYNC110 - the server is another process
                    await asyncio.sleep(POLL.total_seconds())
        except TimeoutError:
            raise InstallError(f"{name}: not served within {within}") from None


async def _is_served(admin: AdminClient, crd: Mapping[str, Any]) -> bool:
    """Established is said before the path answers, so the path is asked too."""
    now = await admin.get(f"{COLLECTION}/{crd['metadata']['name']}")
    # A definition that was just created says null.
    conditions = (now or {}).get("status", {}).get("conditions") or ()
    if not any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
        return False
    spec = crd["spec"]
    for version in spec["versions"]:
        collection = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
        if version.get("served") and not await admin.is_ok(f"{collection}?limit=1"):
            return False
    return True
