"""What can be entered for a teller, and what is refused."""

from collections.abc import Callable

import pytest

from custom_components.steward.teller import checks
from custom_components.steward.teller.checks import InputError, Wrong

ACCOUNT = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"


@pytest.mark.parametrize(
    ("check", "text", "read"),
    [
        (checks.currency, " chf ", "CHF"),
        (checks.currency, "xlm", "XLM"),
        (checks.decimal, 0.1, "0.1"),
        (checks.decimal, 1e-7, "0.0000001"),
        (checks.decimal, "10.50", "10.5"),
        (checks.decimal, 100, "100"),
        (checks.url, " http://x:1/y/ ", "http://x:1/y"),
        (checks.account, f" {ACCOUNT} ", ACCOUNT),
        (checks.payment_asset, "xlm", "native"),
        (checks.payment_asset, f"EURC:{ACCOUNT}", f"EURC:{ACCOUNT}"),
    ],
)
def test_read(check: Callable, text: object, read: str) -> None:
    assert check(text) == read


@pytest.mark.parametrize(
    ("check", "text", "wrong"),
    [
        (checks.currency, "XXXX", Wrong.CURRENCY),
        (checks.decimal, "much", Wrong.NUMBER),
        (checks.decimal, -1, Wrong.NUMBER),
        (checks.decimal, float("nan"), Wrong.NUMBER),
        (checks.url, "http://[x", Wrong.URL),
        (checks.url, "/path", Wrong.URL),
        (checks.url, "http://x/#y", Wrong.URL),
        (checks.account, ACCOUNT[:-1] + "8", Wrong.ACCOUNT),
        (checks.account, ACCOUNT.replace("AAZ", "AZA"), Wrong.ACCOUNT),
        (checks.account, "S" + ACCOUNT[1:], Wrong.ACCOUNT),
        (checks.account, "GÄ", Wrong.ACCOUNT),
        (checks.payment_asset, f"EUR-C:{ACCOUNT}", Wrong.PAYMENT_ASSET),
        (checks.payment_asset, "EURC:G", Wrong.PAYMENT_ASSET),
    ],
)
def test_refused(check: Callable, text: object, wrong: Wrong) -> None:
    with pytest.raises(InputError) as caught:
        check(text)
    assert caught.value.wrong is wrong
