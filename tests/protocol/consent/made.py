"""What the tests of consent have in common: a provider, its request, a house, and anything that could be asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from steward_house.protocol.consent.address import Address
from steward_house.protocol.consent.grain import Grain, Quantity, carried
from steward_house.protocol.consent.request import Provider, Request
from steward_house.protocol.consent.scope import Scope
from steward_house.protocol.log.note import Signer
from steward_house.protocol.seal.wrap import PrivateKey

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEAR = datetime(2027, 3, 1, tzinfo=UTC)
HOUSE = Signer("github.com/steward-house/house/test", bytes(range(2, 34)))
WRAPPING = PrivateKey(bytes(range(32)))
SIGNING = Signer("insights.example:8443", bytes(range(3, 35)))
PROVIDER = Provider(
    "Wattt Insights",
    Address.parse("https://insights.example:8443", "site"),
    Address.parse("https://insights.example:8443/answer?house=1", "return_address"),
    SIGNING.verifier.public,
    WRAPPING.public.raw,
)
SCOPE = Scope(frozenset({Quantity.ENERGY_IMPORT, Quantity.POWER}), Grain.QUARTER, YEAR, history=True)
REQUEST = Request(PROVIDER, "Draw your energy, „schön“", SCOPE, bytes(range(16)), AT + timedelta(hours=1))
SIGNED = REQUEST.sign(SIGNING)

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001 -- in UTC a step later
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
    lambda text: text.isprintable() and text == text.strip()
)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    """Return any scope."""
    grain = draw(st.sampled_from(Grain))
    times = sorted(draw(st.lists(MOMENTS, min_size=2, max_size=2, unique=True)))
    return Scope(
        draw(st.frozensets(st.sampled_from(sorted(carried(grain))), min_size=1)),
        grain,
        times[1],
        draw(st.sampled_from([None, times[0]])),
        draw(st.booleans()),
    )


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Return any request."""
    provider = replace(PROVIDER, name=draw(TEXTS))
    return Request(provider, draw(TEXTS), draw(scopes()), draw(st.binary(min_size=16, max_size=16)), draw(MOMENTS))
