"""The console's own settings: where it listens, who reaches it, who may sign in."""

from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from billing_core.errors import SettingsError
from billing_core.settings import ROOT

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
