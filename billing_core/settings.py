"""Settings from the environment and ``.env``: each name, its meaning and its default."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from billing_core.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
MINIMUM_SECRET_LENGTH = 32
_PLACEHOLDERS = ("change-me", "changeme", "secret", "password", "example")


class Settings(BaseSettings):
    """Every setting of the console and the listener; see ``.env.example`` for the meanings."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    database_url: str = f"sqlite:///{ROOT / 'var' / 'billing.sqlite3'}"
    database_read_url: str = ""
    stripe_api_key: SecretStr | None = None
    stripe_webhook_secret: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    stripe_api_base: str | None = None
    stripe_account: str | None = None
    app_url: str = "http://127.0.0.1:8501"
    listener_url: str = "http://127.0.0.1:8000"
    public_url: str = "http://127.0.0.1:8000"
    command_secret: SecretStr | None = None
    billing_config: Path = ROOT / "billing.toml"
    livemode: bool | None = Field(
        default=None, description="Expected mode; by default read off the API key's prefix."
    )

    @field_validator("stripe_webhook_secret", mode="before")
    @classmethod
    def _split_secrets(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands over anything
        if isinstance(value, str):
            return tuple(SecretStr(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("app_url", "listener_url", "public_url")
    @classmethod
    def _origin_without_slash(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _read_url_defaults_to_the_same_sqlite_file(self) -> "Settings":
        if not self.database_read_url and self.database_url.startswith("sqlite"):
            self.database_read_url = self.database_url
        return self

    @property
    def expected_livemode(self) -> bool:
        """Whether events must be from live mode: said outright, else by the key's prefix."""
        if self.livemode is not None:
            return self.livemode
        key = self.stripe_api_key.get_secret_value() if self.stripe_api_key else ""
        return key.startswith(("sk_live_", "rk_live_"))

    def webhook_secrets(self) -> tuple[str, ...]:
        """The webhook signing secrets, newest first.

        Raises SettingsError naming ``STRIPE_WEBHOOK_SECRET`` when none is set or one is weak.
        """
        secrets = tuple(secret.get_secret_value() for secret in self.stripe_webhook_secret)
        if not secrets:
            raise SettingsError(
                "STRIPE_WEBHOOK_SECRET is not set, so no webhook could be trusted. Set it to the"
                " signing secret of your webhook endpoint (it starts with whsec_)."
            )
        for secret in secrets:
            _refuse_weak("STRIPE_WEBHOOK_SECRET", secret, minimum=24)
        return secrets

    def command_key(self) -> str:
        """The key that signs the console's commands.

        Raises SettingsError naming ``COMMAND_SECRET`` when it is missing or weak.
        """
        if self.command_secret is None:
            raise SettingsError(
                "COMMAND_SECRET is not set, so the console and the listener cannot trust each"
                " other. Set the same random text of at least 32 characters for both."
            )
        secret = self.command_secret.get_secret_value()
        _refuse_weak("COMMAND_SECRET", secret, minimum=MINIMUM_SECRET_LENGTH)
        return secret

    def stripe_key(self) -> str:
        """The Stripe API key. Raises SettingsError naming ``STRIPE_API_KEY`` when missing."""
        if self.stripe_api_key is None:
            raise SettingsError(
                "STRIPE_API_KEY is not set. Set a restricted key of your Stripe account, or start"
                " everything with `make run`, which brings a sandbox of its own."
            )
        return self.stripe_api_key.get_secret_value()


def _refuse_weak(name: str, secret: str, *, minimum: int) -> None:
    body = secret.removeprefix("whsec_").lower()
    if len(secret) < minimum or len(set(secret)) < 8 or body.startswith(_PLACEHOLDERS):
        raise SettingsError(
            f"{name} is too weak: it needs at least {minimum} characters that nobody can guess."
            ' Make one with `python -c "import secrets; print(secrets.token_urlsafe(32))"`.'
        )


def load_settings() -> Settings:
    """Read the settings afresh. Raises SettingsError with a sentence for each bad variable."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"The settings cannot be used. {faults}") from None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read once. Raises SettingsError."""
    return load_settings()
