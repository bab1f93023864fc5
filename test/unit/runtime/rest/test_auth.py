"""Credentials: renewed when due, asked for once, never shown."""

import asyncio
import json
import stat
import sys
from datetime import timedelta

import pytest

from metal3.runtime.rest import TokenFile, UnauthorizedError, load_config

SECRET = "s3cr3t-t0ken"


@pytest.mark.looptime(start=0)
async def test_a_token_file_is_read_again_after_a_minute_or_on_refusal(tmp_path):
    """The kubelet renews it in place; nobody has to restart."""
    path = tmp_path / "token"
    path.write_text("one\n")
    auth = TokenFile(path)

    async def header(**options):
        return (await auth.credential(**options)).header

    assert await header() == "Bearer one"
    path.write_text("two")
    assert await header() == "Bearer one"
    assert await header(refresh=True) == "Bearer two"
    path.write_text("three")
    await asyncio.sleep(61)
    assert await header() == "Bearer three"


@pytest.mark.looptime(start=0)
async def test_a_token_file_that_vanishes_leaves_the_old_token(tmp_path):
    """Renewal by remove and create must not fail a request; never having had one does."""
    path = tmp_path / "token"
    auth = TokenFile(path)
    with pytest.raises(UnauthorizedError, match=str(path)):
        await auth.credential()
    path.write_text(SECRET)
    await auth.credential()
    path.unlink()
    assert (await auth.credential(refresh=True)).header == f"Bearer {SECRET}"
    assert SECRET not in repr(auth)
    path.write_text(" \n")
    assert (await auth.credential(refresh=True)).header == f"Bearer {SECRET}"


PLUGIN = """#!{python}
import json, os, pathlib, sys
counter = pathlib.Path(__file__).with_suffix(".count")
count = int(counter.read_text()) + 1 if counter.exists() else 1
counter.write_text(str(count))
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert info["kind"] == "ExecCredential"
sys.stderr.write("{secret}")
{body}
"""


@pytest.fixture
def plugin(tmp_path):
    """Gives the auth of a kubeconfig whose plugin runs ``body``; it counts its runs."""

    def make(body):
        script = tmp_path / "plugin.py"
        script.write_text(PLUGIN.format(python=sys.executable, secret=SECRET, body=body))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin.py"}}
        config = {
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "clusters": [{"name": "x", "cluster": {"server": "https://x"}}],
            "users": [{"name": "x", "user": user}],
        }
        path = tmp_path / "config"
        path.write_text(json.dumps(config))
        return load_config(path).auth

    return make


def status(**fields):
    """A plugin's body that prints this status; COUNT stands for the number of the run."""
    return (
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1',"
        f"'kind': 'ExecCredential', 'status': {fields!r}}}).replace('COUNT', str(count)))"
    )


async def test_a_plugin_is_run_once_until_its_token_is_refused(plugin):
    """Many requests at once ask once; a refusal asks again, once."""
    auth = plugin(status(token="t-COUNT"))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(auth.credential()) for _ in range(5)]
    assert {task.result().header for task in tasks} == {"Bearer t-1"}
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(auth.credential(refresh=True)) for _ in range(5)]
    assert {task.result().header for task in tasks} == {"Bearer t-2"}


async def test_an_expired_token_is_renewed(plugin):
    """The expiry a plugin names is kept to."""
    auth = plugin(status(token="t-COUNT", expirationTimestamp="2001-01-01T00:00:00Z"))
    assert (await auth.credential()).header == "Bearer t-1"
    assert (await auth.credential()).header == "Bearer t-2"


async def test_a_plugin_may_give_a_certificate(plugin):
    """Certificate and key in place of a token."""
    auth = plugin(status(clientCertificateData="CERT", clientKeyData="KEY"))
    credential = await auth.credential()
    assert credential.certificate == (b"CERT", b"KEY")
    assert "KEY" not in repr(credential)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit(1)", "failed"),
        (f"print('{SECRET}')", "failed"),
        ("print('{}')", "failed"),
        ("print('[]')", "failed"),
        (status(), "neither token nor certificate"),
    ],
)
async def test_a_failing_plugin_is_named_and_its_output_is_not_shown(plugin, body, message):
    """What it printed may be a token."""
    with pytest.raises(UnauthorizedError, match=message) as caught:
        await plugin(body).credential()
    assert "plugin.py" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


async def test_a_plugin_that_hangs_is_given_up(plugin):
    """The wait is bounded."""
    auth = plugin("import time; time.sleep(1)")
    auth.timeout = timedelta(0)
    with pytest.raises(UnauthorizedError, match="no answer"):
        await auth.credential()


async def test_an_oidc_token_is_used(tmp_path):
    """The older auth-provider entries work through the kubernetes package."""
    jwt = "e30.e30.e30"
    provider = {"name": "oidc", "config": {"id-token": jwt}}
    config = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": "https://x"}}],
        "users": [{"name": "x", "user": {"auth-provider": provider}}],
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    assert (await load_config(path).auth.credential()).header == f"Bearer {jwt}"
