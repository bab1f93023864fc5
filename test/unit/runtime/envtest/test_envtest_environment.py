"""Choosing an environment; running one is in test/integration/test_envtest.py."""

import pytest

from metal3.runtime.envtest import ENV_API, BinariesNotFoundError, Environment, EnvtestError


def test_the_variable_chooses_the_server(monkeypatch):
    """One suite runs on either server; what a test states for itself wins."""
    monkeypatch.setenv(ENV_API, "kube")
    assert Environment().api == "kube"
    assert Environment(api="embedded").api == "embedded"
    monkeypatch.delenv(ENV_API)
    assert Environment().api == "embedded"


def test_an_unknown_server_is_refused(monkeypatch):
    """A typing error does not quietly test something else."""
    monkeypatch.setenv(ENV_API, "kubernetes")
    with pytest.raises(ValueError, match=f"{ENV_API}.*kubernetes"):
        Environment()


def test_flags_of_another_server_are_refused():
    """A flag is never silently without effect."""
    with pytest.raises(ValueError, match="kube-apiserver"):
        Environment(api="embedded", apiserver_flags=["--audit-log-path=-"])


def test_webhooks_have_to_be_asked_for():
    """Who serves webhooks that nobody calls is told so."""
    with pytest.raises(EnvtestError, match="without webhooks"):
        _ = Environment().webhook_serving


async def test_without_binaries_nothing_is_left(tmp_path, monkeypatch):
    """A start that fails removes its folder and says what is missing."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "none"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BinariesNotFoundError):
        async with Environment(api="kube"):
            pass
    assert list(tmp_path.iterdir()) == []
