"""Where the agent's images are, for each architecture, by the environment's variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from metal3.api.metal3_io import v1alpha1 as metal3api

ISO: Final = "DEPLOY_ISO_URL"
KERNEL: Final = "DEPLOY_KERNEL_URL"
RAMDISK: Final = "DEPLOY_RAMDISK_URL"

Format = metal3api.PreprovisioningImageFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentImage:
    """What to boot."""

    format: str
    image_url: str
    kernel_url: str = ""


@dataclass(frozen=True, slots=True)
class AgentImages:
    """Ready-made images; each variable may be given for all architectures or for one.

    ``X_URL_AARCH64`` comes before ``X_BY_ARCH`` (``aarch64:URL,x86_64:URL``), which comes before
    ``X_URL``.
    """

    environment: Mapping[str, str]

    def is_configured(self) -> bool:
        """Whether there is any image at all."""
        names = self.environment.keys()
        has_iso = any(name.startswith("DEPLOY_ISO_") for name in names)
        has_kernel = any(name.startswith("DEPLOY_KERNEL_") for name in names)
        return has_iso or (has_kernel and any(n.startswith("DEPLOY_RAMDISK_") for n in names))

    def find(self, architecture: str, formats: list[str]) -> AgentImage | None:
        """The image in the first format there is one for."""
        for wanted in formats:
            if wanted == Format.ISO and (iso := self._url(ISO, architecture)):
                return AgentImage(format=wanted, image_url=iso)
            ramdisk, kernel = self._url(RAMDISK, architecture), self._url(KERNEL, architecture)
            if wanted == Format.INITRD and ramdisk and kernel:
                return AgentImage(format=wanted, image_url=ramdisk, kernel_url=kernel)
        return None

    def _url(self, name: str, architecture: str) -> str:
        own = self.environment.get(f"{name}_{architecture.upper()}")
        table = self.environment.get(f"{name.removesuffix('_URL')}_BY_ARCH", "")
        return own or _from_table(table, architecture) or self.environment.get(name, "")


def _from_table(text: str, architecture: str) -> str:
    """``arch:url`` pairs; a URL may hold colons, but no comma."""
    pairs = (entry.strip().partition(":") for entry in text.split(","))
    return next((url for name, _, url in pairs if name == architecture), "")
