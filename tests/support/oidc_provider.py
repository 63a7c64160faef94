"""A small OpenID Connect provider: discovery, keys, a page to sign in on, tokens; PKCE is checked.

What it puts into its tokens, and how it signs them, can be bent to be what nobody may accept.
"""

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "billing-console"
CLIENT_SECRET = "a secret that console and provider share"
Claims = dict[str, Any]


def _keep(claims: Claims) -> Claims:
    return claims


@dataclass
class OidcProvider:
    """The provider, its people by name, and how its next tokens are bent.

    ``bend`` changes the claims of the id_token; ``sign`` makes it, of claims and key id;
    ``metadata`` goes over what discovery says; ``at_userinfo`` names claims told there alone.
    """

    url: str = ""
    people: dict[str, Claims] = field(default_factory=dict)
    bend: Callable[[Claims], Claims] = _keep
    sign: Callable[[Claims], str] | None = None
    metadata: Claims = field(default_factory=dict)
    at_userinfo: frozenset[str] = frozenset()
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    told: dict[str, Claims] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    def straighten(self) -> None:
        """Make honest tokens again."""
        self.bend, self.sign, self.metadata, self.at_userinfo = _keep, None, {}, frozenset()

    def signed(self, claims: Claims, **header: str) -> str:
        """The claims as this provider signs them."""
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "one"} | header)

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/jwks", self._jwks),
            Route("/authorize", self._authorize, methods=["GET"]),
            Route("/authorize", self._consent, methods=["POST"]),
            Route("/token", self._token, methods=["POST"]),
            Route("/userinfo", self._userinfo),
        ]

    async def _discovery(self, _request: Request) -> Response:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return JSONResponse(said | self.metadata)

    async def _jwks(self, _request: Request) -> Response:
        key = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**key, "kid": "one", "use": "sig", "alg": "RS256"}]})

    async def _authorize(self, request: Request) -> Response:
        """A button for everybody whom this provider knows."""
        query = request.query_params
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert "openid" in query["scope"].split()
        if query.get("code_challenge_method") != "S256" or not query.get("nonce"):
            return HTMLResponse("PKCE and a nonce are required.", 400)
        buttons = "".join(
            f'<form method="post" action="/authorize?{request.url.query}">'
            f'<button name="person" value="{name}">Continue as {name}</button></form>'
            for name in self.people
        )
        return HTMLResponse(f"<h1>Who are you?</h1>{buttons}")

    async def _consent(self, request: Request) -> Response:
        query = request.query_params
        async with request.form() as form:
            person = str(form["person"])
        code = secrets.token_urlsafe(16)
        self.codes[code] = {"person": person, **query}
        answer = {"code": code, "state": query["state"], "iss": self.url}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}", 303)

    async def _token(self, request: Request) -> Response:
        async with request.form() as form:
            given = {name: str(value) for name, value in form.items()}
        credentials = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self.codes.pop(given.get("code", ""), None)
        proof = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        if request.headers.get("authorization") != f"Basic {credentials}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != given.get("redirect_uri")
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(self._tokens(asked))

    def _tokens(self, asked: dict[str, str]) -> Claims:
        now = int(time.time())
        person = {"sub": f"sub-{asked['person']}", **self.people[asked["person"]]}
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        } | {name: value for name, value in person.items() if name not in self.at_userinfo}
        access_token = secrets.token_urlsafe(16)
        self.told[access_token] = person
        bent = self.bend(claims)
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.sign(bent) if self.sign is not None else self.signed(bent),
        }

    async def _userinfo(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return JSONResponse(self.told[token])


@contextmanager
def running_provider() -> Iterator[OidcProvider]:
    """A provider on a free port, in a thread of this process."""
    provider = OidcProvider()
    listening = socket.create_server(("127.0.0.1", 0))
    provider.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=provider.routes()), log_level="warning")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()
