"""The audit log as a list and as a file: what it is narrowed to, and a line each."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

import streamlit as st
from markupsafe import Markup

from billing_core.permissions import Permission
from billing_core.queries import AuditFilters
from billing_core.queries.audit import every_audit_entry
from billing_core.rows import AuditRow
from console import data, elements
from console.elements import Column, Text
from console.exporting import Export, Field
from console.labels import OUTCOMES, outcome_badge
from console.link_list import choice, field
from console.viewer import Viewer

_COLUMNS = (
    Column("When"),
    Column("Who"),
    Column("What"),
    Column("Organization"),
    Column("Reason"),
    Column("Outcome"),
)
_ACTIONS = {
    "support_link.create": "Make a support link",
    "support_link.redeem": "Use a support link",
    "support_link.extend": "Extend a support link",
    "support_link.revoke": "Revoke a support link",
    "portal_link.mint": "Make a portal link",
    "checkout_link.mint": "Make a Checkout link",
    "command.send": "Send a command",
    "events.replay": "Replay events",
    "events.replay_parked": "Replay parked events",
    "events.ignore": "Ignore events",
    "events.reconcile": "Fetch missed events",
    "user.add": "Add a user",
    "user.disable": "Disable a user",
    "user.enable": "Enable a user",
    "user.remove": "Remove a user",
    "user.set_roles": "Set a user's roles",
    "user.reset_password": "Give a one-time password",
    "user.change_password": "Change one's own password",
}
_WENT = (
    "minted",
    "created",
    "revoked",
    "extended",
    "done",
    "asked",
    "ignored",
    "begun",
    "refused",
    "denied",
)
_PERIODS = {
    "1": "Last 24 hours",
    "7": "Last 7 days",
    "30": "Last 30 days",
    "90": "Last 90 days",
    "365": "Last year",
}
_FIELDS: tuple[Field[AuditRow], ...] = (
    Field("Number", lambda row: row.audit_id, 10),
    Field("When (UTC)", lambda row: row.at, 20),
    Field("Who", lambda row: row.actor, 20),
    Field("Role", lambda row: row.role, 16),
    Field("Action", lambda row: row.action, 22),
    Field("Outcome", lambda row: row.completed or row.outcome, 12),
    Field("Organization", lambda row: row.org_id, 24),
    Field("Destination", lambda row: row.destination, 24),
    Field("Subscription", lambda row: row.subscription_id, 32),
    Field("Link", lambda row: row.link_id, 22),
    Field("Reason", lambda row: row.reason, 48),
    Field("Detail", lambda row: row.detail, 24),
)


def audit_filters() -> AuditFilters:
    """Controls for who, what, how it went, for whom and when, all of them in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        actor = field("actor", "Who", 120)
        action = choice("action", "What", _ACTIONS, 185)
        went = choice("outcome", "Outcome", {each: _word(each) for each in _WENT}, 120)
        days = choice("days", "When", _PERIODS, 140)
        org_id = field("org", "Organization id", 150)
        link_id = field("link", "Link reference", 150)
    return AuditFilters(
        org_id=org_id or None,
        actor=actor.lower() or None,
        action=action,
        outcome=went,
        since=data.now() - timedelta(days=int(days)) if days else None,
        link_id=link_id or None,
    )


def audit_table(rows: Iterable[AuditRow], who: Viewer) -> Markup:
    """A line each, newest first."""
    return elements.table(_COLUMNS, [_row(row, who) for row in rows], "Audit log")


def audit_export(filters: AuditFilters) -> Export[AuditRow]:
    """Every entry that matches, as a file. It holds no token and no URL, as the log has none."""

    def rows() -> Iterator[AuditRow]:
        with data.snapshot() as connection:
            yield from every_audit_entry(connection, filters)

    return Export("audit-log", "Audit log", _FIELDS, rows, Permission.READ_AUDIT, _about(filters))


def _about(filters: AuditFilters) -> str:
    named: Mapping[str, object] = {
        "who": filters.actor,
        "what": filters.action,
        "outcome": filters.outcome,
        "organization": filters.org_id,
        "link": filters.link_id,
        "since": f"{filters.since:%Y-%m-%d %H:%M} UTC" if filters.since else None,
    }
    told = [f"{name}: {value}" for name, value in named.items() if value is not None]
    return "; ".join(told) or "Everything that is recorded."


def _word(outcome: str) -> str:
    return OUTCOMES[outcome][0] if outcome in OUTCOMES else outcome.capitalize()


def _row(row: AuditRow, who: Viewer) -> tuple[Text, ...]:
    organization = elements.organization_link(row.org_id, None) if row.org_id else elements.DASH
    what = _ACTIONS.get(row.action, row.action)
    link = elements.link(row.link_id, "/links", link=row.link_id) if row.link_id else None
    return (
        elements.time(row.at, who),
        elements.lines(
            elements.untrusted(row.actor),
            elements.quiet(row.role) if row.role != row.actor else None,
        ),
        elements.lines(
            elements.untrusted(row.destination) if row.destination else what,
            elements.quiet(what) if row.destination else None,
            elements.quiet(link) if link else None,
            elements.quiet(row.subscription_id) if row.subscription_id else None,
        ),
        organization,
        elements.untrusted(row.reason),
        elements.lines(
            _outcome(row),
            elements.quiet(row.detail.replace("_", " ")) if row.detail else None,
        ),
    )


def _outcome(row: AuditRow) -> Markup:
    outcome = row.completed or row.outcome
    if row.action == "support_link.redeem" and outcome == "minted":
        return elements.badge("Led to Stripe", "good")
    return outcome_badge(outcome)
