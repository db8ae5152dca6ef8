"""Payment links that Stellar wallets open: SEP-7's operation `pay`.

Needs no library, so a project that is paid by hand needs none either. Links aren't signed: the wallet shows destination, amount and
message, and the person decides.
"""

from base64 import b64encode
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from ..data import NATIVE

PUBLIC_NETWORK: Final = "Public Global Stellar Network ; September 2015"
MESSAGE_LENGTH: Final = 300
"""Characters of a message at most, before it is encoded."""
_SCHEME: Final = "web+stellar:pay?"


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What a link asks for: `amount` of `asset` (`native` or `CODE:ISSUER`) for an account (`G…`), with a memo of 32 bytes.

    `message` is shown by the wallet and isn't in the ledger; what is too long of it is cut off.
    """

    destination: str
    amount: Decimal
    asset: str
    memo: bytes
    passphrase: str = PUBLIC_NETWORK
    message: str = ""

    def link(self) -> str:
        """Return the link, every value percent-encoded as UTF-8 (SEP-7, operation pay)."""
        values = {"destination": self.destination, "amount": f"{self.amount:f}"}
        if self.asset != NATIVE:
            values["asset_code"], _, values["asset_issuer"] = self.asset.partition(":")
        values["memo"] = b64encode(self.memo).decode()
        values["memo_type"] = "MEMO_HASH"
        if self.message:
            values["msg"] = self.message[:MESSAGE_LENGTH]
        if self.passphrase != PUBLIC_NETWORK:
            values["network_passphrase"] = self.passphrase
        return _SCHEME + "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
