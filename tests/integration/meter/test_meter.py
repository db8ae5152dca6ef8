"""A meter as its owner sees it: added from a socket, a serial port or MQTT, shown, silent, damaged, replaced."""


from homeassistant.core import HomeAssistant

from tests.protocol.telegrams import houses

from .conftest import Speaker, add_tcp, state_of


async def test_from_a_socket_to_the_energy_dashboard(hass: HomeAssistant, speaker: Speaker) -> None:
    entry = await add_tcp(hass, speaker, houses.dsmr_5())
    assert entry.title == "P1 K8EG004046395507"
    assert state_of(hass, entry, "electricity_used_tariff_1") == "1234.567"
    assert state_of(hass, entry, f"{houses.GAS}/reading") == "981.443"
