"""Health and metrics over real sockets on the loopback interface."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import aiohttp
import pytest

from metal3 import ctrl
from metal3.api.authentication_k8s_io import v1 as authenticationv1
from metal3.api.authorization_k8s_io import v1 as authorizationv1
from metal3.runtime.client import ServiceUnavailableError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.manager import parse_address


@asynccontextmanager
async def _serving(client=None, **options):
    mgr, stop = (
        ctrl.Manager(client or FakeClient(), ctrl.ManagerOptions(**options)),
        asyncio.Event(),
    )
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(mgr.start(stop))
        await mgr.elected.wait()
        async with aiohttp.ClientSession() as http:
            yield mgr, http
        stop.set()


async def _get(http, url, **options):
    async with http.get(url, **options) as response:
        return response.status, await response.text()


async def test_health_and_readiness_are_answered():
    """Without checks all is well; a failing check is named, its reason is not."""
    async with _serving(health_addr="127.0.0.1:0") as (mgr, http):
        url = f"http://127.0.0.1:{mgr.health_server.port}"
        assert await _get(http, f"{url}/healthz") == (200, "ok")
        assert await _get(http, f"{url}/healthz/ping") == (200, "ok")

        def broken():
            raise OSError("password is hunter2")

        mgr.add_readyz_check("broken", broken)
        mgr.add_readyz_check("well", lambda: None)
        code, text = await _get(http, f"{url}/readyz")
        assert code == 500
        assert text.splitlines() == [
            "[-]broken failed: reason withheld",
            "[+]well ok",
            "readyz check failed",
        ]
        assert await _get(http, f"{url}/readyz?exclude=broken") == (200, "ok")
        assert (await _get(http, f"{url}/readyz?exclude=broken&verbose"))[1].startswith(
            "[+]well ok"
        )
        assert await _get(http, f"{url}/readyz/well") == (200, "ok")
        assert (await _get(http, f"{url}/readyz/nothing"))[0] == 404
        assert (await _get(http, f"{url}/healthz"))[0] == 200


async def test_metrics_have_the_names_dashboards_know():
    """Plain HTTP when nothing else is asked for."""
    options = ctrl.MetricsOptions(addr="127.0.0.1:0")
    async with _serving(metrics=options) as (mgr, http):
        code, text = await _get(http, f"http://127.0.0.1:{mgr.metrics_server.port}/metrics")
    assert code == 200
    for name in (
        "controller_runtime_reconcile_total",
        "controller_runtime_reconcile_errors_total",
        "controller_runtime_terminal_reconcile_errors_total",
        "controller_runtime_reconcile_panics_total",
        "controller_runtime_reconcile_time_seconds",
        "controller_runtime_max_concurrent_reconciles",
        "controller_runtime_active_workers",
        "workqueue_depth",
        "workqueue_adds_total",
        "workqueue_queue_duration_seconds",
        "workqueue_work_duration_seconds",
        "workqueue_unfinished_work_seconds",
        "workqueue_longest_running_processor_seconds",
        "workqueue_retries_total",
        "rest_client_requests_total",
        "certwatcher_read_certificate_total",
        "certwatcher_read_certificate_errors_total",
        "leader_election_master_status",
        "controller_runtime_webhook_requests_total",
        "controller_runtime_webhook_latency_seconds",
        "controller_runtime_webhook_requests_in_flight",
        "process_resident_memory_bytes",
    ):
        assert f"# TYPE {name} " in text


class Reviewing(FakeClient):
    """A server that knows three tokens."""

    reviews = 0

    async def create(self, obj, *, dry_run=False):
        """Answer reviews."""
        if isinstance(obj, authenticationv1.TokenReview):
            Reviewing.reviews += 1
            if obj.spec.token == "away":
                raise ServiceUnavailableError("away")
            obj.status.authenticated = obj.spec.token in {"scraper", "guest"}
            obj.status.user.username = obj.spec.token
            return obj
        if isinstance(obj, authorizationv1.SubjectAccessReview):
            asked = obj.spec.non_resource_attributes
            assert asked is not None
            assert (asked.path, asked.verb) == ("/metrics", "get")
            obj.status.allowed = obj.spec.user == "scraper"
            return obj
        return await super().create(obj, dry_run=dry_run)


async def test_metrics_for_those_the_api_server_lets():
    """Over TLS, with a token; each answer is remembered for a while."""
    options = ctrl.MetricsOptions(addr="127.0.0.1:0", secure=True, authorize=True)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    Reviewing.reviews = 0
    async with _serving(Reviewing(), metrics=options) as (mgr, http):
        url = f"https://127.0.0.1:{mgr.metrics_server.port}/metrics"

        async def code(**headers):
            return (await _get(http, url, ssl=trusting, headers=headers))[0]

        assert await code() == 401
        assert await code(Authorization="Basic c2NyYXBlcjp4") == 401
        assert await code(Authorization="Bearer stranger") == 401
        assert await code(Authorization="Bearer guest") == 403
        assert await code(Authorization="Bearer away") == 503
        assert await code(Authorization="Bearer scraper") == 200
        assert await code(Authorization="bearer scraper") == 200
    assert Reviewing.reviews == 4


async def test_a_port_that_is_taken_ends_the_manager_with_the_reason():
    """Rather than running without health checks."""
    async with _serving(health_addr="127.0.0.1:0") as (mgr, _):
        taken = f"127.0.0.1:{mgr.health_server.port}"
        other = ctrl.Manager(FakeClient(), ctrl.ManagerOptions(health_addr=taken))
        with pytest.raises(OSError, match="in use"):
            await other.start()


@pytest.mark.parametrize(
    ("address", "parsed"),
    [
        ("", None),
        ("0", None),
        (":8443", (None, 8443)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:9440", ("::1", 9440)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_addresses_are_read_as_in_go(address, parsed):
    """Empty or 0 is off, no host is every interface."""
    assert parse_address(address) == parsed


@pytest.mark.parametrize("address", ["8443", "host:", ":x", ":70000", "host"])
def test_malformed_addresses_are_refused(address):
    """With the text in the message."""
    with pytest.raises(ValueError, match=f"'{address}'"):
        parse_address(address)
