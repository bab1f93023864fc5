"""A claim that is deleted gives its host back, clean, whatever happens on the way."""

import itertools
from datetime import timedelta

import pytest

from metal3.api.core import v1 as corev1
from metal3.api.metal3_io import v1alpha1 as metal3api
from metal3.controllers.baremetal.webhooks import host_errors
from metal3.runtime.client import NotFoundError, ServiceUnavailableError

from .conftest import IMAGE, TENANT, bench_on, new_claim, new_namespace, new_policy

PAUSED = metal3api.PAUSED_ANNOTATION
WRITES = ("patch", "delete", "update", "create")


@pytest.fixture
def running(claims, available):
    """A claim whose instance runs, with user data, and which is to be deleted."""

    async def make(**host):
        claim = new_claim(
            image=IMAGE, userData={"name": "ud"}, annotations={"reboot.metal3.io/fix": ""}
        )
        data = corev1.new_secret("ud", TENANT, {"userData": "x"})
        b = claims(claim, available(**host), new_policy(), new_namespace(), data)
        await b.look()
        await b.be("provisioned")
        await b.look()
        await b.client.delete(await b.claim())
        return b

    return make


async def assert_clean(b):
    """Nothing of the claim is left on the host or beside it."""
    host = await b.host()
    spec = host.spec.to_dict()
    assert not {"consumerRef", "image", "userData", "customDeploy"} & spec.keys()
    assert (host.spec.online, host.metadata.annotations) == (False, {})
    assert await b.secrets() == {}


async def test_the_host_is_cleaned_before_it_is_given_back(running):
    """Image first; then wait; then Secrets, bond and finalizer."""
    b = await running()
    assert (await b.look()).requeue_after == timedelta(minutes=1)
    host = await b.host()
    assert (host.spec.image, host.spec.user_data, host.spec.online) == (None, None, False)
    assert host.spec.consumer_ref.name == "claim"
    assert "userdata" in await b.secrets()
    status, reason, message = await b.condition("Ready")
    assert (status, reason) == ("False", "HostClaimDeleting")
    assert "metal3/host-0 is provisioned" in message
    await b.be("deprovisioning")
    await b.look()
    assert not await b.is_gone()
    await b.be("available")
    await b.look()
    assert await b.is_gone()
    await assert_clean(b)
    assert b.recorder.reasons[-1] == "BareMetalHostReleased"


async def test_a_host_that_must_not_be_off_stays_on(running):
    """To ask for it off would be refused, and the claim would never go."""
    b = await running(disablePowerOff=True)
    await b.look()
    host = await b.host()
    assert (host.spec.image, host.spec.online) == (None, True)
    assert host_errors(host) == []
    await b.be("available")
    await b.look()
    assert await b.is_gone()


class Mortal:
    """A client whose process dies at its n-th write, before or after the server has done it."""

    def __init__(self, server, lives, *, after):
        self._server, self.lives, self._after = server, lives, after

    def __getattr__(self, name):
        """Reads are the server's; writes may be the last."""
        found = getattr(self._server, name)
        return self._write(found) if name in WRITES else found

    @property
    def status(self):
        """Writes of the status count, too."""
        return Mortal(self._server.status, self.lives, after=self._after)

    def _write(self, call):
        async def write(*args, **kwargs):
            dies = next(self.lives) == 0
            if dies and not self._after:
                raise ServiceUnavailableError("killed")
            done = await call(*args, **kwargs)
            if dies:
                raise ServiceUnavailableError("killed")
            return done

        return write


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", range(7))
async def test_killed_at_any_write_it_still_ends_clean(running, writes, after):
    """The next process finds the host and goes on."""
    b = await running()
    lives = itertools.count(writes, -1)
    killed = 0
    for _ in range(6):
        try:
            await bench_on(b.client, Mortal(b.client, lives, after=after)).look()
        except ServiceUnavailableError:
            killed += 1
        if await b.is_gone():
            break
        if (await b.host()).spec.image is None:
            await b.be("available")
    # Clearing the host, a status, a Secret, the bond and the finalizer are five writes.
    assert killed == (writes < 5)
    assert await b.is_gone()
    await assert_clean(b)


async def test_an_error_while_cleaning_is_told(running):
    """The claim waits, and says for what."""
    b = await running()
    await b.look()
    await b.be("deprovisioning", error_message="the agent does not answer")
    await b.look()
    assert "the agent does not answer" in (await b.condition("Ready"))[2]
    assert not await b.is_gone()


@pytest.mark.parametrize("who", ["claim", "host"])
async def test_a_pause_freezes_the_deletion(running, who):
    """As it does for hosts."""
    b = await running()
    paused = await (b.claim() if who == "claim" else b.host())
    await b.edit(paused, lambda o: o.metadata.annotations.update({PAUSED: "x"}))
    await b.look(times=2)
    assert (await b.host()).spec.image is not None
    assert (await b.condition("Ready"))[1] == "HostPaused"
    await b.edit(paused, lambda o: o.metadata.annotations.pop(PAUSED))
    await b.look()
    assert (await b.host()).spec.image is None


async def test_a_host_that_is_gone_or_going_holds_nobody(running):
    """It cleans itself."""
    b = await running()
    host = await b.edit(await b.host(), lambda h: h.metadata.finalizers.append("x"))
    await b.client.delete(host)
    await b.look()
    assert await b.is_gone()
    assert await b.secrets() == {}


async def test_a_host_that_vanished_leaves_no_secrets(running):
    """They are removed by name."""
    b = await running()
    await b.client.delete(await b.host())
    await b.look()
    assert await b.is_gone()
    assert await b.secrets() == {}


async def test_a_claim_that_never_got_a_host_goes_at_once(claims, available):
    """And nobody's host is touched."""
    b = claims(new_claim(), available(), new_namespace())
    await b.look()
    await b.client.delete(await b.claim())
    await b.look()
    assert await b.is_gone()
    with pytest.raises(NotFoundError):
        await b.claim()


async def test_a_host_that_has_another_consumer_by_now_is_not_touched(running):
    """The claim's status may be out of date."""
    b = await running()
    other = metal3api.ObjectReference(kind="Metal3Machine", name="m", namespace=TENANT)
    await b.edit(await b.host(), lambda h: setattr(h.spec, "consumer_ref", other))
    await b.look()
    assert await b.is_gone()
    assert (await b.host()).spec.image is not None
