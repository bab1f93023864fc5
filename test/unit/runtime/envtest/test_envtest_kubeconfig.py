"""Kubeconfig files, read back as their users read them."""

import stat
from pathlib import Path

import yaml
from kubernetes.client import Configuration
from kubernetes.config.kube_config import KubeConfigLoader

from metal3.runtime.envtest._certs import CertificateAuthority
from metal3.runtime.envtest._kubeconfig import Credentials, write_kubeconfig

AUTHORITY = CertificateAuthority("test")


def load(path) -> Configuration:
    """Read a kubeconfig with the official client."""
    loaded = Configuration()
    loader = KubeConfigLoader(yaml.safe_load(path.read_text()), config_base_path=str(path.parent))
    loader.load_and_set(loaded)
    return loaded


def test_a_client_certificate_travels_inside_the_file(tmp_path):
    """The file alone is enough: server, authority, certificate and key."""
    pair = AUTHORITY.client("alice")
    user = Credentials(name="alice", key_pair=pair)
    path = write_kubeconfig(
        tmp_path / "deep" / "kc", url="https://127.0.0.1:1", ca=AUTHORITY.certificate, user=user
    )
    loaded = load(path)
    assert loaded.host == "https://127.0.0.1:1"
    assert Path(str(loaded.key_file)).read_bytes() == pair.key
    assert Path(str(loaded.ssl_ca_cert)).read_bytes() == AUTHORITY.certificate


def test_a_token_is_sent_as_a_bearer(tmp_path):
    """A server with tokens gets one, and only the owner can read the file."""
    user = Credentials(name="admin", token="s3cret")
    path = write_kubeconfig(tmp_path / "kc", url="https://x", ca=b"ca", user=user)
    assert load(path).api_key == {"BearerToken": "Bearer s3cret"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_credentials_do_not_show_themselves():
    """A failing test prints its locals; the token is not among them."""
    assert "s3cret" not in repr(Credentials(name="admin", token="s3cret"))
