"""Finding Ironic by its resource (IRONIC_NAME), as a server keeps it and under the operator's rights.

Its operator is played; so is Ironic itself, on a port of this machine in place of its Service.
"""

import asyncio
import contextlib
import ssl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestServer

from metal3.api.core import v1 as corev1
from metal3.api.meta import v1 as metav1
from metal3.pki import Authority
from metal3.provisioner import NotReadyError
from metal3.provisioner.ironic import IronicBackend
from metal3.provisioner.ironic._config import Login, read_config
from metal3.provisioner.ironic._errors import UnauthorizedError, UnreachableError
from metal3.provisioner.ironic._located import LocatedTransport
from metal3.provisioner.ironic._transport import HTTPTransport
from metal3.runtime.client import NotFoundError, RestClient
from metal3.runtime.rest import load_config
from metal3.runtime.types import NamespacedName

from ...cli.processes import OWN_NAMESPACE  # noqa: TID252 - shared by all integration tests
from ...cli.roles import USER, install_roles  # noqa: TID252 - shared by all integration tests

TOP = Path(__file__).parents[4]
ROLES = TOP / "config/rbac/baremetal"
KEY = NamespacedName(OWN_NAMESPACE, "ironic")
NAME = f"{KEY.name}.{KEY.namespace}.svc"
VARIABLES = {
    "IRONIC_NAME": KEY.name,
    "IRONIC_NAMESPACE": KEY.namespace,
    "DEPLOY_ISO_URL": "http://images.example/ipa.iso",
}
Ironic = metav1.Unstructured.of(
    metav1.GroupVersionKind("ironic.metal3.io", "v1alpha1", "Ironic"), "ironics"
)
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "ironics.ironic.metal3.io"},
    "spec": {
        "group": "ironic.metal3.io",
        "names": {"kind": "Ironic", "listKind": "IronicList", "plural": "ironics"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


class Site:
    """An administrator's client, and a backend that reads with the operator's rights."""

    def __init__(self, admin, reader):
        self.admin = admin
        self.port = 0
        self.places = []
        config = read_config(VARIABLES)
        self.backend = IronicBackend(config, LocatedTransport(config, self._open))
        self.backend.use_cluster(reader)

    def _open(self, config):
        self.places.append(config)
        scheme = urlsplit(config.endpoint).scheme
        return HTTPTransport(replace(config, endpoint=f"{scheme}://localhost:{self.port}"))

    async def create(self, **spec):
        """An administrator asks for an Ironic."""
        meta = {"name": KEY.name, "namespace": KEY.namespace}
        await self.admin.create(Ironic.from_dict({"metadata": meta, "spec": spec}))

    async def tell(self, status, message, *, generation=None):
        """Its operator writes the Ready condition; for the present generation if none is given."""
        body = (await self.admin.get(Ironic, KEY)).to_dict()
        condition = {
            "type": "Ready",
            "status": status,
            "message": message,
            "observedGeneration": generation or body["metadata"]["generation"],
        }
        body["status"] = {"conditions": [condition]}
        await self.admin.status.update(Ironic.from_dict(body))

    async def change(self, **spec):
        """An administrator edits the spec, which makes a new generation."""
        body = (await self.admin.get(Ironic, KEY)).to_dict()
        await self.admin.update(Ironic.from_dict(body | {"spec": spec}))

    async def secret(self, name, **data):
        """A Secret beside it is made, or changed."""
        wanted = corev1.new_secret(name, KEY.namespace, data)
        try:
            found = await self.admin.get(corev1.Secret, NamespacedName(KEY.namespace, name))
        except NotFoundError:
            await self.admin.create(wanted)
            return
        found.data = wanted.data
        await self.admin.update(found)

    async def refused(self):
        """Why nothing can be done: what hosts show in their conditions."""
        with pytest.raises(NotReadyError) as refused:
            await self.backend.client.negotiate()
        return str(refused.value)


@pytest.fixture
async def site(start_environment, tmp_path):
    """A server with the kind, and nobody's resource; ``tmp_path`` has the kind's definition."""
    (tmp_path / "ironics.yaml").write_text(yaml.safe_dump(CRD))
    async with start_environment(crds=[tmp_path]) as env, contextlib.AsyncExitStack() as stack:
        admin = await stack.enter_async_context(await client_of(env.kubeconfig))
        roles = [d for path in sorted(ROLES.glob("*.yaml")) for d in documents(path)]
        await install_roles(admin, roles)
        kubeconfig = env.kubeconfig
        if env.enforces_rbac:
            kubeconfig = await env.add_user(USER, ["system:authenticated"])
        site = Site(admin, await stack.enter_async_context(await client_of(kubeconfig)))
        stack.push_async_callback(site.backend.aclose)
        yield site


async def client_of(kubeconfig):
    """A client of whoever the file is for."""
    return RestClient(await asyncio.to_thread(load_config, kubeconfig))


def documents(path):
    """What is in a file of manifests."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


async def test_what_its_operator_says_of_the_present_generation_counts(site):
    """From a resource that is missing to one that is ready, changed, ready again, and gone."""
    assert "not found" in await site.refused()
    await site.create()
    assert "its operator has not said so yet" in await site.refused()
    await site.tell("False", "no database")
    assert "no database" in await site.refused()
    await site.tell("True", "")
    place = await find(site)
    assert (place.endpoint, place.login, place.tls.ca_data) == (f"http://{NAME}", Login(), "")

    await site.change(tls={"certificateName": "ironic-tls"}, apiCredentialsName="ironic-login")
    assert "is being changed by its operator" in await site.refused()
    await site.tell("True", "", generation=1)
    assert "is being changed by its operator" in await site.refused()
    await site.tell("True", "")
    assert "ironic-login" in await site.refused()
    await site.secret("ironic-login", username="admin", password="first")
    assert "ironic-tls" in await site.refused()
    await site.secret("ironic-tls", **{"tls.crt": "a certificate"})
    place = await find(site)
    assert (place.endpoint, place.tls.ca_data) == (f"https://{NAME}", "a certificate")
    assert (place.login.username, place.login.password) == ("admin", "first")

    await site.admin.delete(await site.admin.get(Ironic, KEY))
    assert "not found" in await site.refused()


async def find(site):
    """Where the backend turns to when it looks the resource up; nobody is asked anything there."""
    await site.backend.client._transport.prepare()
    return site.places[-1]


async def test_its_login_and_certificate_are_those_of_the_connection(site, tmp_path):
    """An Ironic over TLS with a login: both are in Secrets, and a new login is read from there."""
    authority = Authority.create("test", life=timedelta(days=1))
    async with ironic(authority, tmp_path) as server:
        site.port = server.port
        await site.create(tls={"certificateName": "ironic-tls"}, apiCredentialsName="ironic-login")
        await site.tell("True", "")
        await site.secret("ironic-login", username="admin", password="first")
        other = Authority.create("other", life=timedelta(days=1))
        await site.secret("ironic-tls", **{"tls.crt": other.certificate.decode()})
        with pytest.raises(UnreachableError, match="certificate"):
            await site.backend.client.negotiate()
        await site.secret("ironic-tls", **{"tls.crt": authority.certificate.decode()})
        await site.backend.client.negotiate()

        server.app[LOGINS][:] = [encode_basic_auth("admin", "second")]
        with pytest.raises(UnauthorizedError):
            await site.backend.client.negotiate()
        await site.secret("ironic-login", username="admin", password="second")
        await site.backend.client.negotiate()


LOGINS = web.AppKey("logins", list[str])


@contextlib.asynccontextmanager
async def ironic(authority, folder):
    """Just enough of Ironic to agree on a version, for those who log in."""
    pair = authority.serving(["localhost"], life=timedelta(days=1))
    (folder / "server.pem").write_bytes(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    app = web.Application()
    app[LOGINS] = [encode_basic_auth("admin", "first")]
    app.router.add_get("/", _root)
    app.router.add_get("/v1/drivers", _drivers)
    server = TestServer(app, host="localhost")
    await server.start_server(ssl=context)
    try:
        yield server
    finally:
        await server.close()


async def _root(request):
    _check(request)
    return web.json_response({"default_version": {"version": "1.109"}})


async def _drivers(request):
    _check(request)
    return web.json_response({"drivers": [{"name": "redfish"}]})


def _check(request):
    if request.headers.get("Authorization") not in request.app[LOGINS]:
        raise web.HTTPUnauthorized(text="who are you?")
