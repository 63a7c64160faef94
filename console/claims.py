"""Who somebody is to this console, read off the claims that the sign-in provider vouches for."""

from collections.abc import Mapping
from typing import Any

from console.oidc_settings import OidcSettings
from console.sessions import Session
from console.user_rules import LONGEST_NAME, checked_email
from console.users import UserError

_TRUE = (True, "true", "1")  # as the specification, Cognito and Entra ID write it


class ClaimsRefusedError(Exception):
    """Claims that let nobody in; the message says why, to the person."""


def session_of(claims: Mapping[str, Any], oidc: OidcSettings) -> Session:
    """The session that these claims are worth, with the roles they map to, which may be none.

    Raises ClaimsRefusedError for an e-mail address that is missing, not verified or of a domain
    that is not let in.
    """
    email = _email(claims)
    if email is None:
        raise ClaimsRefusedError(
            f"{oidc.name} tells no e-mail address of yours, by which this console knows people."
        )
    if claims.get(oidc.verified_claim) not in _TRUE:
        raise ClaimsRefusedError(
            f"{oidc.name} has not verified the e-mail address {email}. Verify it there first."
        )
    if not oidc.allows(email):
        raise ClaimsRefusedError(f"{email} is not of a domain whose people may sign in here.")
    return Session(email, "provider", _name(claims) or email, email, roles=_roles(claims, oidc))


def _email(claims: Mapping[str, Any]) -> str | None:
    try:
        return checked_email(str(claims.get("email") or "")) or None
    except UserError:
        return None


def _name(claims: Mapping[str, Any]) -> str:
    parts = (claims.get("given_name"), claims.get("family_name"))
    told = claims.get("name") or " ".join(str(part) for part in parts if part)
    shown = "".join(each for each in " ".join(str(told).split()) if each.isprintable())
    return shown[:LONGEST_NAME]


def _roles(claims: Mapping[str, Any], oidc: OidcSettings) -> frozenset[str]:
    """A claim may be one value or several, and may lie inside another: ``realm_access.roles``."""
    found: Any = claims.get(oidc.roles_claim)
    if found is None:
        found = claims
        for part in oidc.roles_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    given = [oidc.roles.get(value, frozenset()) for value in values if isinstance(value, str)]
    return frozenset().union(*given)
