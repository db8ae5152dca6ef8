"""The forms of a teller's config flow."""

from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import CONF_ENTITY_ID, CONF_NAME, CONF_URL, Platform
from homeassistant.helpers.selector import (
    BooleanSelector,
    DateSelector,
    EntitySelector,
    EntitySelectorConfig,
    EntityWithDeviceFilterSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .data import (
    CONF_AFTER,
    CONF_ANCHOR,
    CONF_ASSET,
    CONF_AUTOMATIC,
    CONF_CEILING,
    CONF_COUNT,
    CONF_CREDITOR,
    CONF_CURRENCY,
    CONF_DESTINATION,
    CONF_DEVICE_ID,
    CONF_DUE_DAYS,
    CONF_HIGH,
    CONF_HORIZON,
    CONF_LOW,
    CONF_MAX_POWER,
    CONF_NETWORK,
    CONF_NOTIFY,
    CONF_PAY_ASSET,
    CONF_PRICE,
    CONF_PROJECT,
    CONF_QUORUM,
    CONF_ROLE,
    CONF_ROLLOVER,
    CONF_ROWS,
    CONF_SHARE_ENTRIES,
    CONF_SIGNED_TERMS,
    CONF_START,
    CONF_UNIT,
    CONF_VERIFIER,
    CONF_WITNESSES,
    CONF_WORTH,
    Role,
)

CONF_RECORD_LOCATION: Final = "record_location"
CONF_SECRET_KEY: Final = "secret_key"  # noqa: S105 -- the key of the field
CONF_TERMS: Final = "terms"
CONF_RENEW: Final = "renew"
CONF_LINK: Final = "link"
CONF_LOG_KEY: Final = "log_key"

PUBLIC_NETWORK: Final = "Public Global Stellar Network ; September 2015"
TEST_NETWORK: Final = "Test SDF Network ; September 2015"

_TEXT: Final = TextSelector()
_LINES: Final = TextSelector(TextSelectorConfig(multiline=True))
_URL: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
_PASSWORD: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))


def _number(minimum: float, maximum: float | None = None, *, whole: bool = False, unit: str = "") -> NumberSelector:
    config = NumberSelectorConfig(min=minimum, mode=NumberSelectorMode.BOX, step=1 if whole else "any")
    if maximum is not None:
        config["max"] = maximum
    if unit:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def _choice(options: list[str], translation_key: str) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(options=options, translation_key=translation_key, mode=SelectSelectorMode.LIST)
    )


def _schema(*fields: tuple[Any, Any]) -> probatio.Schema:
    return probatio.Schema(dict(fields))


PROJECT: Final = _schema(
    (probatio.Required(CONF_PROJECT), _TEXT),
    (probatio.Required(CONF_ASSET), _TEXT),
    (probatio.Required(CONF_CURRENCY), _TEXT),
    (probatio.Optional(CONF_DEVICE_ID), _TEXT),
    (probatio.Required(CONF_RECORD_LOCATION, default=True), BooleanSelector()),
)

TARIFF_FIXED: Final = _schema((probatio.Required(CONF_PRICE), _number(0)))
TARIFF_ENTITY: Final = _schema(
    (
        probatio.Required(CONF_ENTITY_ID),
        EntitySelector(EntitySelectorConfig(domain=["input_number", "number", "sensor"])),
    ),
    (probatio.Required(CONF_PRICE), _number(0)),
    (probatio.Optional(CONF_LOW), _number(0)),
    (probatio.Optional(CONF_HIGH), _number(0)),
)
TARIFF_TABLE: Final = _schema((probatio.Required(CONF_ROWS), ObjectSelector()))

PERIOD: Final = _schema(
    (probatio.Required(CONF_COUNT, default=4), _number(1, 120, whole=True)),
    (probatio.Required(CONF_UNIT, default="weeks"), _choice(["weeks", "months"], "period_unit")),
    (probatio.Required(CONF_START), DateSelector()),
    (probatio.Required(CONF_DUE_DAYS, default=14), _number(0, 365, whole=True, unit="d")),
    (
        probatio.Required(CONF_WORTH, default="register_estimate"),
        _choice(["register_estimate", "register", "estimate", "nothing"], "gap_worth"),
    ),
    (probatio.Required(CONF_AFTER, default=15), _number(1, 1440, whole=True, unit="min")),
)

WITNESSES: Final = _schema(
    (
        probatio.Required(CONF_WITNESSES),
        ObjectSelector(
            ObjectSelectorConfig(
                multiple=True,
                label_field=CONF_URL,
                translation_key="witness",
                fields={
                    CONF_URL: ObjectSelectorField(selector=_URL, required=True),
                    CONF_VERIFIER: ObjectSelectorField(selector=_TEXT, required=True),
                },
            )
        ),
    ),
    (probatio.Required(CONF_QUORUM, default=1), _number(0, 32, whole=True)),
)

IPFS: Final = _schema(
    (probatio.Optional(CONF_URL), _URL),
    (probatio.Required(CONF_SHARE_ENTRIES, default=False), BooleanSelector()),
)
RFC3161: Final = _schema((probatio.Optional(CONF_URL), _URL))
STELLAR: Final = _schema(
    (probatio.Optional(CONF_HORIZON), _URL),
    (
        probatio.Optional(CONF_NETWORK, default=PUBLIC_NETWORK),
        SelectSelector(
            SelectSelectorConfig(
                options=[PUBLIC_NETWORK, TEST_NETWORK], custom_value=True, mode=SelectSelectorMode.DROPDOWN
            )
        ),
    ),
    (probatio.Required(CONF_ANCHOR, default=False), BooleanSelector()),
    (probatio.Optional(CONF_SECRET_KEY), _PASSWORD),
)
PAY: Final = _schema(
    (probatio.Optional(CONF_DESTINATION), _TEXT),
    (probatio.Optional(CONF_PAY_ASSET), _TEXT),
    (probatio.Required(CONF_AUTOMATIC, default=False), BooleanSelector()),
    (probatio.Optional(CONF_CEILING), _number(0)),
    (probatio.Optional(CONF_SECRET_KEY), _PASSWORD),
)
CREDITOR: Final = _schema((probatio.Optional(CONF_CREDITOR), _TEXT))
TERMS: Final = _schema((probatio.Optional(CONF_TERMS), _LINES), (probatio.Optional(CONF_SIGNED_TERMS), _LINES))
LINK: Final = _schema(
    (probatio.Optional(CONF_LINK), _TEXT),
    (probatio.Optional(CONF_LOG_KEY), _TEXT),
    (probatio.Required(CONF_RENEW, default=False), BooleanSelector()),
)


def source(own: list[str]) -> probatio.Schema:
    """Return the form of a source, which none of the teller's own entities can be."""
    energy = EntityWithDeviceFilterSelectorConfig(
        domain=Platform.SENSOR, device_class=[SensorDeviceClass.ENERGY, SensorDeviceClass.POWER]
    )
    return _schema(
        (
            probatio.Required(CONF_ENTITY_ID),
            EntitySelector(EntitySelectorConfig(filter=[energy], exclude_entities=own)),
        ),
        (probatio.Optional(CONF_NAME), _TEXT),
        (probatio.Optional(CONF_ROLLOVER), _number(0, unit="kWh")),
        (probatio.Optional(CONF_MAX_POWER), _number(0, unit="W")),
    )


PARTY: Final = _schema(
    (probatio.Required(CONF_ROLE), _choice([*Role], "role")),
    (probatio.Required(CONF_NAME), _TEXT),
    (
        probatio.Optional(CONF_NOTIFY),
        EntitySelector(EntitySelectorConfig(domain="notify", multiple=True)),
    ),
    (probatio.Optional("actions"), TextSelector(TextSelectorConfig(multiple=True))),
)
