"""No query reads a table that grows from end to end: each plan is read.

SQLite plans without statistics, so a small database is planned for as a large one is.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from billing_core import queries
from billing_core.links import LinkState
from billing_core.queries import (
    AuditFilters,
    LeavingFilters,
    Order,
    OrganizationFilters,
    missed,
    volume,
)
from billing_core.queries.configuration import configuration_check
from billing_core.queries.insights import portal_insights
from billing_core.queries.keyset import encode_cursor
from billing_core.queries.link_visits import link_visits
from billing_core.queries.links import LinkFilters, links
from billing_core.sentences import StoryKind
from tests.core.company import CONFIG, START, Company, company_on
from tests.support.databases import fresh_sqlite

GROWING = (
    "organizations|customers|subscriptions|plan_entitlements|webhook_events|webhook_payloads"
    "|entitlement_changes|event_rollups|event_lags|event_versions|drift|audit_log"
    "|portal_links|link_visits|cancellations|revenue_rollups"
)
Ask = Callable[[Connection], object]
UNDONE_AFTER = encode_cursor((START, "sub_acme:1"))


def search(text: str = "", order: Order = Order.NEWEST, **filters: Any) -> Ask:  # noqa: ANN401
    return lambda connection: queries.search_organizations(
        connection, text, OrganizationFilters(**filters), order=order, config=CONFIG
    )


def audit(**filters: Any) -> Ask:  # noqa: ANN401
    return lambda connection: queries.audit_entries(connection, AuditFilters(**filters))


ASKED: dict[str, Ask] = {
    "everything": search(),
    "everything by name": search(order=Order.NAME),
    "everything by its end": search(order=Order.ENDS),
    "the oldest": search(order=Order.OLDEST),
    "an org": search("org_acme"),
    "a customer": search("cus_acme"),
    "a subscription": search("sub_acme"),
    "an event": search("evt_000001"),
    "an invoice": search("in_1"),
    "an address": search("ada@acme.example"),
    "a price": search("price_pro_monthly"),
    "a lookup key": search("pro_monthly"),
    "a status": search(status="active"),
    "past due by name": search(order=Order.NAME, past_due=True),
    "a plan": search(plan="pro"),
    "winding down": search(winding_down=True),
    "no customer": search(no_customer=True),
    "a plan of those past due": search(plan="pro", past_due=True),
    "the organization": lambda c: queries.organization(c, "org_acme", config=CONFIG),
    "the organization as it was": lambda c: queries.organization_as_of(
        c, "org_acme", START, config=CONFIG
    ),
    "its history": lambda c: queries.entitlement_history(c, "org_acme", limit=100),
    "its mark": lambda c: queries.entitlement_mark(c, "org_acme"),
    "its payments": lambda c: queries.timeline(
        c, "org_acme", kind=StoryKind.PAYMENTS, until=START, config=CONFIG
    ),
    "its timeline": lambda c: queries.timeline(c, "org_acme", config=CONFIG),
    "who leaves": lambda c: queries.winding_down(c, now=START, config=CONFIG),
    "who leaves from a plan": lambda c: queries.winding_down(
        c, LeavingFilters(plan="pro", feedback="unused"), now=START, config=CONFIG
    ),
    "who has left": lambda c: queries.ended_since(
        c, START - timedelta(days=90), now=START, config=CONFIG
    ),
    "who leaves by month": lambda c: queries.leaving_by_time(c, None, [START], now=START),
    "who leaves by month, narrowed": lambda c: queries.leaving_by_time(
        c, LeavingFilters(plan="pro", feedback=""), [START, START + timedelta(days=40)], now=START
    ),
    "who leaves by reason": lambda c: queries.leaving_by_feedback(c, None, now=START),
    "who changed their mind": lambda c: queries.undone_rows(
        c, START, LeavingFilters(plan="pro"), after=UNDONE_AFTER, config=CONFIG
    ),
    "how many changed their mind": lambda c: queries.undone_summary(
        c, START, LeavingFilters(plan="pro"), config=CONFIG
    ),
    "cancellations over time": lambda c: queries.cancellation_flow(
        c, [START, START + timedelta(days=30)], config=CONFIG
    ),
    "trends": lambda c: queries.trends(c, START),
    "what to narrow to": queries.currencies_and_intervals,
    "unmapped": search(unmapped=True),
    "unmapped prices": queries.unmapped_prices,
    "webhooks": lambda c: queries.webhook_health(c, START),
    "parked": queries.parked_events,
    "parked further on": lambda c: queries.parked_events(
        c, after=encode_cursor((START, "evt_1")), limit=20
    ),
    "a stored event": lambda c: queries.stored_event(c, "evt_000001"),
    "a command about events": lambda c: queries.event_command(c, 1),
    "lags": lambda c: volume.lags_by_hour(c, START),
    "volume by hour": lambda c: volume.volume_by_hour(c, START),
    "volume by type": lambda c: volume.volume_by_type(c, START),
    "versions": lambda c: volume.versions(c, START),
    "drift": missed.drift_found,
    "a payload": lambda c: queries.payload(c, "evt_000001"),
    "changes": queries.newest_changes,
    "conflicting claims": queries.conflicting_claims,
    "the configuration": configuration_check,
    "links": lambda c: links(c, now=START),
    "links of an org": lambda c: links(c, LinkFilters(org_id="org_acme"), now=START),
    "links of somebody": lambda c: links(c, LinkFilters(created_by="ada"), now=START),
    "links to a place": lambda c: links(c, LinkFilters(destination="Checkout"), now=START),
    "revoked links": lambda c: links(c, LinkFilters(state=LinkState.REVOKED), now=START),
    "looks at links": lambda c: link_visits(c, ["link_1"]),
    "insights": lambda c: portal_insights(c, START - timedelta(days=30), now=START),
    "the audit log": queries.audit_entries,
    "the audit log of a person": audit(actor="ada"),
    "the audit log of an action": audit(action="user.add"),
    "the audit log of a link": audit(link_id="link_1"),
    "what was denied": audit(outcome="denied"),
    "what was refused of late": audit(outcome="refused", since=START),
}


@pytest.fixture
def acme(sqlite_template: Path, tmp_path: Path) -> Company:
    made = company_on(fresh_sqlite(tmp_path, sqlite_template))
    made.subscribe("org_acme", name="Acme", email="ada@acme.example")
    return made


def plans(company: Company, ask: Ask) -> list[str]:
    """How SQLite goes about every statement that ``ask`` makes."""
    with company.reader.connect() as connection:
        statements: list[tuple[str, Any]] = []

        def note(*args: Any) -> None:  # noqa: ANN401
            statements.append((args[2], args[3]))

        event.listen(connection.engine, "before_cursor_execute", note)
        ask(connection)
        event.remove(connection.engine, "before_cursor_execute", note)
        found = []
        for statement, parameters in statements:
            if statement.startswith(("SELECT", "WITH")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                found += [f"{row[3]} <- {statement}" for row in rows]
    assert found
    return found


@pytest.mark.parametrize("name", ASKED)
def test_every_table_that_grows_is_reached_by_an_index(acme: Company, name: str) -> None:
    """Changes and the audit log are walked from the newest, which their key is the index of."""
    scans = [
        line
        for line in plans(acme, ASKED[name])
        if re.match(rf"SCAN ({GROWING})\b(?! USING)", line)
        and not re.search(r"(change|audit)_id DESC", line)
    ]
    assert scans == []


def test_totals_of_those_who_leave_are_read_from_an_index_alone(acme: Company) -> None:
    """Of everybody who leaves, only those of part of a day, and their rows are spread everywhere."""
    filters = LeavingFilters(plan="pro", feedback="unused", overdue=True)
    now = START + timedelta(hours=5)
    asked = plans(acme, lambda c: queries.leaving_totals(c, filters, now=now))
    read = {line.split(" <- ")[0] for line in asked if "TEMP B-TREE" not in line}
    index = "USING COVERING INDEX ix_plan_entitlements_leaving (ends_at>? AND ends_at<?)"
    assert {line for line in read if "plan_entitlements" in line} == {
        f"SEARCH plan_entitlements {index}"
    }
    assert [line for line in read if line.startswith("SEARCH revenue_rollups USING INDEX")]
    assert not [line for line in read if "subscriptions" in line or "organizations" in line]


@pytest.mark.parametrize("name", ["everything", "a plan", "a status"])
def test_a_page_is_walked_to_in_its_order_and_not_sorted(acme: Company, name: str) -> None:
    sorts = [line for line in plans(acme, ASKED[name]) if "USE TEMP B-TREE" in line]
    assert not [line for line in sorts if "LIMIT ? OFFSET" in line and "IN (" not in line]
