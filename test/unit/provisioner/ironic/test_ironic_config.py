"""Reading the environment: every mistake is named by its variable."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from metal3.provisioner import Backend
from metal3.provisioner.ironic import ConfigurationError, new_factory
from metal3.provisioner.ironic._config import read_config

PAGE = Path(__file__).parents[4] / "docs/baremetal.md"
TLS_FILES = ("IRONIC_CACERT_FILE", "IRONIC_CLIENT_CERT_FILE", "IRONIC_CLIENT_PRIVATE_KEY_FILE")
GOOD = {"IRONIC_ENDPOINT": "http://ironic:6385/v1/", "DEPLOY_ISO_URL": "http://i/ipa.iso"}


def test_defaults():
    """What upstream's documentation promises."""
    config = read_config(GOOD)
    assert config.endpoint == "http://ironic:6385"
    assert config.timeout == timedelta(seconds=30)
    assert config.cache_ttl == timedelta(seconds=5)
    assert config.provisioning_limit == 20
    assert config.direct_force_persistent_boot == "Default"
    assert not config.login


def test_everything_set():
    """In Go's notation, as existing deployments have it."""
    config = read_config(
        GOOD
        | {
            "IRONIC_CLIENT_TIMEOUT": "1m30s",
            "IRONIC_CLIENT_CACHE_TTL": "0",
            "PROVISIONING_LIMIT": "5",
            "IRONIC_INSECURE": "True",
            "IRONIC_SKIP_CLIENT_SAN_VERIFY": "t",
            "LIVE_ISO_FORCE_PERSISTENT_BOOT_DEVICE": "Never",
            "PROVISIONING_NETWORK_DISABLED": "true",
            "IRONIC_EXTERNAL_URL_V6": "http://[2001:db8::1]:6180",
        }
    )
    assert config.timeout == timedelta(seconds=90)
    assert config.cache_ttl == timedelta(0)
    assert config.provisioning_limit == 5
    assert config.tls.insecure is True
    assert config.tls.skip_hostname_verification is True
    assert config.live_iso_force_persistent_boot == "Never"
    assert config.provisioning_network_disabled is True
    assert config.external_url_v6 == "http://[2001:db8::1]:6180"


def test_certificates_from_files(tmp_path):
    """Elsewhere than where Deployments usually mount them."""
    files = {}
    for variable in TLS_FILES:
        files[variable] = tmp_path / variable
        files[variable].touch()
    tls = read_config(GOOD | {name: str(path) for name, path in files.items()}).tls
    assert [tls.ca, tls.client_certificate, tls.client_key] == list(files.values())
    usual = read_config(GOOD).tls
    assert [str(usual.ca), str(usual.client_certificate), str(usual.client_key)] == [
        "/opt/metal3/certs/ca/tls.crt",
        "/opt/metal3/certs/client/tls.crt",
        "/opt/metal3/certs/client/tls.key",
    ]


class Asked(dict[str, str]):
    """An environment that remembers which variables were asked for."""

    def __init__(self, variables):
        super().__init__(variables)
        self.names = set()

    def get(self, name, *default):
        """Look up, and remember."""
        self.names.add(name)
        return super().get(name, *default)


def test_every_variable_is_on_the_page():
    """What can be set can be found out."""
    direct, by_name = Asked(GOOD), Asked(GOOD | {"IRONIC_NAME": "a", "POD_NAMESPACE": "b"})
    read_config(direct)
    read_config(by_name)
    own = {"BUILD_PREPROVISIONING_IMAGE"}  # how a flag of the manager reaches the backend
    page = set(re.findall(r"[A-Z][A-Z0-9_]+", PAGE.read_text()))
    assert (direct.names | by_name.names) - page == own


def test_login_from_files(tmp_path):
    """Both files are needed, and blanks around them do not count."""
    folder = tmp_path / "ironic"
    folder.mkdir()
    (folder / "username").write_text("admin\n")
    environment = GOOD | {"METAL3_AUTH_ROOT_DIR": str(tmp_path)}
    with pytest.raises(ConfigurationError, match="METAL3_AUTH_ROOT_DIR"):
        read_config(environment)
    (folder / "password").write_text("secret\n")
    login = read_config(environment).login
    assert (login.username, login.password) == ("admin", "secret")
    assert "secret" not in repr(read_config(environment))


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"IRONIC_ENDPOINT": ""}, "IRONIC_ENDPOINT"),
        ({"IRONIC_ENDPOINT": "ironic:6385"}, "IRONIC_ENDPOINT"),
        ({"IRONIC_ENDPOINT": "http://u:p@ironic"}, "METAL3_AUTH_ROOT_DIR"),
        ({"IRONIC_ENDPOINT": "", "IRONIC_NAME": "ironic"}, "IRONIC_NAMESPACE"),
        ({"IRONIC_NAME": "ironic", "WATCH_NAMESPACE": "a,b"}, "IRONIC_NAMESPACE"),
        ({"IRONIC_CLIENT_TIMEOUT": "soon"}, "IRONIC_CLIENT_TIMEOUT"),
        ({"IRONIC_CLIENT_CACHE_TTL": "5x"}, "IRONIC_CLIENT_CACHE_TTL"),
        ({"PROVISIONING_LIMIT": "0"}, "PROVISIONING_LIMIT"),
        ({"PROVISIONING_LIMIT": "-3"}, "PROVISIONING_LIMIT"),
        ({"IRONIC_INSECURE": "perhaps"}, "IRONIC_INSECURE"),
        ({"IRONIC_CACERT_FILE": "/does/not/exist"}, "IRONIC_CACERT_FILE"),
        ({"DEPLOY_ISO_URL": ""}, "DEPLOY_ISO_URL"),
        ({"IRONIC_NOTIFICATIONS_ADDR": "9099"}, "IRONIC_NOTIFICATIONS_ADDR"),
        ({"DEPLOY_KERNEL_URL": "http://k"}, "DEPLOY_RAMDISK_URL"),
        (
            {"DIRECT_DEPLOY_FORCE_PERSISTENT_BOOT_DEVICE": "often"},
            "DIRECT_DEPLOY_FORCE_PERSISTENT_BOOT_DEVICE",
        ),
    ],
)
def test_mistakes_are_named(change, variable):
    """At start, not at the first host."""
    with pytest.raises(ConfigurationError, match=variable):
        read_config(GOOD | change)


def test_images_may_be_missing_when_they_are_built():
    """Each host then gets one of its own."""
    environment = {"IRONIC_ENDPOINT": "http://ironic", "BUILD_PREPROVISIONING_IMAGE": "true"}
    assert read_config(environment).build_preprovisioning_images is True


async def test_the_factory_makes_no_request():
    """A manager can be built while Ironic is down."""
    backend = new_factory(GOOD)
    seam: Backend = backend
    assert seam is backend
    assert backend.client.requests.total() == 0


@pytest.mark.parametrize(
    ("text", "host", "port"), [("127.0.0.1:9099", "127.0.0.1", 9099), ("[::1]:0", "::1", 0)]
)
def test_where_notifications_are_heard(text, host, port):
    """Off unless it is set."""
    assert read_config(GOOD).notifications is None
    assert read_config(GOOD | {"IRONIC_NOTIFICATIONS_ADDR": text}).notifications == (host, port)


@pytest.mark.parametrize("text", ["0.0.0.0:9099", "[::]:9099", "ironic-events:9099"])
def test_strangers_need_a_token(text, tmp_path):
    """An address that others can reach is refused until there is one."""
    variables = GOOD | {"IRONIC_NOTIFICATIONS_ADDR": text}
    with pytest.raises(ConfigurationError, match="IRONIC_NOTIFICATIONS_TOKEN_FILE"):
        read_config(variables)
    token = tmp_path / "token"
    token.write_text("\n")
    variables["IRONIC_NOTIFICATIONS_TOKEN_FILE"] = str(token)
    with pytest.raises(ConfigurationError, match="holds no token"):
        read_config(variables)
    token.write_text("t0ken\n")
    assert read_config(variables).notifications_token_file == token
