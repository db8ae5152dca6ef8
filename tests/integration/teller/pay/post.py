"""Ways to reach people, as Home Assistant has them: an action (mail) and an entity (a phone); both can be out of order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import override

from homeassistant.components.notify import NotifyEntity, NotifyEntityFeature
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import setup_test_component_platform

MAIL = "notify.mail"
PHONE = "notify.phone"


class NetworkGoneError(HomeAssistantError):
    """It can't be reached."""

    def __str__(self) -> str:
        """Say so."""
        return "no network"


@dataclass
class Post:
    """What was delivered: target, title and text; `out_of_order` has the targets that don't deliver."""

    delivered: list[tuple[str, str, str]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    out_of_order: set[str] = field(default_factory=set)

    def deliver(self, target: str, title: str | None, text: str) -> None:
        """Deliver something, or fail."""
        self.tried.append(target)
        if target in self.out_of_order:
            raise NetworkGoneError
        self.delivered.append((target, title or "", text))

    def titles(self, target: str = MAIL) -> list[str]:
        """Return the titles of what a target has received."""
        return [title for to, title, _ in self.delivered if to == target]

    def take(self) -> list[tuple[str, str, str]]:
        """Return what was delivered, and forget it."""
        taken, self.delivered = self.delivered, []
        return taken

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        """Go through what was delivered."""
        return iter(self.delivered)


class Phone(NotifyEntity):
    """A phone."""

    _attr_supported_features = NotifyEntityFeature.TITLE
    _attr_name = "Phone"

    def __init__(self, post: Post) -> None:
        """Take the post that delivers."""
        self._post = post

    @override
    async def async_send_message(self, message: str, title: str | None = None) -> None:
        """Deliver."""
        self._post.deliver(PHONE, title, message)


async def open_post(hass: HomeAssistant) -> Post:
    """Set both up."""
    post = Post()
    setup_test_component_platform(hass, "notify", [Phone(post)])
    assert await async_setup_component(hass, "notify", {"notify": {"platform": "test"}})
    component = hass.data["notify"]
    await component.async_add_entities([Phone(post)])

    async def mail(call: ServiceCall) -> None:
        post.deliver(f"notify.{call.service}", call.data.get("title"), call.data["message"])

    for name in ("mail", "gus", "ines"):
        hass.services.async_register("notify", name, mail)
    await hass.async_block_till_done()
    assert hass.states.get(PHONE)
    return post
