"""A teller's endpoints, below its capability URL: the log's files, proofs, and what a person or the platform wants to know from afar."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.json import json_dumps
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.util import dt as dt_util

from ..const import DOMAIN, Kind
from ..log.errors import LogDamaged
from ..log.serve import Handler, Site, async_serve
from ..protocol.books.codec import write_decimal
from ..protocol.log.errors import ProofError
from .data import CONF_CAPABILITY
from .teller import Teller

PATH: Final = f"/api/{DOMAIN}/{Kind.TELLER}"


def link(hass: HomeAssistant, entry: ConfigEntry[Any]) -> str:
    """Return the address that auditors read a teller's books at; without the host where Home Assistant doesn't know its own."""
    try:
        base = get_url(hass, prefer_external=True)
    except NoURLAvailableError:
        base = ""
    return f"{base}{PATH}/{entry.data[CONF_CAPABILITY]}"


@callback
def async_serve_teller(hass: HomeAssistant, teller: Teller) -> CALLBACK_TYPE:
    """Serve a teller until what is returned is called."""
    endpoints = _Endpoints(teller)
    simple: dict[str, Callable[[], dict[str, Any]]] = {
        "ping": endpoints.ping,
        "hh": endpoints.head,
        "info": endpoints.info,
        "owed": endpoints.owed,
    }
    return async_serve(
        hass,
        Kind.TELLER,
        Site(
            teller.settings.capability,
            endpoints.folder,
            get={
                **{name: _json(answer) for name, answer in simple.items()},
                "generations": endpoints.async_generations,
                "terms": endpoints.async_terms,
                "proof": endpoints.async_proof,
            },
            post={"commit": endpoints.async_commit},
        ),
    )


class _Endpoints:
    """What one teller answers."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    def folder(self, number: int | None) -> Path | None:
        """Return a generation's folder, the current one's for None."""
        generations = self._teller.books.generations
        return generations.folder(generations.number if number is None else number)

    def ping(self) -> dict[str, Any]:
        """Tell that somebody is there."""
        return {"Code": HTTPStatus.OK.value, "Status": "HEALTH OK"}

    def head(self) -> dict[str, Any]:
        """Tell what was signed last."""
        signed = self._teller.storage.signed
        origin = self._teller.storage.origin
        if signed is None:
            return {"origin": origin, "size": 0, "root": None, "hash": None, "at": None}
        at = self._teller.signed_at
        return {
            "origin": origin,
            "size": signed.size,
            "root": signed.root.hex(),
            "hash": signed.root.hex(),
            "at": at.isoformat() if at else None,
        }

    def info(self) -> dict[str, Any]:
        """Tell what the books are about, and how they are."""
        teller, settings = self._teller, self._teller.settings
        terms = teller.history.terms
        return {
            "project": settings.project,
            "asset": settings.asset,
            "currency": settings.currency,
            "device": settings.device_id,
            "origin": teller.storage.origin,
            "verifier": teller.storage.verifier.vkey,
            "generation": teller.generation,
            "state": teller.state.value,
            "size": teller.size,
            "not_witnessed": teller.tail,
            "quorum": settings.quorum,
            "witnesses": [each.verifier for each in settings.witnesses],
            "terms": {
                "number": terms.number if terms else None,
                "signed": teller.terms_signed,
                "creditor": settings.creditor,
            },
            "sources": [source.id for source in settings.sources],
            "stopped": teller.stopped,
        }

    def owed(self) -> dict[str, Any]:
        """Tell what is owed; money as decimal text, energy in milliwatt-hours."""
        figures = self._teller.figures
        due = figures.due_date
        return {
            "currency": self._teller.settings.currency,
            "owed": write_decimal(figures.owed),
            "this_period": write_decimal(figures.owed_in_period),
            "due_now": write_decimal(figures.due_amount),
            "due_date": due.isoformat() if due else None,
            "periods_late": figures.periods_late,
            "period_energy": figures.energy,
            "lifetime_energy": figures.lifetime,
            "gaps": figures.gaps,
            "at": dt_util.utcnow().isoformat(),
        }

    async def async_generations(self, request: web.Request, rest: str) -> web.StreamResponse:
        """Answer with the numbers of the generations that there are, as a list."""
        if rest:
            raise web.HTTPNotFound
        return _answer(await self._teller.async_run(self._teller.books.generations.numbers))

    async def async_terms(self, request: web.Request, rest: str) -> web.StreamResponse:
        """Answer with the terms as the creditor signs them."""
        terms = self._teller.history.terms
        if rest or terms is None:
            raise web.HTTPNotFound
        return web.Response(text=terms.text, content_type="application/json", headers={"Cache-Control": "no-cache"})

    async def async_proof(self, request: web.Request, rest: str) -> web.StreamResponse:
        """Answer with the proof that an entry is in the log."""
        if not (rest.isascii() and rest.isdecimal() and len(rest) < 16):  # noqa: PLR2004 -- digits of any size that a log can have
            raise web.HTTPNotFound
        try:
            proof = await self._teller.async_run(self._teller.storage.proof, int(rest))
        except ProofError, LogDamaged:
            raise web.HTTPNotFound from None
        return web.Response(body=proof.encode(), content_type="text/plain", charset="utf-8")

    async def async_commit(self, request: web.Request, rest: str) -> web.StreamResponse:
        """Commit, and answer with the head."""
        if rest:
            raise web.HTTPNotFound
        try:
            await self._teller.async_commit()
        except HomeAssistantError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None
        return _answer(self.head())


def _json(answer: Callable[[], dict[str, Any]]) -> Handler:
    async def handle(request: web.Request, rest: str) -> web.StreamResponse:
        if rest:
            raise web.HTTPNotFound
        return _answer(answer())

    return handle


def _answer(value: dict[str, Any] | list[int]) -> web.Response:
    return web.Response(
        body=json_dumps(value).encode(), content_type="application/json", headers={"Cache-Control": "no-store"}
    )
