"""``metal3 host``: what it prints can be applied, and what the API would refuse it does not print."""

import base64
import json

import pytest
import yaml

from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.cli import main
from metal3.controllers.baremetal.webhooks import host_errors

ADDRESS = "redfish-virtualmedia+https://10.0.0.7/redfish/v1/Systems/1"
COMMAND = ("host", "--name=node-0", f"--address={ADDRESS}", "--user=admin")


def test_a_secret_and_a_host_are_printed(capsys):
    """Both in one stream, for kubectl apply -f -."""
    mac = "--boot-mac=52:54:00:00:00:01"
    assert main([*COMMAND, "-password=change-me", mac, "-n", "metal3"]) == 0
    secret, host = yaml.safe_load_all(capsys.readouterr().out)
    assert secret["metadata"] == {"name": "node-0-bmc", "namespace": "metal3"}
    assert base64.b64decode(secret["data"]["password"]) == b"change-me"
    assert host["spec"]["bmc"] == {"address": ADDRESS, "credentialsName": "node-0-bmc"}
    assert not host_errors(metal3api.BareMetalHost.from_dict(host))


def test_as_json_it_is_one_list_with_the_image(capsys):
    """For jq and the like."""
    image = ["--image=http://images/a.qcow2", "--checksum=http://images/SUMS"]
    assert main([*COMMAND, *image, "-o=json"]) == 0
    secret, host = json.loads(capsys.readouterr().out)["items"]
    assert (secret["kind"], host["kind"]) == ("Secret", "BareMetalHost")
    assert host["spec"]["image"] == {
        "url": "http://images/a.qcow2",
        "checksum": "http://images/SUMS",
    }


def test_the_password_may_come_from_a_file_or_the_environment(capsys, tmp_path, monkeypatch):
    """So that no list of processes shows it; the line's end is no part of it."""
    file = tmp_path / "password"
    file.write_text("from-a-file\n")
    monkeypatch.setenv("METAL3_BMC_PASSWORD", "from-the-environment")
    for more, wanted in (
        ([f"--password-file={file}"], b"from-a-file"),
        ([], b"from-the-environment"),
    ):
        assert main([*COMMAND, *more]) == 0
        secret, _ = yaml.safe_load_all(capsys.readouterr().out)
        assert base64.b64decode(secret["data"]["password"]) == wanted


def test_what_the_api_would_refuse_is_refused_here(capsys):
    """With the field's path, and nothing on standard output."""
    assert main(["host", "--name=node-0", "--address=carrier-pigeon://loft"]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert "spec.bmc.address" in err
    assert "carrier-pigeon" in err


@pytest.mark.parametrize("missing", ["name", "address"])
def test_a_host_needs_a_name_and_an_address(capsys, missing):
    """Wrong usage, in one line."""
    with pytest.raises(SystemExit) as left:
        main([word for word in COMMAND if not word.startswith(f"--{missing}")])
    assert left.value.code == 2
    assert f"--{missing} is needed" in capsys.readouterr().err


def test_a_missing_file_is_named(capsys):
    """And nothing is printed."""
    assert main([*COMMAND, "--password-file=/nowhere/password"]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert "/nowhere/password: No such file" in err
