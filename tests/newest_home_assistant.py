"""A pytest plugin: lets the test helpers made for one Home Assistant run with the one after it (script/test --next)."""

import homeassistant  # noqa: F401  # before pytest's other plugins: it puts its own HTTP client in httpx's place
from homeassistant.components import logger

# The helpers import it and call it at the end of a test; the newer Home Assistant has nothing to clear there.
logger._clear_logger_overwrites = lambda _hass: None
