"""An Ironic that is known by its resource."""

import asyncio

import pytest

from metal3.api.core import v1 as corev1
from metal3.provisioner import NotReadyError
from metal3.provisioner.ironic import IronicBackend
from metal3.provisioner.ironic._config import Config, DeployImages, read_config
from metal3.provisioner.ironic._located import Ironic, LocatedTransport
from metal3.runtime.client import ForbiddenError
from metal3.runtime.client.fake import FakeClient
from metal3.runtime.types import NamespacedName

from .fake_ironic import FakeIronic, RefusedError
from .test_informer import informing

pytestmark = pytest.mark.looptime

KEY = NamespacedName("ironic-system", "ironic")
READY = {"type": "Ready", "status": "True", "observedGeneration": 1}


def resource(*conditions, **spec):
    """The object as the operator of Ironic keeps it."""
    meta = {"name": KEY.name, "namespace": KEY.namespace, "generation": 1}
    status = {"conditions": list(conditions)}
    return Ironic.from_dict({"metadata": meta, "spec": spec, "status": status})


def secret(name, **data):
    """A Secret beside it."""
    return corev1.new_secret(name, KEY.namespace, data)


class Site:
    """A cluster with a resource, and an Ironic behind whatever address it gives."""

    def __init__(self, *objects):
        self.cluster = FakeClient(*objects, without_status=(corev1.Secret,))
        self.ironic = FakeIronic()
        self.places: list[Config] = []
        images = DeployImages(iso_url="http://images/ipa.iso")
        self.transport = LocatedTransport(
            Config(endpoint="", resource=KEY, images=images), self._open
        )
        self.backend = IronicBackend(self.transport._config, self.transport)
        self.backend.use_cluster(self.cluster)

    def _open(self, config):
        self.places.append(config)
        return self.ironic

    async def edit(self, change):
        """What the operator of Ironic does."""
        found = await self.cluster.get(Ironic, KEY)
        body = found.to_dict()
        change(body)
        await self.cluster.status.update(Ironic.from_dict(body))


async def test_address_login_and_certificate_come_from_the_resource():
    """With TLS over https, the certificate is the only one that is trusted."""
    spec = {"tls": {"certificateName": "cert"}, "apiCredentialsName": "login"}
    site = Site(
        resource(READY, **spec),
        secret("login", username="admin", password="t0p"),
        secret("cert", **{"tls.crt": "PEM"}),
    )
    await site.backend.client.negotiate()
    (place,) = site.places
    assert place.endpoint == "https://ironic.ironic-system.svc"
    assert (place.login.username, place.login.password) == ("admin", "t0p")
    assert place.tls.ca_data == "PEM"
    assert "t0p" not in repr(place)


async def test_without_tls_and_login():
    """Plain HTTP."""
    site = Site(resource(READY))
    await site.backend.client.negotiate()
    assert site.places[0].endpoint == "http://ironic.ironic-system.svc"
    assert not site.places[0].login


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        pytest.param([], "not found", id="missing"),
        pytest.param([resource()], "has not said so yet", id="new"),
        pytest.param(
            [resource({"type": "Ready", "status": "False", "message": "no database"})],
            "no database",
            id="not-ready",
        ),
        pytest.param(
            [resource(READY | {"observedGeneration": 0})], "is being changed", id="changing"
        ),
        pytest.param([resource(READY, apiCredentialsName="login")], "login", id="no-secret"),
        pytest.param(
            [
                resource(READY, apiCredentialsName="login"),
                secret("login", username="admin"),
            ],
            "'password'",
            id="half-a-login",
        ),
        pytest.param(
            [resource(READY, tls={"certificateName": "cert"}), secret("cert", key="x")],
            "'tls.crt'",
            id="no-certificate",
        ),
    ],
)
async def test_what_is_missing_is_told_to_the_hosts(objects, words):
    """They wait, and their condition says for what."""
    site = Site(*objects)
    with pytest.raises(NotReadyError, match=words):
        await site.backend.client.negotiate()
    assert site.places == []


async def test_rights_that_are_missing_are_told():
    """A Role without ironics."""
    site = Site(resource(READY))
    site.cluster.interceptor = _forbid
    with pytest.raises(NotReadyError, match="cannot be looked up"):
        await site.backend.client.negotiate()


def _forbid(_action):
    raise ForbiddenError("ironics is forbidden")


async def test_a_new_login_is_found_without_a_restart():
    """When Ironic refuses the old one; hosts are let in again."""
    site = Site(
        resource(READY, apiCredentialsName="login"),
        secret("login", username="admin", password="old"),
    )
    async with informing(site):
        assert site.backend.informer.is_ready
        found = await site.cluster.get(corev1.Secret, NamespacedName("ironic-system", "login"))
        found.data = secret("login", username="admin", password="new").data
        await site.cluster.update(found)
        await asyncio.sleep(120)
        assert len(site.places) == 1, "nobody looks while all is well"
        site.ironic.refusal = RefusedError(401, "unauthorized")
        await asyncio.sleep(120)
        site.ironic.refusal = None
        await asyncio.sleep(60)
        assert site.places[-1].login.password == "new"
        assert site.backend.informer.is_ready


async def test_an_ironic_that_gets_ready_later_is_waited_for():
    """The manager may start first."""
    site = Site(resource())
    async with informing(site):
        assert not site.backend.informer.is_ready
        await site.edit(lambda body: body["status"].update(conditions=[READY]))
        await asyncio.sleep(60)
        assert site.backend.informer.is_ready


@pytest.mark.parametrize(
    ("more", "namespace"),
    [
        ({"IRONIC_NAMESPACE": "a", "POD_NAMESPACE": "b"}, "a"),
        ({"POD_NAMESPACE": "b", "WATCH_NAMESPACE": "c"}, "b"),
        ({"WATCH_NAMESPACE": "c"}, "c"),
    ],
)
def test_where_the_resource_is(more, namespace):
    """The name wins over an address."""
    variables = {
        "IRONIC_NAME": "ironic",
        "IRONIC_ENDPOINT": "http://x",
        "DEPLOY_ISO_URL": "http://i",
    }
    config = read_config(variables | more)
    assert (config.resource, config.endpoint) == (NamespacedName(namespace, "ironic"), "")
