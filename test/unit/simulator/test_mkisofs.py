"""The stand-in for mkisofs makes images that can be read back by their long names."""

import io
import json

import pycdlib
import pytest

from metal3.simulator import _kernel_params, _mkisofs

CONFIG_DRIVE_FLAGS = [
    "-ldots",
    "-allow-lowercase",
    "-allow-multidot",
    "-l",
    "-publisher",
    "Ironic",
    "-quiet",
    "-J",
    "-r",
    "-V",
    "config-2",
]


def read(image, path, kind):
    """A file's content, by its Rock Ridge or Joliet path, and the image's label."""
    iso = pycdlib.PyCdlib()
    iso.open(str(image))
    content = io.BytesIO()
    iso.get_file_from_iso_fp(content, **{f"{kind}_path": path})
    label = iso.pvd.volume_identifier.decode().strip()
    iso.close()
    return content.getvalue(), label


@pytest.fixture
def drive(tmp_path):
    """A folder as Ironic prepares it for a config drive."""
    latest = tmp_path / "drive/openstack/latest"
    latest.mkdir(parents=True)
    (latest / "meta_data.json").write_text(json.dumps({"hostname": "first"}))
    (latest / "user_data").write_text("#cloud-config\n")
    (tmp_path / "drive/openstack/content").mkdir()
    return tmp_path / "drive"


@pytest.mark.parametrize("kind", ["rr", "joliet"])
def test_a_config_drive_keeps_names_content_and_label(drive, tmp_path, kind):
    """cloud-init looks for the label config-2 and for these very names."""
    image = tmp_path / "drive.iso"
    assert _mkisofs.main(["-o", str(image), *CONFIG_DRIVE_FLAGS, str(drive)]) == 0
    content, label = read(image, "/openstack/latest/meta_data.json", kind)
    assert json.loads(content) == {"hostname": "first"}
    assert label == "config-2"


def test_a_boot_medium_tells_the_ramdisk_its_parameters(tmp_path):
    """What Ironic writes into the boot loader's configuration reaches the agent."""
    source = tmp_path / "iso"
    (source / "EFI/BOOT").mkdir(parents=True)
    (source / "boot").mkdir()
    (source / "boot/efiboot.img").write_bytes(bytes(4096))
    token = "t" * 40
    (source / "EFI/BOOT/grub.cfg").write_text(
        f"menuentry x {{\n  linux /vmlinuz text ipa-api-url=http://a ipa-agent-token={token}\n}}\n"
    )
    image = tmp_path / "boot.iso"
    flags = ["-r", "-V", "VMEDIA_BOOT_ISO", "-l", "-e", "boot/efiboot.img", "-no-emul-boot", "-o"]
    assert _mkisofs.main([*flags, str(image), str(source)]) == 0
    params = _kernel_params.from_iso(image)
    assert params == {"ipa-api-url": "http://a", "ipa-agent-token": token}


def test_a_missing_folder_is_an_error_code(tmp_path, capsys):
    """Ironic shows what the tool printed."""
    code = _mkisofs.main(["-o", str(tmp_path / "x.iso"), str(tmp_path / "nothing")])
    assert code == 1
    assert "no folder" in capsys.readouterr().err
