"""``POST /commands/links``: make, revoke and extend support links for the console."""

import secrets
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field, TypeAdapter
from sqlalchemy import Connection, func, select, update

from billing_core.commands import (
    Caller,
    CreateLink,
    ExtendLink,
    LinkChanged,
    LinkCreated,
    RevokeLink,
)
from billing_core.config import BillingConfig
from billing_core.errors import BillingErrorCode
from billing_core.links import (
    FLOWS,
    NEEDS_A_PRICE,
    NEEDS_A_SUBSCRIPTION,
    Link,
    LinkState,
    new_token,
    passage,
    return_token,
    subscription_of,
    token_hash,
)
from billing_core.obstacles import features_of, obstacle
from billing_core.permissions import Permission, may
from billing_core.queries.links import link as find_link
from billing_core.queries.organization import organization
from billing_core.queries.tables import LINKS
from billing_core.rows import OrganizationView
from billing_core.urls import absolute_url
from webhook_listener import audit
from webhook_listener.audit import Entry
from webhook_listener.command_endpoint import RefusedCommandError, entry_of, spend_token
from webhook_listener.links import tally

LinkCommand = CreateLink | RevokeLink | ExtendLink
COMMANDS: TypeAdapter[LinkCommand] = TypeAdapter(
    Annotated[LinkCommand, Field(discriminator="kind")]
)
_WINDOW = timedelta(hours=1)
_WHY_NOT = {
    BillingErrorCode.NO_CUSTOMER: (
        "There is no Stripe customer yet, so there is nothing to manage: send a Checkout link."
    ),
    BillingErrorCode.ALREADY_SUBSCRIBED: (
        "There is a subscription already: send a Switch plan link to change it."
    ),
    BillingErrorCode.SUBSCRIPTION_ENDED: (
        "That subscription has ended: Billing home has the invoices, Checkout starts a new one."
    ),
    BillingErrorCode.NO_CHANGES: "The customer has that plan already, so there is nothing to confirm.",
    BillingErrorCode.UNKNOWN_PRICE: "target_lookup_key: billing.toml names no such price.",
}


class LinkCommands:
    """Does the commands, each in one transaction with its line in the audit log."""

    def __init__(self, config: BillingConfig, public_url: str) -> None:
        self._config = config
        self._policy = config.links
        self._public_url = public_url

    def record(
        self, connection: Connection, caller: Caller, command: LinkCommand
    ) -> LinkCreated | LinkChanged | RefusedCommandError:
        """Do what the command says, if the caller may. Raises RefusedCommandError."""
        spend_token(connection, caller)
        entry = _entry(caller, command)
        if not may(caller.roles, Permission.MINT_LINKS):
            audit.append(connection, replace(entry, outcome="denied"))
            return RefusedCommandError(
                403, "Your role may not make links. The attempt was recorded in the audit log."
            )
        match command:
            case CreateLink():
                return self._create(connection, caller, command, entry)
            case RevokeLink():
                return _revoke(connection, caller, command, entry)
            case ExtendLink():
                return self._extend(connection, command, entry)

    def _create(
        self, connection: Connection, caller: Caller, command: CreateLink, entry: Entry
    ) -> LinkCreated | RefusedCommandError:
        view = organization(connection, command.org_id, config=self._config)
        if view is None:
            raise RefusedCommandError(422, "org_id names no organization. No link was made.")
        link = self._draft(caller, command, view, entry.at)
        entry = replace(entry, subscription_id=link.subscription_id)
        if self._made_enough(connection, caller, entry.at):
            audit.append(connection, replace(entry, outcome="denied", detail="rate_limited"))
            return RefusedCommandError(
                429,
                f"You have made {self._policy.made_per_hour} links within an hour, which is the"
                " most that billing.toml allows. No link was made; try again later.",
            )
        self._refuse_pointless(link, view, entry.at)
        token = new_token()
        audit_id = audit.append(connection, replace(entry, link_id=link.link_id))
        hashes = {
            "token_hash": token_hash(token),
            "return_token_hash": token_hash(return_token(token)),
        }
        with tally.recounted(connection, [link.link_id]):
            connection.execute(LINKS.insert(), {**asdict(link), **hashes})
        return LinkCreated(
            audit_id=audit_id,
            link_id=link.link_id,
            url=absolute_url(f"/links/{token}", base=self._public_url),
            expires_at=link.expires_at,
        )

    def _draft(
        self, caller: Caller, command: CreateLink, view: OrganizationView, now: datetime
    ) -> Link:
        lifetime = command.lifetime_hours or self._policy.lifetime_hours
        return Link(
            link_id=f"link_{secrets.token_hex(8)}",
            org_id=command.org_id,
            customer_id=view.organization.customer_id,
            destination=command.destination,
            subscription_id=_subscription_id(command, view),
            target_lookup_key=self._lookup_key(command),
            reason=command.reason,
            created_by=caller.username,
            created_by_role=caller.role_names,
            sender_name=command.sender_name,
            created_at=now,
            expires_at=self._expiry(now, lifetime),
            uses_allowed=command.uses,
            uses=0,
            last_redeemed_at=None,
            revoked_at=None,
            revoked_by=None,
            refusal_code=None,
            revision_at_redeem=None,
            target_quantity=(
                command.target_quantity if command.destination in NEEDS_A_PRICE else None
            ),
            offers_coupon=command.offers_coupon,
        )

    def _lookup_key(self, command: CreateLink) -> str | None:
        if command.destination not in NEEDS_A_PRICE:
            return None
        if command.target_lookup_key is None:
            raise RefusedCommandError(
                422, f"target_lookup_key: {command.destination} needs a price. No link was made."
            )
        return command.target_lookup_key

    def _expiry(self, now: datetime, hours: int) -> datetime:
        if hours > self._policy.longest_days * 24:
            raise RefusedCommandError(
                422,
                f"lifetime_hours: billing.toml allows {self._policy.longest_days} days at most."
                " Nothing was done.",
            )
        return now + timedelta(hours=hours)

    def _made_enough(self, connection: Connection, caller: Caller, now: datetime) -> bool:
        c = LINKS.c
        made = select(func.count()).where(
            c.created_at > now - _WINDOW, c.created_by == caller.username
        )
        return connection.execute(made).scalar_one() >= self._policy.made_per_hour

    def _refuse_pointless(self, link: Link, view: OrganizationView, now: datetime) -> None:
        """A link that could not be redeemed now is not worth sending."""
        problem = passage(link, view, self._config).problem
        if problem is None:
            return
        flow = FLOWS.get(link.destination)
        found = None
        if flow is not None:
            features = features_of(self._config)
            found = obstacle(flow, subscription_of(link, view), features=features, now=now)
        if found is not None and problem is found.code:
            raise RefusedCommandError(409, f"{found.sentence} No link was made.", problem.value)
        sentence = _WHY_NOT.get(problem, "The organization's state does not allow this.")
        status = 422 if problem is BillingErrorCode.UNKNOWN_PRICE else 409
        raise RefusedCommandError(status, f"{sentence} No link was made.", problem.value)

    def _extend(self, connection: Connection, command: ExtendLink, entry: Entry) -> LinkChanged:
        link = _existing(connection, command.link_id, entry.at)
        if link.state(entry.at) in (LinkState.REVOKED, LinkState.USED_UP):
            raise RefusedCommandError(
                409, f"The link is {link.state(entry.at)}: make a new one. Nothing was changed."
            )
        expires_at = self._expiry(entry.at, command.lifetime_hours)
        audit_id = audit.append(connection, _about(entry, link))
        _change(connection, link, expires_at=expires_at)
        return LinkChanged(audit_id=audit_id, link_id=link.link_id, expires_at=expires_at)


def _revoke(
    connection: Connection, caller: Caller, command: RevokeLink, entry: Entry
) -> LinkChanged:
    link = _existing(connection, command.link_id, entry.at)
    if link.revoked_at is not None:
        raise RefusedCommandError(409, "The link is revoked already. Nothing was changed.")
    audit_id = audit.append(connection, _about(entry, link))
    _change(connection, link, revoked_at=entry.at, revoked_by=caller.username)
    return LinkChanged(audit_id=audit_id, link_id=link.link_id, expires_at=link.expires_at)


def _existing(connection: Connection, link_id: str, now: datetime) -> Link:
    found = find_link(connection, link_id, now=now)
    if found is None:
        raise RefusedCommandError(422, "link_id names no link. Nothing was changed.")
    return found.link


def _change(connection: Connection, link: Link, **values: datetime | str) -> None:
    connection.execute(update(LINKS).where(LINKS.c.link_id == link.link_id).values(**values))


def _subscription_id(command: CreateLink, view: OrganizationView) -> str | None:
    if command.destination not in NEEDS_A_SUBSCRIPTION:
        return None
    live = [each.facts.subscription_id for each in view.live_subscriptions]
    if command.subscription_id is None:
        if len(live) > 1:
            raise RefusedCommandError(
                422, "subscription_id: there are several subscriptions, choose one."
            )
        return live[0] if live else None
    if view.subscription(command.subscription_id) is None:
        raise RefusedCommandError(
            422, "subscription_id: it is not one of this organization's. No link was made."
        )
    return command.subscription_id


def _entry(caller: Caller, command: LinkCommand) -> Entry:
    outcomes = {"create": "created", "revoke": "revoked", "extend": "extended"}
    entry = entry_of(caller, f"support_link.{command.kind}", outcomes[command.kind])
    if isinstance(command, CreateLink):
        return replace(
            entry,
            org_id=command.org_id,
            destination=command.destination,
            subscription_id=command.subscription_id,
            reason=command.reason,
        )
    return replace(entry, reason=command.reason, link_id=command.link_id)


def _about(entry: Entry, link: Link) -> Entry:
    return replace(
        entry,
        org_id=link.org_id,
        destination=link.destination,
        subscription_id=link.subscription_id,
        link_id=link.link_id,
    )
