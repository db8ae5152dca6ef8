"""A real Home Assistant: its configuration, its process, its first user."""

import asyncio
from http import HTTPStatus
import json
from pathlib import Path
import signal
import sys
from typing import Any, Final, override

import aiohttp

from .process import LOOPBACK, ROOT, DemoError, Process, say

USER: Final = "demo"
PASSWORD: Final = "demo"  # noqa: S105 - printed at start; the demo listens on the loopback interface only
START_SECONDS: Final = 120
RESTART_CODE: Final = 100
"""Home Assistant's exit code when its user asked for a restart: whoever started it starts it again."""
AWAY_SECONDS: Final = 30
"""How long Home Assistant stays away after somebody has killed it, to see what the house does without it."""

CONFIGURATION: Final = """\
# Written by the demo at every start. Only what needs no internet: no default_config.
homeassistant:
  name: Steward demo
  country: NL
  currency: EUR
  unit_system: metric
  time_zone: Europe/Amsterdam
  latitude: 52.09
  longitude: 5.12
  elevation: 4
  internal_url: {address}
frontend:
history:
logbook:
my:
recorder:
  commit_interval: 1
  purge_keep_days: 2
sun:
automation: !include automations.yaml
script: !include scripts.yaml
scene: !include scenes.yaml
"""


class HomeAssistant(Process):
    """Home Assistant with a configuration folder of its own."""

    def __init__(self, folder: Path, port: int, logs: Path) -> None:
        """Take the configuration folder, the port on the loopback interface, and the folder for its output."""
        # What is needed is installed already; without internet Home Assistant would try in vain, at every start.
        super().__init__(
            "Home Assistant",
            *(sys.executable, "-m", "homeassistant", "--config", str(folder), "--skip-pip", "--log-no-color"),
            log=logs / "homeassistant.log",
        )
        self.address = f"http://{LOOPBACK}:{port}"
        self.log = folder / "home-assistant.log"
        self._folder = folder
        self._port = port

    @override
    async def start(self) -> None:
        self._configure()
        await super().start()

    @override
    async def watch(self) -> None:
        while await self._comes_back(await self.wait()):
            await super().start()
            say(f"Home Assistant is started again; its process is {self.pid}")
        await super().watch()

    async def _comes_back(self, code: int) -> bool:
        """Tell, when it is time, whether to start it again after it ended: when its user asked for it, or has killed it."""
        if code == -signal.SIGKILL and not self.stopping:
            say(f"Home Assistant was killed; it is started again in {AWAY_SECONDS} s")
            await asyncio.sleep(AWAY_SECONDS)
        elif code != RESTART_CODE:
            return False
        return not self.stopping

    async def token(self) -> str:
        """Wait until Home Assistant is up, create its first user if there is none, and return an access token."""
        try:
            async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession(self.address) as http:
                while not await self._answers(http):  # noqa: ASYNC110 - another program can only be asked
                    await asyncio.sleep(0.2)
                return await self._onboard(http)
        except TimeoutError:
            message = f"Home Assistant does not answer at {self.address}; its log is {self.log}"
            raise DemoError(message) from None

    def _configure(self) -> None:
        components = self._folder / "custom_components"
        components.mkdir(parents=True, exist_ok=True)
        link = components / "steward"
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / "custom_components" / "steward")
        (self._folder / "configuration.yaml").write_text(CONFIGURATION.format(address=self.address))
        for name in ("automations", "scripts", "scenes"):
            (self._folder / f"{name}.yaml").touch()
        storage = self._folder / ".storage"
        storage.mkdir(exist_ok=True)
        # In the YAML file, or by the API, a port would be on trial and be given up after five minutes.
        (storage / "http").write_text(json.dumps(_http_store(self._port)))

    async def _answers(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get("/manifest.json") as response:
                return response.status == HTTPStatus.OK
        except aiohttp.ClientError:
            return False

    async def _onboard(self, http: aiohttp.ClientSession) -> str:
        """Do the steps of Home Assistant's welcome that are not done yet, as the browser would."""
        client = f"{self.address}/"
        async with http.get("/api/onboarding") as response:
            # The view is gone in a Home Assistant that has been welcomed.
            steps = await response.json() if response.status == HTTPStatus.OK else []
        todo = {step["step"] for step in steps if not step["done"]}
        if "user" in todo:
            user = {"name": "Demo", "username": USER, "password": PASSWORD, "client_id": client, "language": "en"}
            await _post(http, "/api/onboarding/users", user)
        token = await self._log_in(http, client)
        headers = {"Authorization": f"Bearer {token}"}
        for step in ("core_config", "analytics"):
            if step in todo:
                await _post(http, f"/api/onboarding/{step}", {}, headers)
        if "integration" in todo:
            await _post(http, "/api/onboarding/integration", {"client_id": client, "redirect_uri": client}, headers)
        return token

    async def _log_in(self, http: aiohttp.ClientSession, client: str) -> str:
        start = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
        flow = await _post(http, "/auth/login_flow", start)
        answers = {"client_id": client, "username": USER, "password": PASSWORD}
        result = await _post(http, f"/auth/login_flow/{flow['flow_id']}", answers)
        if result["type"] != "create_entry":
            message = f"{USER}/{PASSWORD} can't log in any more; --reset starts anew"
            raise DemoError(message)
        form = {"client_id": client, "grant_type": "authorization_code", "code": result["result"]}
        async with http.post("/auth/token", data=form) as response:
            response.raise_for_status()
            token: str = (await response.json())["access_token"]
            return token


async def _post(
    http: aiohttp.ClientSession, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
) -> Any:
    async with http.post(path, json=body, headers=headers) as response:
        if response.status != HTTPStatus.OK:
            message = f"Home Assistant: POST {path}: {response.status} {await response.text()}"
            raise DemoError(message)
        return await response.json()


def _http_store(port: int) -> dict[str, Any]:
    """Return what Home Assistant keeps about its web server (components/http/config.py, storage version 2.2)."""
    return {
        "version": 2,
        "minor_version": 2,
        "key": "http",
        "data": {
            "stable": {
                "server_host": [LOOPBACK],
                "server_port": port,
                "cors_allowed_origins": [],
                "login_attempts_threshold": -1,
                "ip_ban_enabled": True,
                "ssl_profile": "modern",
                "use_x_frame_options": True,
                "created_at": "2026-01-01T00:00:00+00:00",
                "error": None,
                "error_message": None,
            },
            "pending": None,
            "yaml_migration_done": True,
        },
    }
