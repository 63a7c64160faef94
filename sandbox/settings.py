"""The sandbox's settings, from the environment and `.env`."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sandbox.rendering import TODAY


class Settings(BaseSettings):
    """Where the sandbox keeps its state, where it listens and where its webhooks go."""

    model_config = SettingsConfigDict(
        env_prefix="SANDBOX_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    state: Path = Path("var/sandbox.sqlite3")
    port: int = Field(default=12111, ge=0, le=65535)
    public_url: str | None = None
    business_name: str = "Northwind Cloud"
    webhook_url: str = "http://127.0.0.1:8000/webhooks/stripe"
    webhook_secret: str = Field(
        default="whsec_sandbox_secret_for_trying_only",
        validation_alias=AliasChoices("webhook_secret", "STRIPE_WEBHOOK_SECRET"),
    )
    api_version: str = TODAY
    retry_seconds: float = Field(default=1.0, gt=0)
    timeout_seconds: float = Field(default=10.0, gt=0)
    tick_seconds: float = Field(default=1.0, gt=0)

    def signing_secret(self) -> str:
        """The first of the secrets, which signs; the others are those being rolled away."""
        return self.webhook_secret.split(",")[0].strip()
