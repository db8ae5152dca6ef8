"""An account's wallet: signs with stellar-sdk, and carries out the orders of everybody in this Home Assistant who uses the account."""

from functools import partial
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util.hass_dict import HassKey

from ...const import DOMAIN
from ...libraries import async_library
from .durable import DurableFile
from .horizon import HorizonClient
from .keys import async_keys
from .ledger import NATIVE, Attempt, MemoKind, Order
from .stellar_tx import SubmitOnce

if TYPE_CHECKING:
    from stellar_sdk import Keypair, TransactionBuilder

WALLETS: HassKey[dict[tuple[str, str], Wallet]] = HassKey(f"{DOMAIN}_stellar_wallets")
MAX_FEE: Final = 10_000
"""Stroops that a transaction may cost (0.001 lumens); what is charged is what the network needs at the time, mostly 100."""


class Wallet:
    """One account of one network; the state is shared, so that two users of an account take turns."""

    def __init__(self, hass: HomeAssistant, url: str, passphrase: str, account: str) -> None:
        """Take Horizon's URL, the network's passphrase and the account (`G…`)."""
        self._hass = hass
        self.account = account
        self.horizon = HorizonClient(async_get_clientsession(hass), url, passphrase)
        network = sha256(passphrase.encode()).hexdigest()[:8]
        file = DurableFile(hass, Path(hass.config.path(".storage", f"{DOMAIN}.stellar_{network}_{account}")))
        self.once = SubmitOnce(account, self.horizon, file, self._sign)

    async def _sign(self, order: Order, sequence: int, max_time: int) -> Attempt:
        """Build and sign.

        Raises:
            HomeAssistantError: the secret key isn't known, stellar-sdk isn't there, or the order can't be signed; translated.
        """
        sdk = await async_library(self._hass, "stellar_sdk")
        if (secret := await async_keys(self._hass).async_get(self.account)) is None:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="stellar_secret_missing",
                translation_placeholders={"account": self.account},
            )
        try:
            signing = partial(sign, sdk, secret, self.horizon.passphrase, order, sequence=sequence, max_time=max_time)
            return await self._hass.async_add_executor_job(signing)
        except (ValueError, TypeError, sdk.exceptions.SdkError) as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="stellar_order_invalid",
                translation_placeholders={"destination": order.payment.destination, "error": str(error)},
            ) from error


@callback
def async_wallet(hass: HomeAssistant, url: str, passphrase: str, account: str) -> Wallet:
    """Return an account's wallet, which from now on asks the Horizon at this URL."""
    wallets = hass.data.setdefault(WALLETS, {})
    if wallet := wallets.get((passphrase, account)):
        wallet.horizon.url = url
    else:
        wallet = wallets[passphrase, account] = Wallet(hass, url, passphrase, account)
    return wallet


def sign(sdk: ModuleType, secret: str, passphrase: str, order: Order, *, sequence: int, max_time: int) -> Attempt:
    """Build and sign an order's transaction: one payment, valid until `max_time`.

    Raises:
        ValueError: a destination, amount or asset that the network doesn't know (or other errors of stellar-sdk).
    """
    key: Keypair = sdk.Keypair.from_secret(secret)
    payment = order.payment
    asset = sdk.Asset.native() if payment.asset == NATIVE else sdk.Asset(*payment.asset.split(":", 1))
    builder: TransactionBuilder = sdk.TransactionBuilder(sdk.Account(key.public_key, sequence - 1), passphrase, MAX_FEE)
    builder.add_time_bounds(0, max_time)
    match order.memo.kind:
        case MemoKind.TEXT:
            builder.add_text_memo(order.memo.value)
        case MemoKind.HASH:
            builder.add_hash_memo(order.memo.value)
    builder.append_payment_op(payment.destination, asset, payment.amount)
    envelope = builder.build()
    envelope.sign(key)
    return Attempt(sequence, max_time, envelope.hash_hex(), envelope.to_xdr())
