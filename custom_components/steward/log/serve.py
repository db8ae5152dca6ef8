"""Serves logs below a capability URL: whoever knows the address may read, nobody else learns that there is something.

A kind of entry has one view, `/api/steward/<kind>/<capability>/<path>`, and each of its entries a `Site` at it: the static files of the current
generation (`checkpoint`, `tile/…`) and of each (`<number>/checkpoint`, …), and what else the kind answers there.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from math import ceil
from pathlib import Path
import re
from secrets import token_urlsafe
from time import monotonic
from typing import Final

from aiohttp import ETag, hdrs, web
from aiohttp.helpers import ETAG_ANY
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..protocol.log.errors import TileError
from ..protocol.log.tiles import CHECKPOINT, parse_path

CAPABILITY_BYTES: Final = 24
"""192 random bits, 32 characters."""
RATE: Final = 50.0
"""Requests per second that each remote may make in the long run."""
BURST: Final = 1000.0
"""Requests that a remote may make at once: an audit fetches two files for each 256 entries."""
MAX_REMOTES: Final = 1024
_FOR_EVER: Final = "max-age=31536000, immutable"
_NUMBERED: Final = re.compile(r"([1-9][0-9]{0,8})/(.*)", re.ASCII | re.DOTALL)
_ENTRIES: Final = "tile/entries/"
_MIN_COMPRESSED: Final = 1024
_MAX_INLINE: Final = 32 * 1024
"""Bytes that are compressed in the event loop; more are in another thread."""
_IPV6_NETWORK: Final = 64
"""Bits of an IPv6 address that one remote has to itself beyond these."""

type Handler = Callable[[web.Request, str], Awaitable[web.StreamResponse]]
"""Answers a request; what follows the name in the path, without the slash, is the second argument."""


def new_capability() -> str:
    """Return a new secret for an address."""
    return token_urlsafe(CAPABILITY_BYTES)


@dataclass(frozen=True, slots=True)
class Site:
    """What is served below one capability. `folder` gives a generation's folder by its number, the current one's for None."""

    capability: str
    folder: Callable[[int | None], Path | None]
    get: Mapping[str, Handler] = field(default_factory=dict)
    post: Mapping[str, Handler] = field(default_factory=dict)


class Buckets:
    """A token bucket for each remote; of those that asked longest ago, those are forgotten that are too many."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        """Let each remote take `burst` at once, and `rate` per second in the long run."""
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, and when there were so many

    def take(self, remote: str) -> float:
        """Take a token; return 0, or in how many seconds there is one."""
        now = self._clock()
        tokens, at = self._buckets.pop(remote, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[remote] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > MAX_REMOTES:
            del self._buckets[next(iter(self._buckets))]
        return wait


class LogView(HomeAssistantView):
    """All logs of one kind of entry."""

    requires_auth = False

    def __init__(self, hass: HomeAssistant, kind: str) -> None:
        """Serve `/api/steward/<kind>/…`."""
        self.url = f"/api/{DOMAIN}/{kind}/{{capability}}/{{path:.*}}"
        self.name = f"api:{DOMAIN}:{kind}"
        self.sites: set[_Entry] = set()
        self._hass = hass
        self._buckets = Buckets(RATE, BURST)

    async def get(self, request: web.Request, capability: str, path: str) -> web.StreamResponse:
        """Answer with a file of a log, or as the kind says."""
        site = self._site(request, capability)
        file = None if site is None else _static(site, path)
        if file is None:
            return await self._answer(request, {} if site is None else site.get, path)
        name, full = file
        try:
            data = await self._hass.async_add_executor_job(full.read_bytes)
        except OSError:
            raise web.HTTPNotFound from None
        return _respond(request, name, data)

    head = get

    async def post(self, request: web.Request, capability: str, path: str) -> web.StreamResponse:
        """Answer as the kind says."""
        site = self._site(request, capability)
        return await self._answer(request, {} if site is None else site.post, path)

    def _site(self, request: web.Request, capability: str) -> Site | None:
        """Return what has a capability; compared with all there are, so that the time it takes says nothing.

        Raises:
            HTTPTooManyRequests: the remote has asked too often.
        """
        wait = self._buckets.take(_remote(request))
        if wait:
            raise web.HTTPTooManyRequests(headers={hdrs.RETRY_AFTER: str(ceil(wait))})
        offered = capability.encode(errors="replace")
        found = [entry.site for entry in self.sites if compare_digest(entry.site.capability.encode(), offered)]
        return found[0] if found else None

    async def _answer(self, request: web.Request, handlers: Mapping[str, Handler], path: str) -> web.StreamResponse:
        """Answer as the kind says, and to all else as if nothing was there."""
        name, _, rest = path.partition("/")
        handler = handlers.get(name)
        if handler is None:
            raise web.HTTPNotFound
        return await handler(request, rest)


@dataclass(frozen=True, eq=False)
class _Entry:
    """A site, by what it is and not what it says."""

    site: Site


DATA_VIEWS: Final[HassKey[dict[str, LogView]]] = HassKey(f"{DOMAIN}_log_views")


@callback
def async_serve(hass: HomeAssistant, kind: str, site: Site) -> CALLBACK_TYPE:
    """Serve a log until what is returned is called. Home Assistant's `http` has to be set up."""
    views = hass.data.setdefault(DATA_VIEWS, {})
    if (view := views.get(kind)) is None:
        view = views[kind] = LogView(hass, kind)
        hass.http.register_view(view)
    entry = _Entry(site)
    view.sites.add(entry)
    return lambda: view.sites.discard(entry)


def _static(site: Site, path: str) -> tuple[str, Path] | None:
    """Return the name of a static file and where it is; None if the path is not one's. The name comes from numbers only, so it leads nowhere else."""
    number = None
    if found := _NUMBERED.fullmatch(path):
        number, path = int(found[1]), found[2]
    if path != CHECKPOINT:
        try:
            path = str(parse_path(path))
        except TileError:
            return None
    folder = site.folder(number)
    return None if folder is None else (path, folder / path)


def _respond(request: web.Request, name: str, data: bytes) -> web.Response:
    # Weak: the same entries may be sent compressed.
    tag = ETag(sha256(data).hexdigest()[:32], is_weak=True)
    if any(known.value in {tag.value, ETAG_ANY} for known in request.if_none_match or ()):
        response = web.Response(status=HTTPStatus.NOT_MODIFIED)
    elif name == CHECKPOINT:
        response = web.Response(body=data, content_type="text/plain", charset="utf-8")
    else:
        response = web.Response(body=data, content_type="application/octet-stream", zlib_executor_size=_MAX_INLINE)
        if name.startswith(_ENTRIES) and len(data) > _MIN_COMPRESSED:
            response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
            response.enable_compression()
    response.etag = tag
    response.headers[hdrs.CACHE_CONTROL] = "no-cache" if name == CHECKPOINT else _FOR_EVER
    return response


def _remote(request: web.Request) -> str:
    """Return who asks; of an IPv6 address the network, since a host may take any address of it."""
    try:
        address = ip_address(request.remote or "")
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(int(address) >> 128 - _IPV6_NETWORK)
    return str(address)
