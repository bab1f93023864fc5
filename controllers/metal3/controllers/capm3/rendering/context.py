"""The objects a template may ask, and what it says when they have no answer."""

import re
from dataclasses import dataclass
from typing import Final

from metal3.api.cluster_x_k8s_io import v1beta2 as clusterv1
from metal3.api.infrastructure_cluster_x_k8s_io import v1beta2 as infrav1
from metal3.api.meta import v1 as metav1
from metal3.api.metal3_io import v1alpha1 as metal3api

_MAC: Final = re.compile(r"([0-9A-Fa-f]{2}[:-]){5}([0-9A-Fa-f]{2})")


class RenderError(ValueError):
    """The template cannot be rendered for this machine; the message says which part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """What stands behind one machine."""

    data: infrav1.Metal3Data
    machine: clusterv1.Machine
    metal3_machine: infrav1.Metal3Machine
    host: metal3api.BareMetalHost

    def named(self, word: str) -> metav1.Object:
        """By the word templates use; raises RenderError."""
        match word:
            case "machine":
                return self.machine
            case "metal3machine":
                return self.metal3_machine
            case "baremetalhost":
                return self.host
            case _:
                raise RenderError(f"unknown object {word!r}")

    def annotation(self, source: infrav1.FromAnnotation) -> str:
        """Its value; raises RenderError when it is missing or empty."""
        value = self.named(source.object).metadata.annotations.get(source.annotation)
        if not value:
            raise RenderError(f"annotation {source.annotation} not found on {source.object}")
        return value

    def mac_of_interface(self, name: str) -> str:
        """Of a network card in the hardware details; raises RenderError."""
        hardware = self.host.status.hardware
        if hardware is None or not hardware.nics:
            raise RenderError(f"NICs list not populated on host {self.host.metadata.name}")
        for nic in hardware.nics:
            if nic.name == name and nic.mac:
                return nic.mac
        raise RenderError(f"NIC name not found: {name} on host {self.host.metadata.name}")

    def boot_mac(self) -> str:
        """The host boots from this card; raises RenderError when that is not known."""
        if not self.host.spec.boot_mac_address:
            raise RenderError(f"bootMACAddress of host {self.host.metadata.name} is not set")
        return self.host.spec.boot_mac_address


def check_mac(text: str) -> str:
    """Raises RenderError unless it is one."""
    if not _MAC.fullmatch(text):
        raise RenderError(f"bad MAC address: {text!r}")
    return text
