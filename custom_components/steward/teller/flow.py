"""Steps of the config flow that add a teller, and that change one section of it.

A new teller is asked for its project, tariff and period; everything else is on a menu, there and when it is reconfigured.
"""

from collections.abc import Mapping
from secrets import choice, token_hex
from string import ascii_uppercase
from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_ENTITY_ID, CONF_LATITUDE, CONF_LOCATION, CONF_LONGITUDE, CONF_URL
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import probatio

from ..const import CONF_KIND, Kind
from ..log.serve import new_capability
from . import checks, forms
from .anchors.keys import InvalidSecretError, async_keys
from .checks import InputError, Wrong
from .data import (
    CONF_ACCOUNT,
    CONF_AFTER,
    CONF_ANCHOR,
    CONF_ASSET,
    CONF_AUTOMATIC,
    CONF_CAPABILITY,
    CONF_CEILING,
    CONF_COUNT,
    CONF_CREDITOR,
    CONF_CURRENCY,
    CONF_DESTINATION,
    CONF_DEVICE_ID,
    CONF_DUE_DAYS,
    CONF_GAPS,
    CONF_HIGH,
    CONF_HORIZON,
    CONF_IPFS,
    CONF_LOW,
    CONF_NETWORK,
    CONF_ORIGIN,
    CONF_PAY,
    CONF_PAY_ASSET,
    CONF_PERIOD,
    CONF_PRICE,
    CONF_PROJECT,
    CONF_QUORUM,
    CONF_RFC3161,
    CONF_ROWS,
    CONF_SHARE_ENTRIES,
    CONF_SIGNED_TERMS,
    CONF_START,
    CONF_STELLAR,
    CONF_TARIFF,
    CONF_TARIFF_KIND,
    CONF_UNIT,
    CONF_WITNESSES,
    CONF_WORTH,
    CONF_ZONE,
    NATIVE,
    can_pay,
    parse_settings,
)
from .teller import Teller
from .terms import check_signed, check_tariff, is_signed, terms_of
from .views import link

ORIGIN: Final = "github.com/steward-house/teller"
"""What the origins of tellers' logs begin with; a random id makes each the only one."""

_MORE: Final = ["teller_witnesses", "teller_ipfs", "teller_stellar", "teller_rfc3161", "teller_pay"]


class TellerSteps(ConfigFlow):
    """The steps of the kind `teller`."""

    _new: dict[str, Any] | None = None

    async def async_step_teller(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what the project is."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                found = self._project(user_input)
            except InputError as error:
                errors = {CONF_CURRENCY: error.wrong}
            else:
                if not self._reconfigures:
                    await self.async_set_unique_id(found[CONF_DEVICE_ID])
                    self._abort_if_unique_id_configured()
                    return await self._next(found)
                return self._saved(found)
        return self._form("teller", forms.PROJECT, errors, user_input or self._project_shown())

    def _project(self, user_input: Mapping[str, Any]) -> dict[str, Any]:
        config = self.hass.config
        location = {CONF_LATITUDE: round(config.latitude, 4), CONF_LONGITUDE: round(config.longitude, 4)}
        made = "".join(choice(ascii_uppercase) for _ in range(16))
        currency, pay = checks.currency(user_input[CONF_CURRENCY]), self._known.get(CONF_PAY)
        if pay and currency != self._known[CONF_CURRENCY] and not can_pay(pay[CONF_PAY_ASSET], currency):
            raise InputError(Wrong.NOT_LUMENS)
        return {
            CONF_PROJECT: user_input[CONF_PROJECT].strip(),
            CONF_ASSET: user_input[CONF_ASSET].strip(),
            CONF_CURRENCY: currency,
            CONF_DEVICE_ID: user_input.get(CONF_DEVICE_ID, "").strip() or self._known.get(CONF_DEVICE_ID) or made,
            CONF_LOCATION: location if user_input[forms.CONF_RECORD_LOCATION] else None,
        }

    def _project_shown(self) -> dict[str, Any]:
        if self._known:
            return {**self._known, forms.CONF_RECORD_LOCATION: self._known.get(CONF_LOCATION) is not None}
        return {CONF_CURRENCY: self.hass.config.currency}

    async def async_step_teller_tariff(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how the price is told."""
        return self.async_show_menu(
            step_id="teller_tariff", menu_options=["teller_tariff_fixed", "teller_tariff_entity", "teller_tariff_table"]
        )

    async def async_step_teller_tariff_fixed(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the price."""
        if user_input is not None:
            return await self._next(
                {CONF_TARIFF: {CONF_TARIFF_KIND: "fixed", CONF_PRICE: checks.decimal(user_input[CONF_PRICE])}}
            )
        return self._form("teller_tariff_fixed", forms.TARIFF_FIXED, {}, self._number(CONF_TARIFF, CONF_PRICE))

    async def async_step_teller_tariff_entity(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the entity that tells the price, and for what was agreed about it."""
        errors: dict[str, str] = {}
        if user_input is not None:
            prices = {
                name: checks.decimal(user_input[name])
                for name in (CONF_PRICE, CONF_LOW, CONF_HIGH)
                if user_input.get(name) is not None
            }
            tariff = {CONF_TARIFF_KIND: "entity", CONF_ENTITY_ID: user_input[CONF_ENTITY_ID], **prices}
            try:
                return await self._next({CONF_TARIFF: check_tariff(tariff)})
            except InputError:
                errors = {CONF_HIGH: "invalid_bounds"}
        shown = user_input or self._number(CONF_TARIFF, CONF_PRICE, CONF_LOW, CONF_HIGH)
        return self._form("teller_tariff_entity", forms.TARIFF_ENTITY, errors, shown)

    async def async_step_teller_tariff_table(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the prices by season, weekday and hour."""
        errors: dict[str, str] = {}
        if user_input is not None:
            tariff = {CONF_TARIFF_KIND: "table", CONF_ROWS: user_input[CONF_ROWS]}
            try:
                return await self._next({CONF_TARIFF: check_tariff(tariff)})
            except InputError as error:
                errors = {CONF_ROWS: error.wrong}
        shown = user_input or self._known.get(CONF_TARIFF)
        return self._form("teller_tariff_table", forms.TARIFF_TABLE, errors, shown)

    async def async_step_teller_period(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for how long a period is, when its debt is due, and what is owed for gaps."""
        if user_input is not None:
            return await self._next(
                {
                    CONF_PERIOD: {
                        CONF_UNIT: user_input[CONF_UNIT],
                        CONF_COUNT: int(user_input[CONF_COUNT]),
                        CONF_START: user_input[CONF_START],
                    },
                    CONF_DUE_DAYS: int(user_input[CONF_DUE_DAYS]),
                    CONF_GAPS: {CONF_WORTH: user_input[CONF_WORTH], CONF_AFTER: int(user_input[CONF_AFTER]) * 60},
                }
            )
        shown = {CONF_START: dt_util.now().date().isoformat(), **self._known.get(CONF_PERIOD, {})}
        if gaps := self._known.get(CONF_GAPS):
            shown |= {CONF_WORTH: gaps[CONF_WORTH], CONF_AFTER: gaps[CONF_AFTER] // 60}
            shown[CONF_DUE_DAYS] = self._known[CONF_DUE_DAYS]
        return self._form("teller_period", forms.PERIOD, {}, shown)

    async def async_step_teller_more(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer what a teller can do without."""
        return self.async_show_menu(step_id="teller_more", menu_options=["teller_finish", *_MORE])

    async def async_step_teller_finish(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add the teller."""
        data = {
            CONF_KIND: Kind.TELLER.value,
            CONF_ORIGIN: f"{ORIGIN}/{token_hex(16)}",
            CONF_CAPABILITY: new_capability(),
            CONF_ZONE: self.hass.config.time_zone,
            **self._known,
        }
        return self.async_create_entry(title=data[CONF_PROJECT], data=data)

    async def async_step_teller_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer the sections."""
        return self.async_show_menu(
            step_id="teller_reconfigure",
            menu_options=["teller", "teller_tariff", "teller_period", "teller_creditor", *_MORE, "teller_link"],
        )

    async def async_step_teller_witnesses(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask who co-signs checkpoints."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                return await self._next(self._witnesses(user_input))
            except InputError as error:
                errors = {CONF_QUORUM if error.wrong is Wrong.QUORUM else CONF_WITNESSES: error.wrong}
        return self._form(
            "teller_witnesses", forms.WITNESSES, errors, user_input or {CONF_WITNESSES: [], **self._known}
        )

    def _witnesses(self, user_input: Mapping[str, Any]) -> dict[str, Any]:
        witnesses = checks.witnesses(user_input[CONF_WITNESSES])
        quorum = int(user_input[CONF_QUORUM]) if witnesses else 0
        if quorum > len(witnesses):
            raise InputError(Wrong.QUORUM)
        return {CONF_WITNESSES: witnesses, CONF_QUORUM: quorum}

    async def async_step_teller_ipfs(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a Kubo node."""
        return await self._service("teller_ipfs", forms.IPFS, CONF_IPFS, user_input, CONF_SHARE_ENTRIES)

    async def async_step_teller_rfc3161(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a time stamp authority."""
        return await self._service("teller_rfc3161", forms.RFC3161, CONF_RFC3161, user_input)

    async def _service(
        self, step_id: str, schema: probatio.Schema, section: str, user_input: dict[str, Any] | None, *also: str
    ) -> ConfigFlowResult:
        """Ask for an anchor's address; without one there is no such anchor."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if not user_input.get(CONF_URL):
                return await self._next({section: None})
            try:
                found = {CONF_URL: checks.url(user_input[CONF_URL]), **{name: user_input[name] for name in also}}
            except InputError as error:
                errors = {CONF_URL: error.wrong}
            else:
                return await self._next({section: found})
        return self._form(step_id, schema, errors, user_input or self._known.get(section))

    async def async_step_teller_stellar(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a Stellar network, and for the account that writes anchors there."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if not user_input.get(CONF_HORIZON):
                return await self._next({CONF_STELLAR: None})
            found, errors = await self._stellar(user_input)
            if found:
                return await self._next({CONF_STELLAR: found})
        return self._form("teller_stellar", forms.STELLAR, errors, user_input or self._known.get(CONF_STELLAR))

    async def _stellar(self, user_input: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, str]]:
        try:
            horizon = checks.url(user_input[CONF_HORIZON])
        except InputError as error:
            return None, {CONF_HORIZON: error.wrong}
        account, errors = await self._account(user_input, CONF_STELLAR, needed=user_input[CONF_ANCHOR])
        if errors:
            return None, errors
        return {
            CONF_HORIZON: horizon,
            CONF_NETWORK: user_input.get(CONF_NETWORK) or forms.PUBLIC_NETWORK,
            CONF_ANCHOR: user_input[CONF_ANCHOR],
            CONF_ACCOUNT: account,
        }, {}

    async def async_step_teller_pay(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whom the debt is paid to, and whether that is done automatically."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if not user_input.get(CONF_DESTINATION):
                return await self._next({CONF_PAY: None})
            found, errors = await self._pay(user_input)
            if found:
                return await self._next({CONF_PAY: found})
        return self._form("teller_pay", forms.PAY, errors, user_input or self._number(CONF_PAY, CONF_CEILING))

    async def _pay(self, user_input: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, str]]:
        errors: dict[str, str] = {}
        found: dict[str, Any] = {CONF_AUTOMATIC: user_input[CONF_AUTOMATIC]}
        for name, check in ((CONF_DESTINATION, checks.account), (CONF_PAY_ASSET, checks.payment_asset)):
            try:
                found[name] = check(user_input.get(name) or NATIVE)
            except InputError as error:
                errors[name] = error.wrong
        if CONF_PAY_ASSET in found and not can_pay(found[CONF_PAY_ASSET], self._known[CONF_CURRENCY]):
            errors[CONF_PAY_ASSET] = Wrong.NOT_LUMENS
        if user_input[CONF_AUTOMATIC] and not user_input.get(CONF_CEILING):
            errors[CONF_CEILING] = "ceiling_missing"
        if user_input[CONF_AUTOMATIC] and not self._known.get(CONF_STELLAR):
            errors["base"] = "network_missing"
        if errors:
            return None, errors
        if user_input.get(CONF_CEILING):
            found[CONF_CEILING] = checks.decimal(user_input[CONF_CEILING])
        found[CONF_ACCOUNT], errors = await self._account(user_input, CONF_PAY, needed=user_input[CONF_AUTOMATIC])
        return (None, errors) if errors else (found, {})

    async def _account(
        self, user_input: Mapping[str, Any], section: str, *, needed: bool
    ) -> tuple[str | None, dict[str, str]]:
        """Keep the secret key that was entered, and return its account; without one, the account that is known already."""
        if secret := user_input.get(forms.CONF_SECRET_KEY):
            try:
                return await async_keys(self.hass).async_keep(secret), {}
            except InvalidSecretError:
                return None, {forms.CONF_SECRET_KEY: "invalid_secret_key"}
            except HomeAssistantError:
                return None, {"base": "library_missing"}
        known: str | None = (self._known.get(section) or {}).get(CONF_ACCOUNT)
        if needed and not known:
            return None, {forms.CONF_SECRET_KEY: "secret_key_missing"}
        return known, {}

    async def async_step_teller_creditor(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the key that the creditor signs the terms with."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if not user_input.get(CONF_CREDITOR):
                return self._saved({CONF_CREDITOR: None, CONF_SIGNED_TERMS: None})
            try:
                self._new = {CONF_CREDITOR: checks.creditor(user_input[CONF_CREDITOR])}
            except InputError as error:
                errors = {CONF_CREDITOR: error.wrong}
            else:
                return await self.async_step_teller_terms()
        return self._form("teller_creditor", forms.CREDITOR, errors, user_input or self._known)

    async def async_step_teller_terms(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the terms, and take the creditor's signature."""
        errors: dict[str, str] = {}
        entry = self._get_reconfigure_entry()
        creditor = (self._new or {})[CONF_CREDITOR]
        teller: Teller | None = getattr(entry, "runtime_data", None)
        terms = terms_of(parse_settings(entry), creditor, teller.history.terms if teller else None)
        if user_input is not None:
            note = user_input.get(CONF_SIGNED_TERMS, "").strip()
            try:
                if note:
                    note = check_signed(note, terms, creditor)
            except InputError as error:
                errors = {CONF_SIGNED_TERMS: error.wrong}
            else:
                return self._saved({CONF_CREDITOR: creditor, CONF_SIGNED_TERMS: note or None})
        note = entry.data.get(CONF_SIGNED_TERMS)
        shown = {CONF_SIGNED_TERMS: note if is_signed(terms, note, creditor) else None, **(user_input or {})}
        return self._form(
            "teller_terms",
            forms.TERMS,
            errors,
            {**shown, forms.CONF_TERMS: terms.text},
            {"link": f"{link(self.hass, entry)}/terms"},
        )

    async def async_step_teller_link(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the link that auditors read the books by, and make a new one if it went astray."""
        entry = self._get_reconfigure_entry()
        if user_input is not None:
            return self._saved({CONF_CAPABILITY: new_capability()} if user_input[forms.CONF_RENEW] else {})
        shown = {forms.CONF_LINK: link(self.hass, entry)}
        if teller := getattr(entry, "runtime_data", None):
            shown[forms.CONF_LOG_KEY] = teller.storage.verifier.vkey
        return self._form("teller_link", forms.LINK, {}, shown)

    @property
    def _reconfigures(self) -> bool:
        return self.source == SOURCE_RECONFIGURE

    @property
    def _known(self) -> Mapping[str, Any]:
        """What is configured so far."""
        return self._get_reconfigure_entry().data if self._reconfigures else self._new or {}

    async def _next(self, found: dict[str, Any]) -> ConfigFlowResult:
        """Keep a section, and go on with what is missing of a new teller."""
        if self._reconfigures:
            return self._saved(found)
        self._new = {**(self._new or {}), **found}
        if CONF_TARIFF not in self._new:
            return await self.async_step_teller_tariff()
        if CONF_PERIOD not in self._new:
            return await self.async_step_teller_period()
        return await self.async_step_teller_more()

    def _saved(self, found: dict[str, Any]) -> ConfigFlowResult:
        entry = self._get_reconfigure_entry()
        title = (
            {"title": found[CONF_PROJECT]} if entry.title == entry.data[CONF_PROJECT] and CONF_PROJECT in found else {}
        )
        return self.async_update_and_abort(entry, data_updates=found, **title)

    def _number(self, section: str, *names: str) -> dict[str, Any]:
        """Return a section as it is shown: some of its members are numbers that are kept as text."""
        shown = dict(self._known.get(section) or {})
        return shown | {name: float(shown[name]) for name in names if shown.get(name) is not None}

    def _form(
        self,
        step_id: str,
        schema: probatio.Schema,
        errors: dict[str, str],
        values: Mapping[str, Any] | None,
        placeholders: Mapping[str, str] | None = None,
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, values),
            errors=errors,
            description_placeholders=placeholders,
        )
