"""The console's own settings: where it listens, who reaches it, who may sign in."""

from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from billing_core.errors import SettingsError
from billing_core.settings import ROOT
from console.oidc_settings import (
    CALLBACK_PATH,
    OidcSettings,
    allowed_domains,
    roles_by_claim,
    safe_address,
)

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ConsoleSettings(BaseSettings):
    """Read from the environment and ``.env``; see ``.env.example`` for the meanings."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    console_port: int = Field(default=8501, ge=0, le=65535)
    console_url: str | None = None
    console_users: Path = ROOT / "var" / "users.yaml"
    console_sessions: Path = ROOT / "var" / "console-sessions.sqlite3"
    console_trusted_proxies: str = ""
    console_password_sign_in: bool = True
    console_oidc_issuer: str | None = None
    console_oidc_client_id: str | None = None
    console_oidc_client_secret: SecretStr | None = None
    console_oidc_redirect_url: str | None = None
    console_oidc_name: str = Field(default="single sign-on", max_length=40)
    console_oidc_scopes: str = "openid email profile"
    console_oidc_verified_claim: str = "email_verified"
    console_oidc_roles_claim: str = "groups"
    console_oidc_roles: str = ""
    console_oidc_domains: str = ""
    console_oidc_session_hours: int = Field(default=8, ge=1, le=24)

    @field_validator("console_url")
    @classmethod
    def _an_origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as https://console.example.com")
        if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
            raise ValueError("must name an origin alone, without a path")
        return value.rstrip("/")

    @field_validator("console_oidc_issuer", "console_oidc_redirect_url")
    @classmethod
    def _over_https(cls, value: str | None) -> str | None:
        return None if value is None else safe_address(value)

    @field_validator("console_oidc_scopes")
    @classmethod
    def _openid(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("must name openid among the scopes")
        return value

    @field_validator("console_oidc_roles")
    @classmethod
    def _readable_roles(cls, value: str) -> str:
        roles_by_claim(value)
        return value

    def oidc(self) -> OidcSettings | None:
        """How to reach the sign-in provider, whose callback is CALLBACK_PATH; None where none is configured.

        Raises SettingsError for half a configuration, and where nobody could sign in.
        """
        given = (
            self.console_oidc_issuer,
            self.console_oidc_client_id,
            self.console_oidc_client_secret,
        )
        if not any(given):
            if not self.console_password_sign_in:
                raise SettingsError(
                    "CONSOLE_PASSWORD_SIGN_IN is off and CONSOLE_OIDC_ISSUER names no provider, so"
                    " nobody could sign in."
                )
            return None
        issuer, client_id, client_secret = given
        redirect_url = self.console_oidc_redirect_url or (
            f"{self.console_url}{CALLBACK_PATH}" if self.console_url else None
        )
        if not (issuer and client_id and client_secret and redirect_url):
            raise SettingsError(
                "Signing in through a provider takes CONSOLE_OIDC_ISSUER, CONSOLE_OIDC_CLIENT_ID,"
                " CONSOLE_OIDC_CLIENT_SECRET, and CONSOLE_URL or CONSOLE_OIDC_REDIRECT_URL."
            )
        if urlsplit(redirect_url).path != CALLBACK_PATH:
            raise SettingsError(f"CONSOLE_OIDC_REDIRECT_URL must end in {CALLBACK_PATH}.")
        return OidcSettings(
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            redirect_url=redirect_url,
            name=self.console_oidc_name,
            scopes=self.console_oidc_scopes,
            verified_claim=self.console_oidc_verified_claim,
            roles_claim=self.console_oidc_roles_claim,
            roles=roles_by_claim(self.console_oidc_roles),
            domains=allowed_domains(self.console_oidc_domains),
            session_seconds=self.console_oidc_session_hours * 3600,
        )

    @property
    def serves_https(self) -> bool:
        """Whether staff reach the console over https, so that its cookie must be ``Secure``."""
        return (self.console_url or "").startswith("https://")

    def allowed_hosts(self, bound_host: str) -> frozenset[str]:
        """The host names a request may carry: loopback, the bound one, CONSOLE_URL's."""
        named = urlsplit(self.console_url).hostname if self.console_url else None
        wildcard = bound_host in ("0.0.0.0", "::", "")
        return _LOOPBACK | {name for name in (named, None if wildcard else bound_host) if name}


@lru_cache(maxsize=1)
def console_settings() -> ConsoleSettings:
    """The process's settings, read once. Raises SettingsError with a sentence."""
    try:
        return ConsoleSettings()
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"The console's settings cannot be used. {faults}") from None
