"""Settings that only the listener has; the shared ones are in ``billing_core.settings``."""

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from billing_core.errors import SettingsError


class ListenerSettings(BaseSettings):
    """Where the listener listens; see ``.env.example`` for the meanings."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    listener_port: int = 8000


def load_listener_settings() -> ListenerSettings:
    """Read the settings afresh. Raises SettingsError naming the variable."""
    try:
        return ListenerSettings()
    except ValidationError as error:
        names = ", ".join(
            str(fault["loc"][0]).upper()
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"The settings cannot be used: {names} is not a number.") from None
