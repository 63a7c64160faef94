"""The OpenID Connect provider, spoken to by Authlib: code flow with PKCE, state and nonce.

Configured like ``st.login`` and answering at its callback, but not by it: its cookie lasts 30 days,
is not Secure, opens the console again after sign-out, and loses the page that was asked for.
"""

import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.integrations.starlette_client import (  # type: ignore[import-untyped]
    OAuth,
    StarletteOAuth2App,
)
from joserfc.errors import JoseError

from console.oidc_settings import OidcSettings, safe_address

_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
_METADATA_SECONDS = 3600
_LEEWAY_SECONDS = 60
_TIMEOUT = httpx.Timeout(10.0, connect=4.0)
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_log = logging.getLogger("console.provider")


class ProviderUnavailableError(Exception):
    """The provider cannot be reached or does not answer as it should; it may later."""


class ProviderRefusedError(Exception):
    """What came back from the provider proves nobody's identity."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One trip to the provider: what must come back, kept by the browser that began it."""

    state: str
    nonce: str
    verifier: str


class Provider:
    """The configured provider."""

    def __init__(self, oidc: OidcSettings) -> None:
        self._oidc = oidc
        self._client: StarletteOAuth2App | None = None
        self._loaded_at = 0.0

    async def begin(self) -> tuple[str, Trip]:
        """Where to send the browser, and what to keep. Raises ProviderUnavailableError."""
        client = await self._ready()
        made = await client.create_authorization_url(
            self._oidc.redirect_url,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            code_verifier=secrets.token_urlsafe(48),
            prompt="select_account",
        )
        return str(made["url"]), Trip(made["state"], made["nonce"], made["code_verifier"])

    async def finish(self, trip: Trip, code: str, issuer: str | None) -> Mapping[str, Any]:
        """The checked claims of whoever came back with ``code``.

        ``issuer`` is what the callback itself named. Raises ProviderRefusedError and
        ProviderUnavailableError; neither tells a token.
        """
        client = await self._ready()
        if issuer is not None and issuer != client.server_metadata["issuer"]:
            raise ProviderRefusedError("the callback names another issuer")
        try:
            token = await client.fetch_access_token(
                code=code, redirect_uri=self._oidc.redirect_url, code_verifier=trip.verifier
            )
            claims = await client.parse_id_token(
                token,
                nonce=trip.nonce,
                claims_options=self._expected(client),
                leeway=_LEEWAY_SECONDS,
            )
            if claims is None:
                raise ProviderRefusedError("the provider sent no id_token")
            return await self._complete(client, token, claims)
        except httpx.HTTPError as error:
            raise ProviderUnavailableError(type(error).__name__) from None
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderRefusedError(_fault(error)) from None

    def _expected(self, client: StarletteOAuth2App) -> dict[str, Any]:
        return {
            "iss": {"essential": True, "value": client.server_metadata["issuer"]},
            "aud": {"essential": True, "value": self._oidc.client_id},
            "sub": {"essential": True},
            "nonce": {"essential": True},
        }

    async def _complete(
        self, client: StarletteOAuth2App, token: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Some providers tell e-mail and groups at their userinfo endpoint alone.

        An address and whether it is verified come from the same place.
        """
        address = ("email", self._oidc.verified_claim)
        told_all = all(name in claims for name in (*address, self._oidc.roles_claim))
        if told_all or "access_token" not in token:
            return claims
        if "userinfo_endpoint" not in client.server_metadata:
            return claims
        told = await client.userinfo(token=token)
        if told.get("sub") != claims["sub"]:
            raise ProviderRefusedError("userinfo is about somebody else")
        complete = {**told, **claims}
        if not all(name in claims for name in address):
            complete |= {name: told.get(name) for name in address}
        return complete

    async def _ready(self) -> StarletteOAuth2App:
        if self._client is not None and time.monotonic() - self._loaded_at < _METADATA_SECONDS:
            return self._client
        client = self._registered()
        try:
            metadata = await client.load_server_metadata()
            hold_to(metadata, self._oidc.issuer)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("The sign-in provider cannot be used: %s", _fault(error))
            raise ProviderUnavailableError(_fault(error)) from None
        self._client, self._loaded_at = client, time.monotonic()
        return client

    def _registered(self) -> StarletteOAuth2App:
        issuer = self._oidc.issuer.rstrip("/")
        return OAuth().register(
            "provider",
            client_id=self._oidc.client_id,
            client_secret=self._oidc.client_secret.get_secret_value(),
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": self._oidc.scopes,
                "code_challenge_method": "S256",
                "timeout": _TIMEOUT,
            },
        )


def hold_to(metadata: dict[str, Any], issuer: str) -> None:
    """Hold the provider to its own name, to https, and to signatures that only it can make.

    Raises ValueError; ``metadata`` keeps the algorithms that are used.
    """
    if str(metadata["issuer"]).rstrip("/") != issuer.rstrip("/"):
        raise ValueError("its metadata names another issuer")
    for name in _ENDPOINTS:
        safe_address(str(metadata[name]).partition("?")[0])
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [
        each for each in offered if each in _ALGORITHMS
    ] or ["RS256"]


def _fault(error: Exception) -> str:
    """What went wrong, without whatever the provider said about it."""
    return f"{type(error).__name__}: {error}" if type(error) is ValueError else type(error).__name__
