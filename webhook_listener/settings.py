"""Settings that only the listener has; the shared ones are in ``billing_core.settings``."""

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from billing_core.errors import SettingsError
from billing_core.stripe_gateway.ration import READS_A_MONTH


class ListenerSettings(BaseSettings):
    """Where the listener listens and how much it asks Stripe; see ``.env.example``.

    ``reconcile_seconds`` 0 turns the schedule off, ``configuration_check_seconds`` 0 the comparison
    of ``billing.toml`` with Stripe.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    listener_port: int = 8000
    reconcile_seconds: int = Field(default=600, ge=0)
    drift_sample: int = Field(default=2, ge=0)
    configuration_check_seconds: int = Field(default=21_600, ge=0)
    stripe_reads_per_month: int = Field(default=READS_A_MONTH, ge=1)


def load_listener_settings() -> ListenerSettings:
    """Read the settings afresh. Raises SettingsError naming the variable."""
    try:
        return ListenerSettings()
    except ValidationError as error:
        names = ", ".join(
            str(fault["loc"][0]).upper()
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(
            f"The settings cannot be used: {names} is not a number that can be used."
        ) from None
