"""What a boot learns from Ironic's scripts."""

import pytest

from metal3.simulator import _kernel_params

SCRIPT = """#!ipxe
:deploy
imgfree
kernel http://files/deploy_kernel nofb ipa-api-url=http://ironic BOOTIF=${mac} || goto retry
:boot_anaconda
kernel no_kernel inst.ks=x || goto boot_anaconda
"""


def test_a_network_boot_reads_the_script_of_its_mac(tmp_path):
    """Ironic names the script after the MAC address; the first kernel line counts."""
    (tmp_path / "52:54:00:00:00:00.conf").write_text(SCRIPT)
    params = _kernel_params.from_ipxe(tmp_path, "52:54:00:00:00:00")
    assert params["ipa-api-url"] == "http://ironic"
    assert "inst.ks" not in params
    assert _kernel_params.is_of_ramdisk(params)


def test_without_a_script_there_is_nothing_to_boot(tmp_path):
    """The firmware goes on to the disk then."""
    assert _kernel_params.from_ipxe(tmp_path, "52:54:00:00:00:00") == {}


@pytest.mark.parametrize("content", [b"", b"a simulated ramdisk\n", bytes(0x8001) + b"CD001"])
def test_what_is_no_iso_has_no_parameters(tmp_path, content):
    """Neither a short file nor a broken image stops the machine."""
    image = tmp_path / "x.iso"
    image.write_bytes(content)
    assert _kernel_params.from_iso(image) == {}
    assert _kernel_params.from_iso(tmp_path / "nothing.iso") == {}


def test_an_instances_own_kernel_is_no_ramdisk():
    """Only parameters for an agent make an agent."""
    assert not _kernel_params.is_of_ramdisk(_kernel_params.parse("linux /vmlinuz root=/dev/sda1"))
