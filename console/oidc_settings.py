"""How to sign in through an OpenID Connect provider, and which of its claims give which roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from billing_core.permissions import Role

CALLBACK_PATH = "/oauth2callback"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The provider; ``roles`` is by the value of ``roles_claim``. No domain means every domain.

    ``verified_claim`` says whether the e-mail address was verified.
    """

    issuer: str
    client_id: str
    client_secret: SecretStr
    redirect_url: str
    name: str
    scopes: str
    verified_claim: str
    roles_claim: str
    roles: Mapping[str, frozenset[str]]
    domains: frozenset[str]
    session_seconds: int

    def allows(self, email: str) -> bool:
        """Whether the address is of a domain whose people may sign in."""
        return not self.domains or email.rpartition("@")[2].lower() in self.domains


def safe_address(value: str) -> str:
    """An https address, or one on this machine, as given. Raises ValueError."""
    parts = urlsplit(value)
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise ValueError("must be an https address")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address without a query")
    return value


def roles_by_claim(text: str) -> dict[str, frozenset[str]]:
    """``"billing-support=support; cn=boss,ou=x=admin,ops"`` by value. Raises ValueError."""
    found: dict[str, frozenset[str]] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        value, _, names = part.rpartition("=")
        roles = frozenset(name.strip().lower() for name in names.split(",") if name.strip())
        if not value.strip() or not roles or roles - {role.value for role in Role}:
            raise ValueError(
                "must be like billing-support=support; billing-admins=admin,ops with the roles"
                f" {', '.join(role.value for role in Role)}"
            )
        found[value.strip()] = found.get(value.strip(), frozenset()) | roles
    return found


def allowed_domains(text: str) -> frozenset[str]:
    """Comma-separated domains, in lower case, without a leading @."""
    return frozenset(
        each.strip().lower().removeprefix("@") for each in text.split(",") if each.strip()
    )
