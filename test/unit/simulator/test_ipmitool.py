"""The stand-in for ipmitool prints what Ironic reads."""

import pytest

from metal3.simulator import _ipmitool
from metal3.simulator._ipmitool import IPMIError, run


class BMC:
    """A BMC as pyghmi's client presents it."""

    def __init__(self):
        self.power = "off"
        self.device = "default"
        self.raw = []

    def get_power(self):
        """The power state."""
        return {"powerstate": self.power}

    def set_power(self, state):
        """Accepted, or refused."""
        if state == "reset" and self.power == "off":
            return {"error": "command cannot be executed"}
        self.power = state
        return {"pendingpowerstate": state}

    def get_bootdev(self):
        """The boot device."""
        return {"bootdev": self.device}

    def set_bootdev(self, device, persist):
        """A new boot device."""
        self.device = device
        return {"bootdev": device}

    def raw_command(self, netfn, command, data):
        """Whatever was asked for."""
        self.raw.append((netfn, command, data))
        return {"data": [0x51]}


@pytest.fixture
def bmc():
    """The BMC."""
    return BMC()


def test_power_is_read_and_changed(bmc):
    """Ironic compares these very lines."""
    assert run(bmc, ["power", "status"]) == "Chassis Power is off\n"
    run(bmc, ["power", "on"])
    assert run(bmc, ["power", "status"]) == "Chassis Power is on\n"


def test_the_boot_device_is_read_and_changed(bmc):
    """By the words that Ironic looks for."""
    run(bmc, ["chassis", "bootdev", "pxe", "options=persistent"])
    assert "Boot Device Selector : Force PXE\n" in run(bmc, ["chassis", "bootparam", "get", "5"])


def test_raw_bytes_go_through(bmc):
    """UEFI boot devices are set this way."""
    words = ["raw", "0x00", "0x08", "0x05", "0xe0", "0x04"]
    assert run(bmc, words) == " 51\n"
    assert bmc.raw == [(0, 8, [5, 0xE0, 4])]


@pytest.mark.parametrize("command", [["power", "reset"], ["make", "coffee"], []])
def test_a_refusal_is_an_error(bmc, command):
    """Of the BMC, or of a command that is not known."""
    with pytest.raises(IPMIError):
        run(bmc, command)


def test_options_are_probed_without_a_bmc():
    """Ironic asks for help at start, to see which options there are."""
    assert _ipmitool.main(["-m", "0", "-b", "0", "-t", "0", "-B", "0", "-T", "0", "-h"]) == 0
    with pytest.raises(SystemExit):
        _ipmitool.main(["--coffee"])
