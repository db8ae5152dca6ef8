"""Time stamps from an authority of OpenSSL's, which verifies them too."""

from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
import subprocess
from types import SimpleNamespace

from aiohttp import ClientSession
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from hypothesis import given, strategies as st
import pytest

from custom_components.steward.libraries import async_library
from custom_components.steward.protocol.anchor import Link
from custom_components.steward.teller.anchors.job import AnchorError, Job, Reference, Trouble
from custom_components.steward.teller.anchors.timestamp import TimestampAnchor, ask, check, in_order
from tests.anchorage.authority import TimestampServer

from .conftest import ORIGIN


def stamp(hass: HomeAssistant, url: str) -> TimestampAnchor:
    session: ClientSession = async_get_clientsession(hass)
    return TimestampAnchor(hass, session, url)


def job(note: bytes = b"note\n") -> Job:
    return Job(ORIGIN, 3, bytes(32), Link(note), 0)


@pytest.mark.parametrize(("chain", "word"), [(True, "embedded"), (False, "unknown")])
async def test_a_stamp(hass: HomeAssistant, tmp_path: Path, socket_enabled: None, chain: bool, word: str):
    """OpenSSL accepts what is kept, over the note's bytes, and nothing else; the stamp's time is taken over."""
    async with TimestampServer(tmp_path / "authority", chain=chain) as authority:
        reference = await stamp(hass, f"{authority.url}/tsr").anchor(job())
    assert isinstance(reference, Reference)
    assert (reference.members["chain"], reference.members["note"]) == (word, "note\n")
    assert reference.since
    assert abs(datetime.now(UTC) - reference.since) < timedelta(hours=1)
    token = b64decode(str(reference.members["token"]))
    assert "Verification: OK" in authority.verify(token, b"note\n")
    with pytest.raises(subprocess.CalledProcessError):
        authority.verify(token, b"nope\n")


async def test_a_root_that_browsers_know(
    hass: HomeAssistant, authority: TimestampServer, monkeypatch: pytest.MonkeyPatch
):
    """The signature is checked up to it."""
    monkeypatch.setattr("certifi.where", lambda: str(authority.folder / "ca.pem"))
    reference = await stamp(hass, f"{authority.url}/tsr").anchor(job())
    assert reference.members["chain"] == "public"


@pytest.mark.parametrize("chain", [True, False])
async def test_an_answer_to_another_question(hass: HomeAssistant, tmp_path: Path, socket_enabled: None, chain: bool):
    """Old answers aren't taken, not even over the same note (the nonce tells), or where the signature can't be checked."""
    async with TimestampServer(tmp_path / "authority", chain=chain) as authority:
        authority.replay = True
        anchor = stamp(hass, f"{authority.url}/tsr")
        await anchor.anchor(job())
        for note in (b"note\n", b"other\n"):
            await fails(anchor, Trouble.MISMATCH, note)


async def test_another_imprint(hass: HomeAssistant):
    """A stamp over something else isn't one, even with the right nonce."""
    client = await async_library(hass, "rfc3161_client")
    request = ask(client, b"note\n")
    info = SimpleNamespace(nonce=request.nonce, message_imprint=SimpleNamespace(message=bytes(32)))
    response = SimpleNamespace(status=0, tst_info=info, signed_data=SimpleNamespace(certificates=set()))
    library = SimpleNamespace(decode_timestamp_response=lambda _: response)
    with pytest.raises(AnchorError) as error:
        check(library, request, b"\x30\x00", b"note\n")
    assert error.value.trouble is Trouble.MISMATCH


async def test_a_forged_signature(hass: HomeAssistant, authority: TimestampServer, monkeypatch: pytest.MonkeyPatch):
    """The signature has to be the certificate's."""
    reply = authority._reply
    monkeypatch.setattr(authority, "_reply", lambda query: (found := reply(query))[:-1] + bytes([found[-1] ^ 1]))
    await fails(stamp(hass, f"{authority.url}/tsr"), Trouble.MISMATCH)


async def test_refusals_and_faults(
    hass: HomeAssistant, tmp_path: Path, authority: TimestampServer, monkeypatch: pytest.MonkeyPatch
):
    """What the authority says no to, and what isn't an answer."""
    async with TimestampServer(tmp_path / "old", digests="sha512") as strict:
        await fails(stamp(hass, f"{strict.url}/tsr"), Trouble.REFUSED)
    await fails(stamp(hass, f"{authority.url}/elsewhere"), Trouble.REFUSED)
    await fails(stamp(hass, "http://127.0.0.1:1"), Trouble.UNREACHABLE)
    await fails(stamp(hass, "nonsense"), Trouble.UNREACHABLE)
    for nonsense in (b"", b"<html>", b"0", bytes(100)):
        monkeypatch.setattr(authority, "_reply", lambda _, nonsense=nonsense: nonsense)
        authority._first = None
        await fails(stamp(hass, f"{authority.url}/tsr"), Trouble.NOT_UNDERSTOOD)
    monkeypatch.setattr(authority, "_reply", lambda _: bytes(50_000))
    await fails(stamp(hass, f"{authority.url}/tsr"), Trouble.TOO_LONG)
    monkeypatch.setattr("custom_components.steward.libraries.REQUIREMENTS", {"rfc3161_client": "stellar-sdk"})
    monkeypatch.setattr("custom_components.steward.libraries.import_module", broken)
    await fails(stamp(hass, f"{authority.url}/tsr"), Trouble.LIBRARY)


def broken(name: str) -> None:
    raise ImportError(name)


async def fails(anchor: TimestampAnchor, trouble: Trouble, note: bytes = b"note\n") -> None:
    with pytest.raises(AnchorError) as error:
        await anchor.anchor(job(note))
    assert error.value.trouble is trouble


@given(st.binary(max_size=60))
def test_any_bytes_are_dealt_with(data: bytes):
    """What isn't DER is refused, never looped over."""
    with suppress(IndexError, ValueError):
        in_order(data)
