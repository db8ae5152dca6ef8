"""Payment links and amounts: what a wallet reads from a link is what was asked for, and no amount leaves less than a cent behind."""

from decimal import Decimal

from hypothesis import given, strategies as st
import pytest
from stellar_sdk import Asset, HashMemo, Network
from stellar_sdk.sep.stellar_uri import PayStellarUri

from custom_components.steward.teller.pay.money import round_up
from custom_components.steward.teller.pay.sep7 import MESSAGE_LENGTH, PUBLIC_NETWORK, PaymentRequest

CREDITOR = "GCALNQQBXAPZ2WIRSDDBMSTAKCUH5SG6U76YBFLQLIXJTF7FE5AX7AOO"
ISSUER = "GCRCUE2C5TBNIPYHMEP7NK5RWTT2WBSZ75CMARH7GDOHDDCQH3XANFOB"


def test_a_link_asks_for_lumens() -> None:
    """The memo is base64 and percent-encoded to the last character; the public network isn't named."""
    memo = bytes.fromhex("ff" * 31 + "fe")
    link = PaymentRequest(CREDITOR, Decimal("120.1234567"), "native", memo, message="pay me with lumens & more").link()
    assert link == (
        f"web+stellar:pay?destination={CREDITOR}&amount=120.1234567"
        "&memo=%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F4%3D"
        "&memo_type=MEMO_HASH&msg=pay%20me%20with%20lumens%20%26%20more"
    )


@given(
    amount=st.decimals(min_value="0.0000001", max_value="922337203685", places=7),
    code=st.from_regex("[A-Z0-9]{1,12}", fullmatch=True),
    memo=st.binary(min_size=32, max_size=32),
    passphrase=st.sampled_from([PUBLIC_NETWORK, Network.TESTNET_NETWORK_PASSPHRASE, "A house's own + network & more"]),
    message=st.text(st.characters(exclude_categories=["Cs"]), max_size=400),
)
def test_a_wallet_reads_what_was_asked_for(
    amount: Decimal, code: str, memo: bytes, passphrase: str, message: str
) -> None:
    """Stellar's own library reads every link."""
    link = PaymentRequest(CREDITOR, amount, f"{code}:{ISSUER}", memo, passphrase, message).link()
    read = PayStellarUri.from_uri(link)
    assert (read.destination, Decimal(read.amount)) == (CREDITOR, amount)
    assert "E" not in read.amount
    assert Asset(read.asset_code, read.asset_issuer) == Asset(code, ISSUER)
    assert read._memo == HashMemo(memo)
    assert read.msg == (message[:MESSAGE_LENGTH] or None)
    assert read.network_passphrase == (None if passphrase == Network.PUBLIC_NETWORK_PASSPHRASE else passphrase)


@pytest.mark.parametrize(
    ("owed", "digits", "asked"),
    [
        ("12.34", 2, "12.34"),
        ("12.3400000000001", 2, "12.35"),
        ("0.0000000001", 2, "0.01"),
        ("12.01", 0, "13"),
        ("1.23401", 3, "1.235"),
        ("1.00000001", 7, "1.0000001"),
        ("123456789012345678901234567890.001", 2, "123456789012345678901234567890.01"),
        ("0", 2, "0.00"),
    ],
)
def test_amounts_are_rounded_up_to_what_can_be_paid(owed: str, digits: int, asked: str) -> None:
    """To a cent, a yen, a stroop."""
    assert str(round_up(Decimal(owed), digits)) == asked


@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False), st.integers(0, 7))
def test_nothing_stays_behind(owed: Decimal, digits: int) -> None:
    """What is asked for is enough, by less than one unit too much, and Stellar can pay it."""
    asked = round_up(owed, digits)
    assert 0 <= asked - owed < Decimal(1).scaleb(-digits)
    assert -asked.as_tuple().exponent == digits
