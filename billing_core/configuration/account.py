"""Which Stripe the key opens, told before anything is asked; the key itself is never told."""

from dataclasses import dataclass

from billing_core.errors import SettingsError
from billing_core.settings import Settings
from billing_core.stripe_gateway.configuration import ConfigurationGateway

_WRONG = {
    "pk_": "a publishable key, which is for browsers and may not read or change these",
    "whsec_": "a webhook signing secret",
    "mk_": "no key of an account",
}
_KINDS = ("rk_test_", "rk_live_", "sk_test_", "sk_live_")


@dataclass(frozen=True, slots=True)
class Account:
    """The Stripe that a command works on; ``where`` names it in a sentence."""

    gateway: ConfigurationGateway
    where: str
    live: bool


def account_of(settings: Settings) -> Account:
    """The account that the settings' key opens. Raises SettingsError for a key that cannot be one."""
    key = settings.stripe_key()
    for prefix, what in _WRONG.items():
        if key.startswith(prefix):
            raise SettingsError(
                f"STRIPE_API_KEY is {what}. Set a restricted key: it starts with rk_test_ or"
                " rk_live_."
            )
    if not key.startswith(_KINDS):
        raise SettingsError(
            "STRIPE_API_KEY does not look like a key of Stripe's: a restricted one starts with"
            " rk_test_ or rk_live_."
        )
    live = "_live_" in key[:8]
    if settings.livemode is not None and settings.livemode != live:
        said, is_ = ("live", "test") if settings.livemode else ("test", "live")
        raise SettingsError(
            f"LIVEMODE says {said} mode, but STRIPE_API_KEY is of {is_} mode. Nothing was asked or"
            " changed; correct one of them."
        )
    gateway = ConfigurationGateway(key, api_base=settings.stripe_api_base)
    if settings.stripe_api_base:
        return Account(gateway, f"the sandbox at {settings.stripe_api_base}", live=False)
    return Account(gateway, f"Stripe ({'live' if live else 'test'} mode)", live=live)
