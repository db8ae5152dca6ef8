"""A teller's endpoints as an auditor, a platform and a stranger use them."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.steward.protocol.books.entries import decode
from custom_components.steward.protocol.log.checkpoint import open_checkpoint
from custom_components.steward.protocol.log.note import Verifier
from custom_components.steward.protocol.log.proof import LogProof
from custom_components.steward.protocol.log.tiles import TileReader
from custom_components.steward.teller.teller import Teller

from .conftest import entries_of, later, meter_says


@pytest.fixture
async def get(hass: HomeAssistant, entry: ConfigEntry, hass_client_no_auth, noon) -> Any:
    """Return what asks the teller's endpoints."""
    await later(hass, noon, minutes=10, seconds=1)
    client = await hass_client_no_auth()

    async def ask(path: str, method: str = "GET", capability: str = entry.data["capability"]) -> Any:
        return await client.request(method, f"/api/steward/teller/{capability}/{path}")

    return ask


async def test_from_afar(hass: HomeAssistant, entry: ConfigEntry, get) -> None:
    teller: Teller = entry.runtime_data
    assert await (await get("ping")).json() == {"Code": 200, "Status": "HEALTH OK"}
    head = await (await get("hh")).json()
    assert head["size"] == teller.checkpoint.checkpoint.size
    assert head["hash"] == head["root"] == teller.checkpoint.checkpoint.root.hex()
    info = await (await get("info")).json()
    assert info["verifier"] == teller.storage.verifier.vkey
    assert (info["state"], info["project"], info["sources"]) == ("ok", "Sunny roof", ["inverter_energy"])
    assert info["terms"] == {"number": 2, "signed": False, "creditor": None}
    owed = await (await get("owed")).json()
    assert (owed["currency"], owed["owed"], owed["periods_late"]) == ("EUR", "0", 0)
    assert await (await get("generations")).json() == [1]


async def test_commit_from_afar(hass: HomeAssistant, entry: ConfigEntry, get, caplog) -> None:
    size = (await (await get("hh")).json())["size"]
    meter_says(hass, 1000.1)
    assert (await (await get("commit", "POST")).json())["size"] == entry.runtime_data.size > size
    await entry.runtime_data.async_shut_down()
    answer = await get("commit", "POST")
    assert answer.status == 503
    assert "shut down" in await answer.text()
    assert (await (await get("info")).json())["state"] == "stopped"


async def test_audited_from_afar(hass: HomeAssistant, entry: ConfigEntry, get) -> None:
    verifier = Verifier.parse((await (await get("info")).json())["verifier"])
    checkpoint = open_checkpoint(await (await get("checkpoint")).read(), verifier).checkpoint
    files = {}
    for path in ("tile/0/000", "tile/entries/000"):
        answer = await get(f"{path}.p/{checkpoint.size}")
        assert answer.status == 200
        files[f"{path}.p/{checkpoint.size}"] = await answer.read()
    reader = TileReader(files.get, checkpoint.size)
    assert reader.root() == checkpoint.root
    found = [decode(data) for data in reader.entries()]
    assert found == (await entries_of(hass, entry))[: checkpoint.size]
    proof = LogProof.parse(await (await get("proof/3")).read())
    proof.verify(reader.entry(3), verifier)
    assert await (await get("1/checkpoint")).read() == await (await get("checkpoint")).read()


@pytest.mark.parametrize(
    "path",
    [
        *("", "x", "tail", "1/tail", "2/checkpoint", "../checkpoint", "%2e%2e/checkpoint", "tile/0/../../tail"),
        *("proof/", "proof/x", "proof/-1", "proof/99999", "proof/٣", f"proof/{'9' * 20}"),
        *("ping/x", "info/1", "terms/1", "generations/1", "commit"),
    ],
)
async def test_nothing_else(get, path: str) -> None:
    assert (await get(path)).status == 404


@pytest.mark.parametrize("path", ["ping", "checkpoint", "hh", "info", "proof/1", "terms"])
async def test_strangers(get, path: str) -> None:
    assert (await get(path, capability="guessed")).status == 404
    assert (await get("commit", "POST", "guessed")).status == 404
    assert (await get("commit/1", "POST")).status == 404


async def test_gone_when_unloaded(hass: HomeAssistant, entry: ConfigEntry, get) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await get("ping")).status == 404


async def test_before_anything_was_signed(hass: HomeAssistant, entry: ConfigEntry, hass_client_no_auth) -> None:
    from unittest.mock import PropertyMock, patch

    from custom_components.steward.log.storage import LogStorage

    client = await hass_client_no_auth()
    with patch.object(LogStorage, "signed", PropertyMock(return_value=None)):
        answer = await client.get(f"/api/steward/teller/{entry.data['capability']}/hh")
        assert (await answer.json())["size"] == 0
