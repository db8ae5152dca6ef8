"""What the servers have in common: each listens on the loopback interface, on a port that the system chose, and can be down."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from aiohttp import web


class Server:
    """A server in the running event loop; use it in `async with`. While `down`, it answers 503 without looking; `asked` has all requests,
    which wait while the `gate` is clear."""

    def __init__(self) -> None:
        self.down = False
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""
        self._runner: web.AppRunner | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return what it serves."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        @web.middleware
        async def look(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            self.asked.append(f"{request.method} {request.path}")
            await self.gate.wait()
            if self.down:
                raise web.HTTPServiceUnavailable
            return await handler(request)

        application = web.Application(middlewares=[look])
        application.add_routes(self.routes())
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()
