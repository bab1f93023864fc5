"""Certificates made here are taken by TLS peers that trust their authority, and by no others."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from metal3.pki import Authority, KeyPair, is_valid_for, write_private

DAY = timedelta(days=1)
NOW = datetime.now(UTC)


def save(folder, pair):
    """Files of a pair."""
    write_private(folder / "tls.crt", pair.certificate)
    write_private(folder / "tls.key", pair.key)
    return folder / "tls.crt", folder / "tls.key"


async def shake_hands(folder, pair, authority, name):
    """Serve ``pair`` and connect to it as ``name``, trusting ``authority``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*save(folder, pair))
    trusting = ssl.create_default_context(cadata=authority.certificate.decode())
    server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trusting, server_hostname=name
        )
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("name", ["service.example", "127.0.0.1"])
async def test_a_server_is_trusted_under_each_of_its_names(tmp_path, name):
    """DNS names and addresses alike, also by an authority that was loaded again."""
    authority = Authority.load(Authority.create("one", life=DAY).pair)
    pair = authority.serving(["service.example", "127.0.0.1"], life=DAY)
    await shake_hands(tmp_path, pair, authority, name)


@pytest.mark.parametrize(
    ("other", "name"), [(True, "service.example"), (False, "elsewhere.example")]
)
async def test_another_authority_or_name_is_refused(tmp_path, other, name):
    """Trust is in this authority and for these names only."""
    authority = Authority.create("one", life=DAY)
    pair = authority.serving(["service.example"], life=DAY)
    trusted = Authority.create("two", life=DAY) if other else authority
    with pytest.raises(ssl.SSLCertVerificationError):
        await shake_hands(tmp_path, pair, trusted, name)


@pytest.mark.parametrize(
    ("names", "later", "valid"),
    [
        (("a.example",), timedelta(0), True),
        (("a.example", "b.example"), timedelta(0), False),
        (("a.example",), DAY / 2, False),
        ((), timedelta(0), True),
    ],
)
def test_validity_is_about_names_and_the_time_that_is_left(names, later, valid):
    """Half of the life must be left here."""
    pair = Authority.create("one", life=DAY, now=NOW).serving(["a.example"], life=DAY, now=NOW)
    found = is_valid_for(pair.certificate, names, now=NOW + later, margin=DAY / 2)
    assert found is valid


def test_nonsense_is_not_valid_and_no_authority():
    """A broken file is replaced by its owner, so it must not end the program."""
    assert not is_valid_for(b"nonsense", now=NOW, margin=DAY)
    with pytest.raises(ValueError, match=r"PEM|key"):
        Authority.load(KeyPair(certificate=b"x", key=b"y"))


def test_keys_are_their_owners_alone_and_in_no_text(tmp_path):
    """Neither a file nor a log shows a key to others."""
    pair = Authority.create("one", life=DAY).client("me", ["admins"], life=DAY)
    _, key = save(tmp_path, pair)
    assert key.stat().st_mode & 0o077 == 0
    assert "PRIVATE" not in repr(pair)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["tls.crt", "tls.key"]
