"""The parts of the Webhooks page, one at a time; each asks the database for no more than it shows."""

from datetime import datetime, timedelta

import streamlit as st

from billing_core import queries
from billing_core.commands import ReconcileNow
from billing_core.permissions import Permission
from billing_core.queries import missed, volume
from billing_core.rows import WebhookHealth
from console import (
    address,
    data,
    elements,
    event_lookup,
    event_work,
    missed_tables,
    parked_list,
    webhook_charts,
    webhook_numbers,
)
from console.identity import Principal
from console.viewer import viewer

_PARKED_A_PAGE = 20
_DAYS = {"1": "24 hours", "7": "7 days", "30": "30 days"}
_HOURS_A_POINT = {"1": 1, "7": 1, "30": 6}


def waiting(principal: Principal, health: WebhookHealth, now: datetime) -> None:
    """What waits for somebody, and any event by its id."""
    who = viewer()
    with data.snapshot() as connection:
        page = queries.parked_events(connection, after=address.position(), limit=_PARKED_A_PAGE)
    parked_list.parked_list(principal, page, health.parked, now)
    event_lookup.event_lookup(principal, who)
    if health.unmapped_prices:
        elements.section("Unmapped prices", "Paid, and named by no plan of billing.toml")
        elements.show(webhook_numbers.unmapped_table(health.unmapped_prices))
    if health.suspects:
        elements.section("Order in doubt", "Stripe is being asked about these")
        elements.show(webhook_numbers.suspect_table(health.suspects, who))


def over_time(_principal: Principal, _health: WebhookHealth, now: datetime) -> None:
    """Lag and volume over the chosen time."""
    days = address.hold("days", options=_DAYS, default="1")
    st.segmented_control(
        "Period",
        list(_DAYS),
        format_func=_DAYS.__getitem__,
        key="days",
        on_change=address.write,
        args=("days", "1"),
    )
    hours = _HOURS_A_POINT[days]
    since = volume.floor(now - timedelta(days=int(days)), hours)
    with data.snapshot() as connection:
        lags = volume.lags_by_hour(connection, since, hours=hours)
        outcomes = volume.volume_by_hour(connection, since, hours=hours)
        types = volume.volume_by_type(connection, since, hours=hours)
    period = webhook_charts.Period(since, now, hours)
    webhook_charts.lag_charts(lags, period, viewer())
    webhook_charts.volume_charts(outcomes, types, period)


def missed_events(principal: Principal, health: WebhookHealth, now: datetime) -> None:
    """What webhooks did not bring, and what stood otherwise at Stripe."""
    who, walks = viewer(), health.reconcile
    with data.snapshot() as connection:
        found = missed.drift_found(connection)
    elements.section("Missed events", "Stripe's own list, walked over and compared with the inbox")
    if walks is not None:
        elements.show(missed_tables.walks(walks, now, who))
        if walks.beyond_retention:
            elements.notice(
                "Stripe keeps events for 30 days, and the gap was longer. An operator should run"
                " billing-listener backfill.",
                "warn",
            )
    if principal.may(Permission.REPLAY_EVENTS):
        st.button(
            "Reconcile now",
            icon=":material/sync:",
            key="reconcile_now",
            on_click=event_work.ask,
            args=(principal, ReconcileNow()),
        )
    if walks is not None and walks.runs:
        elements.show(missed_tables.run_table(walks.runs, who))
    else:
        elements.empty(
            "Stripe has not been asked yet.",
            "The listener asks by the clock (RECONCILE_SECONDS) once it has a STRIPE_API_KEY.",
        )
    elements.section("Drift", "Fields that stood otherwise at Stripe; each was mended by an event")
    if found:
        elements.show(missed_tables.drift_table(found, who))
    else:
        elements.empty("Nothing stood otherwise.", "A few subscriptions are compared each time.")


def endpoint_and_alerts(_principal: Principal, health: WebhookHealth, now: datetime) -> None:
    """Where Stripe sends events and in which version; which alerts are on and where they go."""
    who = viewer()
    with data.snapshot() as connection:
        versions = volume.versions(connection, now - timedelta(days=1))
        alerts = missed.alert_state(connection)
    elements.section("Endpoint", "As Stripe has it")
    for sentence, tone in missed_tables.endpoint_notices(health.endpoint, versions):
        elements.notice(sentence, tone)
    elements.show(missed_tables.endpoint_facts(health.endpoint, now))
    elements.section("API versions in use", "By the events of the last day")
    if versions:
        elements.show(missed_tables.version_table(versions))
    else:
        elements.empty("No event came in the last day.")
    targets = " and ".join(alerts.targets)
    elements.section("Alerts", f"Sent to: {targets}" if targets else "")
    if not targets:
        elements.notice(
            "Nobody is told: set ALERT_WEBHOOK_URL or ALERT_SMTP_HOST for the listener. Thresholds"
            " are in billing.toml, [alerts].",
            "info",
        )
    if alerts.alerts:
        elements.show(missed_tables.alert_table(alerts, who))
    else:
        elements.empty("No alert is on.", "Each is sent once, and once more when it is over.")
