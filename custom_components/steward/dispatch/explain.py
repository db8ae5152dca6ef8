"""Where an automation runs, and why not elsewhere, for people."""

from dataclasses import dataclass

from homeassistant.util.json import JsonObjectType

from .automations import Automation
from .compile import Compiled


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of one automation: the names of the nodes that run it, what of it is left to the hub, and why all of it is, if it is."""

    entity_id: str
    name: str
    enabled: bool
    opted_in: bool
    runs_on: tuple[str, ...]
    left_to_hub: tuple[str, ...]
    only_on_hub: str | None

    @property
    def text(self) -> str:
        """All of it in one line."""
        if self.only_on_hub:
            return f"only on the hub: {self.only_on_hub}"
        text = (
            f"runs on {', '.join(self.runs_on)}" if self.enabled else f"switched off, else on {', '.join(self.runs_on)}"
        )
        return f"{text}; left to the hub: {', '.join(self.left_to_hub)}" if self.left_to_hub else text

    def as_dict(self) -> JsonObjectType:
        """Return what the action answers."""
        return {
            "name": self.name,
            "enabled": self.enabled,
            "opted_in": self.opted_in,
            "runs_on": [*self.runs_on],
            "left_to_hub": [*self.left_to_hub],
            "only_on_hub": self.only_on_hub,
            "text": self.text,
        }


def explain(automation: Automation, compiled: Compiled | None, runs_on: tuple[str, ...]) -> Explanation:
    """Explain an automation from what it compiled to, and the names of the nodes that run parts of it."""
    if not automation.opted_in:
        compiled = Compiled(None, reason="nobody has asked for it to run elsewhere")
    elif compiled is None:
        compiled = Compiled(None, reason="it hasn't been looked at yet")
    only_on_hub = None if compiled.rule else compiled.reason
    return Explanation(
        automation.entity_id,
        automation.name,
        automation.enabled,
        automation.opted_in,
        () if only_on_hub else runs_on,
        compiled.left,
        only_on_hub,
    )
