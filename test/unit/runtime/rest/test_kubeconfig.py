"""Finding and reading kubeconfigs: precedence, merging, and messages that help without telling."""

import base64
import subprocess
import sys
import traceback
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from metal3.runtime.rest import Config, ConfigError, TokenFile, load_config

SECRET = "s3cr3t-t0ken"
NOTHING = {"HOME": "/nonexistent"}


def b64(text):
    """Text as kubeconfigs hold it."""
    return base64.b64encode(text.encode()).decode()


def kubeconfig(**parts):
    """A whole kubeconfig; ``cluster``, ``user``, ``context`` replace the inner maps."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [
            {"name": "lab", "context": parts.get("context", {"cluster": "c", "user": "u"})}
        ],
        "clusters": [
            {"name": "c", "cluster": parts.get("cluster", {"server": "https://api:6443"})}
        ],
        "users": [{"name": "u", "user": parts.get("user", {"token": SECRET})}],
        **parts.get("top", {}),
    }


@pytest.fixture
def write(tmp_path):
    """Writes a kubeconfig and gives its path."""

    def write(data, name="config"):
        path = tmp_path / name
        path.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
        return path

    return write


async def test_everything_a_kubeconfig_can_say(write):
    """Server, trust, identity, namespace and proxy end up in the Config."""
    cluster = {
        "server": "https://api:6443/",
        "certificate-authority-data": b64("the ca"),
        "tls-server-name": "kubernetes",
        "proxy-url": "http://proxy:3128",
    }
    user = {"client-certificate-data": b64("cert"), "client-key-data": b64(SECRET), "token": "tok"}
    context = {"cluster": "c", "user": "u", "namespace": "metal3"}
    config = load_config(write(kubeconfig(cluster=cluster, user=user, context=context)))
    assert (config.host, config.namespace, config.proxy) == (
        "https://api:6443",
        "metal3",
        "http://proxy:3128",
    )
    assert (config.tls.ca, config.tls.cert, config.tls.key) == (b"the ca", b"cert", SECRET.encode())
    assert config.tls.server_name == "kubernetes"
    assert (await config.auth.credential()).header == "Bearer tok"
    assert SECRET not in repr(config)


async def test_basic_authentication_and_none(write):
    """User and password are still understood; no user is nobody."""
    config = load_config(write(kubeconfig(user={"username": "a", "password": SECRET})))
    assert (await config.auth.credential()).header == f"Basic {b64(f'a:{SECRET}')}"
    assert SECRET not in repr(config)
    config = load_config(write(kubeconfig(context={"cluster": "c"})))
    assert (await config.auth.credential()).header is None


def test_relative_files_are_next_to_the_kubeconfig(write, tmp_path):
    """As kubectl: relative to the file that names them."""
    (tmp_path / "ca.pem").write_text("the ca")
    config = load_config(
        write(
            kubeconfig(cluster={"server": "https://api", "certificate-authority": "ca.pem"}),
        )
    )
    assert config.tls.ca_file == tmp_path / "ca.pem"


BROKEN = [
    pytest.param(f"token: {SECRET}: :\n\t- x", "not YAML", id="no yaml"),
    pytest.param(f"[{SECRET}]", "the top must be a map", id="a list"),
    pytest.param(SECRET, "the top must be a map", id="text"),
    pytest.param("", "the top must be a map", id="empty"),
    pytest.param(kubeconfig(top={"current-context": ""}), "current-context", id="no context"),
    pytest.param(
        kubeconfig(top={"current-context": "x"}), "contexts: there is no 'x'", id="unknown"
    ),
    pytest.param(kubeconfig(top={"contexts": {"a": SECRET}}), "contexts: must be a list", id="map"),
    pytest.param(kubeconfig(top={"users": [SECRET]}), r"users\[0\]: must be a map", id="item"),
    pytest.param(kubeconfig(context={"cluster": "x"}), r"contexts\[lab\].context.cluster", id="cl"),
    pytest.param(kubeconfig(context={"cluster": "c", "user": "x"}), "there is no user", id="user"),
    pytest.param(kubeconfig(cluster={}), r"clusters\[c\].cluster.server: is missing", id="server"),
    pytest.param(
        kubeconfig(cluster={"server": "api:6443"}), "server: must be an http", id="scheme"
    ),
    pytest.param(kubeconfig(cluster={"server": "https://a:x"}), "server: is no URL", id="port"),
    pytest.param(kubeconfig(cluster={"server": 7}), "server: must be text", id="number"),
    pytest.param(
        kubeconfig(cluster={"server": "https://a", "insecure-skip-tls-verify": "no"}),
        "insecure-skip-tls-verify: must be true or false",
        id="flag",
    ),
    pytest.param(
        kubeconfig(cluster={"server": "https://a", "proxy-url": "socks5://p"}),
        "proxy-url: must be an http",
        id="proxy",
    ),
    pytest.param(
        kubeconfig(cluster={"server": "https://a", "certificate-authority": "no.pem"}),
        "certificate-authority: no such file",
        id="file",
    ),
    pytest.param(kubeconfig(user={"token": [SECRET]}), "token: must be text", id="token"),
    pytest.param(
        kubeconfig(user={"client-key-data": SECRET}), "client-key-data: is not base64", id="base64"
    ),
    pytest.param(
        kubeconfig(user={"client-key-data": b64(SECRET)}), "needed together", id="key alone"
    ),
    pytest.param(
        kubeconfig(user={"exec": {"command": "x", "env": [{"name": "T", "value": SECRET}]}}),
        r"users\[u\].user.exec.apiVersion: is missing",
        id="exec",
    ),
    pytest.param("x: " + "y" * 5_000_000, "larger than", id="huge"),
]


@pytest.mark.parametrize(("data", "message"), BROKEN)
def test_a_broken_kubeconfig_names_file_and_field(write, data, message):
    """The message says where to look, and nothing secret is in it or its chain."""
    path = write(data)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))
    assert SECRET not in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_missing_or_unreadable_file_is_named(tmp_path):
    """No traceback for a wrong path, or a folder."""
    for path in (tmp_path / "no", tmp_path):
        with pytest.raises(ConfigError, match=str(path)):
            load_config(path)


async def test_the_first_file_wins_and_missing_ones_are_skipped(write, tmp_path):
    """$KUBECONFIG merges as kubectl does."""
    one = write({"current-context": "lab", "users": [{"name": "u", "user": {"token": "1"}}]}, "one")
    two = write(kubeconfig(), "two")
    environ = {"KUBECONFIG": f"{tmp_path / 'no'}:{one}:{two}"}
    config = load_config(environ=environ)
    assert config.host == "https://api:6443"
    assert repr(config.auth) == "BearerToken()"
    assert (await config.auth.credential()).header == "Bearer 1"


def test_a_context_may_be_asked_for(write):
    """An explicit context is used in place of the current one."""
    data = kubeconfig(top={"current-context": "other"})
    assert load_config(write(data), "lab").host == "https://api:6443"


@pytest.fixture
def pod(tmp_path):
    """The files every pod has."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    for name, text in (("token", f"{SECRET}\n"), ("ca.crt", "ca"), ("namespace", "metal3\n")):
        (folder / name).write_text(text)
    return folder


IN_POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


async def test_in_a_pod(pod):
    """Host from the environment, identity from the mounted files."""
    config = load_config(environ=NOTHING | IN_POD, service_account=pod)
    assert (config.host, config.namespace) == ("https://10.0.0.1:443", "metal3")
    assert (await config.auth.credential()).header == f"Bearer {SECRET}"
    six = load_config(environ=IN_POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, service_account=pod)
    assert six.host == "https://[fd00::1]:443"


def test_a_pod_without_its_token_says_so(pod):
    """A missing mount is named."""
    (pod / "token").unlink()
    with pytest.raises(ConfigError, match="token: no such file"):
        load_config(environ=NOTHING | IN_POD, service_account=pod)


def test_precedence(write, pod, tmp_path):
    """Asked for, $KUBECONFIG, pod, home: the first that is there."""

    def named(host, path):
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(kubeconfig(cluster={"server": f"http://{host}"})))
        return path

    home = named("home", tmp_path / ".kube" / "config")
    asked, listed = named("asked", tmp_path / "a"), named("listed", tmp_path / "l")
    environ = {"HOME": str(tmp_path)}
    assert home.exists()
    assert load_config(environ=environ, service_account=pod).host == "http://home"
    environ |= IN_POD
    assert load_config(environ=environ, service_account=pod).host == "https://10.0.0.1:443"
    environ |= {"KUBECONFIG": str(listed)}
    assert load_config(environ=environ, service_account=pod).host == "http://listed"
    assert load_config(asked, environ=environ, service_account=pod).host == "http://asked"


def test_nothing_at_all_says_what_was_looked_for():
    """The message lists the places."""
    with pytest.raises(ConfigError, match="no kubeconfig given, not in a pod"):
        load_config(environ=NOTHING)


def test_a_token_file_is_read_when_needed(write, tmp_path):
    """The file is not read at load: it may be renewed."""
    (tmp_path / "token").write_text(SECRET)
    config = load_config(write(kubeconfig(user={"tokenFile": "token"})))
    assert isinstance(config.auth, TokenFile)


def test_plain_configurations_do_not_load_the_kubernetes_package(write):
    """It costs 17 MB; only plugins and auth-providers pay for it."""
    program = (
        "import sys; from metal3.runtime.rest import load_config; from metal3.runtime import cache;"
        "load_config(sys.argv[1]); sys.exit('kubernetes' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(write(kubeconfig()))], check=True)  # noqa: S603  (our own program)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
FIELDS = [
    "server", "token", "exec", "auth-provider", "certificate-authority-data", "client-key-data",
    "client-certificate", "tls-server-name", "proxy-url", "username", "tokenFile",
]  # fmt: skip


@given(
    inner=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
    section=st.sampled_from(["cluster", "user", "context", "top"]),
    replaced=st.sampled_from(["", "contexts", "clusters", "users", "current-context"]),
    value=JSON,
)
def test_any_shape_gives_a_config_or_a_config_error(
    tmp_path_factory, inner, section, replaced, value
):
    """No malformed kubeconfig ends in another exception."""
    data = kubeconfig(**{section: {**inner, **({replaced: value} if section == "top" else {})}})
    path = tmp_path_factory.mktemp("any") / "config"
    path.write_text(yaml.safe_dump(data))
    with suppress(ConfigError):
        assert isinstance(load_config(path), Config)
