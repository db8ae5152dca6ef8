"""P1 meters: config entries of the kind `meter`, one per meter."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant

from .entity import device_id, register_device
from .issues import async_clear
from .meter import Meter, MeterConfigEntry, store

PLATFORMS = [Platform.SENSOR]


async def async_setup(hass: HomeAssistant, entry: MeterConfigEntry) -> None:
    """Set up a meter: first what makes its entities, then the source whose telegrams bring them.

    Raises:
        ConfigEntryNotReady: what reads telegrams can't be installed, or there is no broker where they should come from one.
    """
    meter = Meter(hass, entry)
    await meter.async_prepare()
    entry.runtime_data = meter
    register_device(meter)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    try:
        await meter.async_start()
    except BaseException:
        await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
        raise
    entry.async_on_unload(entry.add_update_listener(_async_reload))


async def async_unload(hass: HomeAssistant, entry: MeterConfigEntry) -> bool:
    """Take the meter's entities away, and keep its registers; its source ends with the entry."""
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded:
        await entry.runtime_data.async_close()
        async_clear(hass, entry)
    return unloaded


async def async_remove(hass: HomeAssistant, entry: MeterConfigEntry) -> None:
    """Clean up after a meter that the user removed."""
    async_clear(hass, entry)
    await store(hass, entry.entry_id).async_remove()


def devices(entry: MeterConfigEntry) -> set[tuple[str, str]]:
    """Return what the devices that a meter has are registered under."""
    running = getattr(entry, "runtime_data", None)
    meters = running.meters.values() if running else ()
    return {device_id(entry.entry_id), *(device_id(entry.entry_id, each) for each in meters)}


async def _async_reload(hass: HomeAssistant, entry: MeterConfigEntry) -> None:
    """Begin again with what was changed."""
    await hass.config_entries.async_reload(entry.entry_id)
