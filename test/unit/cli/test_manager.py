"""What ``metal3 manager`` answers when it cannot start."""

import sys
from importlib.abc import MetaPathFinder

import pytest

from metal3.cli import main

NOWHERE = "http://127.0.0.1:1"
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "%s"}}]
users: [{name: u, user: {token: sesame}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
"""


class Without(MetaPathFinder):
    """An environment in which importing ``module`` ends at a package that is not there."""

    def __init__(self, module, missing):
        self.module, self.missing = module, missing

    def find_spec(self, fullname, path, target=None):
        """Fail as the import system does."""
        if fullname == self.module:
            raise ModuleNotFoundError(f"No module named {self.missing!r}", name=self.missing)


@pytest.fixture
def kubeconfig(tmp_path):
    """A sound kubeconfig of a cluster that is not there."""
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG % NOWHERE)
    return path


def ended_with(argv):
    """The exit code."""
    try:
        return main(argv)
    except SystemExit as stopped:
        return stopped.code


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["manager", "--operators=baremetal,toaster"], 1, "toaster"),
        (["manager", "--operators="], 1, "none given"),
        (["manager", "--kubeconfig=/nowhere/at/all"], 1, "/nowhere/at/all"),
        (["manager", "--webhook-cert-dir=/nowhere"], 1, "/nowhere"),
        (["--webhook-port=x"], 2, "port"),
        (["manager", "words"], 2, "words"),
        (["toast"], 2, "toast"),
        ([], 2, ""),
    ],
)
def test_a_start_that_cannot_work_ends_with_one_line(argv, code, words, kubeconfig, capsys):
    """The code is for scripts, the line for people; no traceback."""
    if argv[:1] == ["manager"] and not any("kubeconfig" in word for word in argv):
        argv = [*argv, f"--kubeconfig={kubeconfig}"]
    ended = ended_with(argv)
    said = capsys.readouterr().err
    assert ended == code
    assert words in said
    assert "Traceback" not in said


def test_a_malformed_kubeconfig_is_named_and_its_token_kept(tmp_path, capsys):
    """The file and the field are told, never what is in it."""
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG.replace("cluster: c,", "cluster: other,") % NOWHERE)
    assert main(["manager", f"--kubeconfig={path}", "--webhook-port=0"]) == 1
    said = capsys.readouterr().err
    assert str(path) in said
    assert "sesame" not in said


def test_every_command_has_help(capsys):
    """--help ends with 0 and names the flags."""
    for command in ("manager", "apiserver", "demo", "version"):
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0
        assert "--" in capsys.readouterr().out


def test_versions_are_printed_for_scripts(capsys):
    """-o json is one object."""
    assert main(["version", "-o", "json"]) == 0
    assert '"metal3": "' in capsys.readouterr().out


def test_a_part_that_is_not_installed_is_named(monkeypatch, capsys):
    """The demo's parts are an extra; a user without it is told how to get it."""
    for module in ("metal3.cli.demo", "metal3.cli._demo_run", "metal3.simulator"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Without("metal3.simulator", "bcrypt"), *sys.meta_path])
    assert main(["demo", "--exit"]) == 1
    assert "metal3[demo]" in capsys.readouterr().err
