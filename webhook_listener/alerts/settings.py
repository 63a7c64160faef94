"""Where alerts go: from the environment, because addresses of hooks and passwords are secrets."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from billing_core.errors import SettingsError


class Security(StrEnum):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class AlertSettings(BaseSettings):
    """The targets of alerts; see ``.env.example``. Without any, alerts are on the page alone."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    alert_webhook_url: SecretStr | None = None
    alert_webhook_secret: SecretStr | None = None
    alert_smtp_host: str = ""
    alert_smtp_port: int = Field(default=587, ge=1, le=65535)
    alert_smtp_security: Security = Security.STARTTLS
    alert_smtp_user: str = ""
    alert_smtp_password: SecretStr | None = None
    alert_email_from: str = ""
    alert_email_to: Annotated[tuple[str, ...], NoDecode] = ()
    alert_check_seconds: int = Field(default=15, ge=1)
    console_url: str = ""

    @field_validator("alert_email_to", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _is_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("must start with https:// or http://")
        return value

    @model_validator(mode="after")
    def _mail_is_whole(self) -> "AlertSettings":
        given = (self.alert_smtp_host, self.alert_email_from, self.alert_email_to)
        if any(given) and not all(given):
            raise ValueError(
                "ALERT_SMTP_HOST, ALERT_EMAIL_FROM and ALERT_EMAIL_TO go together: set all or none"
            )
        addresses = (self.alert_email_from, *self.alert_email_to)
        if any(given) and not all("@" in each and "\n" not in each for each in addresses):
            raise ValueError("ALERT_EMAIL_FROM and ALERT_EMAIL_TO must be e-mail addresses")
        return self


def load_alert_settings() -> AlertSettings:
    """Read the settings afresh. Raises SettingsError naming the variable."""
    try:
        return AlertSettings()
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']).upper()} {fault['msg']}".strip()
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"The settings of alerts cannot be used. {faults}.") from None
