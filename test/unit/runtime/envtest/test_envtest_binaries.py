"""Finding the built control plane."""

import pytest

from metal3.runtime.envtest import BinariesNotFoundError
from metal3.runtime.envtest._binaries import ENV_ASSETS, REQUIRED, find_binaries


def put_binaries(folder):
    """Make a folder look built."""
    folder.mkdir(parents=True)
    for name in REQUIRED:
        (folder / name).touch()
    return folder


def test_the_newest_version_of_the_checkout_is_taken(tmp_path, monkeypatch):
    """1.36.10 is newer than 1.36.9, and a folder half built is passed over."""
    monkeypatch.delenv(ENV_ASSETS, raising=False)
    monkeypatch.chdir(tmp_path)
    put_binaries(tmp_path / ".cache/envtest/1.36.9")
    newest = put_binaries(tmp_path / ".cache/envtest/1.36.10")
    (tmp_path / ".cache/envtest/1.37.0").mkdir()
    assert find_binaries() == newest


def test_the_fields_own_variable_wins(tmp_path, monkeypatch):
    """Who has a control plane for other tools points KUBEBUILDER_ASSETS at it."""
    elsewhere = put_binaries(tmp_path / "elsewhere")
    put_binaries(tmp_path / ".cache/envtest/9.9.9")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ENV_ASSETS, str(elsewhere))
    assert find_binaries() == elsewhere


def test_the_error_says_how_to_get_them(tmp_path, monkeypatch):
    """A person who reads the skip knows the next command."""
    monkeypatch.setenv(ENV_ASSETS, str(tmp_path))
    with pytest.raises(BinariesNotFoundError, match=r"kube-apiserver.*run hack/setup-envtest"):
        find_binaries()
