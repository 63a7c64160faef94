"""What the console asks the listener to do, and the short-lived token that proves who asks.

A token is a JWT signed with ``COMMAND_SECRET``: it names the user and the roles, is bound to one
path and one exact body, lives a minute, and its id can be spent once.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import jwt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from billing_core.errors import CommandTokenError
from billing_core.links import DESTINATIONS, MOST_QUANTITY, MOST_USES, without_bearers

LIFETIME_SECONDS = 60
Reason = Annotated[str, AfterValidator(without_bearers)]
UserAction = Literal[
    "user.add",
    "user.disable",
    "user.enable",
    "user.remove",
    "user.set_roles",
    "user.reset_password",
    "user.change_password",
]
MOST_EVENTS = 100
_AUDIENCE = "webhook_listener"
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the user's name, their roles, and the id of the token that says so."""

    username: str
    roles: frozenset[str]
    token_id: str

    @property
    def role_names(self) -> str:
        """The roles as one text for the audit log."""
        return ",".join(sorted(self.roles))


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BeginAudit(_Command):
    """Record that somebody is about to mint a link; answered with the entry's ``audit_id``."""

    kind: Literal["begin"] = "begin"
    action: Literal["portal_link.mint", "checkout_link.mint"]
    org_id: str = Field(min_length=1, max_length=255)
    destination: str = Field(min_length=1, max_length=64)
    subscription_id: str | None = Field(default=None, max_length=255)
    reason: Reason = Field(min_length=3, max_length=2000)


class CompleteAudit(_Command):
    """Record how it went: ``minted`` or, for a user, ``done``; ``refused`` with a code."""

    kind: Literal["complete"] = "complete"
    audit_id: int
    outcome: Literal["minted", "done", "refused"]
    detail: str | None = Field(default=None, max_length=64, pattern=r"^[a-z_]+$")


class DeniedAudit(_Command):
    """Record that somebody tried what their role may not do."""

    kind: Literal["denied"] = "denied"
    action: str = Field(min_length=1, max_length=64)
    org_id: str | None = Field(default=None, max_length=255)
    destination: str | None = Field(default=None, max_length=64)


class UserChange(_Command):
    """Record that somebody is about to change who may sign in; answered with ``audit_id``.

    ``username`` is whom it concerns, ``roles`` those that they are to have. Everybody may change
    a password of their own and no other's; anything else is an administrator's.
    """

    kind: Literal["user"] = "user"
    action: UserAction
    username: str = Field(min_length=1, max_length=254)
    roles: str | None = Field(default=None, max_length=64, pattern=r"^[a-z,]+$")


class AuditRecorded(_Command):
    """The listener's answer to a recorded command."""

    audit_id: int


def _known_destination(name: str) -> str:
    if name not in DESTINATIONS:
        raise ValueError(f"it is one of {', '.join(DESTINATIONS)}")
    return name


class CreateLink(_Command):
    """Make a support link; answered with LinkCreated.

    ``subscription_id`` chooses among several subscriptions. ``target_lookup_key`` names the price
    of "Confirm plan change" and "Checkout", ``target_quantity`` how many of it. ``lifetime_hours`` is
    by default what ``billing.toml`` says. ``sender_name`` is the name that the customer reads.
    ``offers_coupon`` is about "Cancel subscription", where ``billing.toml`` names a coupon.
    """

    kind: Literal["create"] = "create"
    org_id: str = Field(min_length=1, max_length=255)
    destination: Annotated[str, AfterValidator(_known_destination)]
    subscription_id: str | None = Field(default=None, max_length=255)
    target_lookup_key: str | None = Field(default=None, max_length=200)
    target_quantity: int | None = Field(default=None, ge=1, le=MOST_QUANTITY)
    offers_coupon: bool = True
    reason: Reason = Field(min_length=3, max_length=2000)
    sender_name: str | None = Field(default=None, max_length=100)
    lifetime_hours: int | None = Field(default=None, ge=1, le=720)
    uses: int = Field(default=1, ge=1, le=MOST_USES)


class RevokeLink(_Command):
    """Stop a link from working; answered with LinkChanged."""

    kind: Literal["revoke"] = "revoke"
    link_id: str = Field(min_length=1, max_length=64)
    reason: Reason | None = Field(default=None, max_length=2000)


class ExtendLink(_Command):
    """Let a link work until ``lifetime_hours`` from now; answered with LinkChanged."""

    kind: Literal["extend"] = "extend"
    link_id: str = Field(min_length=1, max_length=64)
    lifetime_hours: int = Field(ge=1, le=720)
    reason: Reason | None = Field(default=None, max_length=2000)


class LinkCreated(_Command):
    """The answer to CreateLink, and the only place where the link's URL ever is."""

    audit_id: int
    link_id: str
    url: str = Field(repr=False)
    expires_at: datetime


class LinkChanged(_Command):
    """The answer to RevokeLink and ExtendLink."""

    audit_id: int
    link_id: str
    expires_at: datetime


_EventId = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
_EventIds = Annotated[tuple[_EventId, ...], Field(min_length=1, max_length=MOST_EVENTS)]


class ReplayEvents(_Command):
    """Apply these events again, whatever became of them; answered with EventsRecorded."""

    kind: Literal["replay"] = "replay"
    event_ids: _EventIds
    reason: Reason | None = Field(default=None, max_length=2000)


class ReplayParked(_Command):
    """Apply every parked event again; answered with EventsRecorded."""

    kind: Literal["replay_parked"] = "replay_parked"
    reason: Reason | None = Field(default=None, max_length=2000)


class IgnoreEvents(_Command):
    """Set parked events aside for good, with the reason; answered with EventsRecorded."""

    kind: Literal["ignore"] = "ignore"
    event_ids: _EventIds
    reason: str = Field(min_length=3, max_length=500)


class ReconcileNow(_Command):
    """Look for missed events now instead of by the clock; answered with EventsRecorded."""

    kind: Literal["reconcile"] = "reconcile"
    reason: Reason | None = Field(default=None, max_length=2000)


class EventsRecorded(_Command):
    """The answer to a command about events: it is recorded and will be done.

    How it went is read off the entry that follows ``audit_id``; ``events`` counts those that it
    is about, as far as that is known.
    """

    audit_id: int
    events: int


def sign_command(
    secret: str, *, username: str, roles: frozenset[str], path: str, body: bytes
) -> str:
    """A token for one command: this user, this path, these exact bytes, one minute."""
    now = int(time.time())
    return jwt.encode(
        {
            "sub": username,
            "roles": sorted(roles),
            "aud": _AUDIENCE,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": secrets.token_urlsafe(18),
            "path": path,
            "body": hashlib.sha256(body).hexdigest(),
        },
        secret,
        algorithm=_ALGORITHM,
    )


def verify_command(secret: str, *, token: str, path: str, body: bytes) -> Caller:
    """Who signed this command. Raises CommandTokenError with a sentence for the caller."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["sub", "roles", "aud", "iat", "exp", "jti", "path", "body"]},
        )
    except jwt.ExpiredSignatureError:
        raise CommandTokenError("The command's token has expired: ask again.") from None
    except jwt.PyJWTError:
        raise CommandTokenError(
            "The command's token is not valid. COMMAND_SECRET must be the same for both sides."
        ) from None
    roles = claims["roles"]
    if claims["path"] != path or claims["body"] != hashlib.sha256(body).hexdigest():
        raise CommandTokenError("The command's token was made for another command.")
    if claims["exp"] - claims["iat"] > LIFETIME_SECONDS or not isinstance(roles, list):
        raise CommandTokenError("The command's token is not valid.")
    return Caller(
        username=str(claims["sub"]),
        roles=frozenset(str(role) for role in roles),
        token_id=str(claims["jti"]),
    )
