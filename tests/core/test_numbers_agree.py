"""Every number that finance and the overview show is what pandas gets from the raw rows."""

import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from billing_core import queries
from billing_core.queries import LeavingFilters
from billing_core.rows import RecurringTotal, TotalsGroup
from console.winding_filters import month_bounds
from tests.core.company import CONFIG, Company, company_on, customer, price
from tests.support.databases import fresh_url

NOW = datetime(2026, 6, 15, 9, tzinfo=UTC)
FIRST = NOW - timedelta(days=60)
_FAR_WEST = ZoneInfo("America/Los_Angeles")
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"plan": "pro"},
    {"plan": "team", "currency": "eur"},
    {"plan": "nobody"},
    {"currency": "jpy"},
    {"interval": "year"},
    {"feedback": "too_expensive"},
    {"feedback": ""},
    {"reason": "payment_failed"},
    {"currency": "usd", "interval": "month", "feedback": "unused"},
)
LEAVING_FILTERS: tuple[dict[str, Any], ...] = (
    *FILTERS,
    {"overdue": True},
    {"overdue": False, "plan": "pro"},
    dict(zip(("ends_from", "ends_before"), month_bounds("2026-07", UTC), strict=True)),
)
Sums = dict[tuple[Any, Any, int], list[int]]


class Raw:
    """The tables as data frames, joined as a person would who knows nothing of the queries."""

    def __init__(self, company: Company) -> None:
        with company.engine.connect() as connection:
            self._tables = {
                name: pd.DataFrame(
                    [dict(row) for row in connection.execute(select(table)).mappings()],
                    columns=[column.name for column in table.columns],
                    dtype=object,
                )
                for name, table in SQLModel.metadata.tables.items()
            }
        plans = {row["price_id"]: row["lookup_key"] for row in self.rows("prices")}
        subscriptions = self["subscriptions"].set_index("subscription_id")
        entitlements = self["plan_entitlements"].merge(
            self["subscriptions"], on="subscription_id", how="left", suffixes=("", "_s")
        )
        self.leaving = entitlements[entitlements["ends_at"].notna()].rename(
            columns={"cancellation_feedback": "feedback", "cancellation_reason": "reason"}
        )
        ended = entitlements["ended_at"].notna() & ~entitlements["has_access"].astype(bool)
        self.ended = (
            entitlements[ended]
            .drop(columns=["ends_at"])
            .rename(
                columns={
                    "cancellation_feedback": "feedback",
                    "cancellation_reason": "reason",
                    "ended_at": "ends_at",
                }
            )
        )
        cancellations = self["cancellations"].copy()
        cancellations["plan"] = [
            CONFIG.plan_for(plans.get(key), key) for key in cancellations["price_id"]
        ]
        for name in ("status", "cancel_at", "cancel_at_period_end"):
            cancellations[name] = [
                subscriptions.loc[key, name] for key in cancellations["subscription_id"]
            ]
        self.cancellations = cancellations

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self._tables[name]

    def rows(self, name: str) -> list[dict[Hashable, Any]]:
        return self[name].to_dict("records")


def those(rows: pd.DataFrame, kept: Iterable[bool]) -> pd.DataFrame:
    return rows[pd.Series(list(kept), index=rows.index, dtype=bool)]


def narrowed(rows: pd.DataFrame, wanted: dict[str, Any]) -> pd.DataFrame:
    for name, value in wanted.items():
        if name == "overdue":
            kept = [(at < NOW) == value for at in rows["ends_at"]]
        elif name == "ends_from":
            kept = [at >= value for at in rows["ends_at"]]
        elif name == "ends_before":
            kept = [at < value for at in rows["ends_at"]]
        else:
            kept = [(there or "") == value for there in rows[name]]
        rows = those(rows, kept)
    return rows


def sums(rows: pd.DataFrame) -> Sums:
    found: Sums = {}
    for row in rows.to_dict("records"):
        key = (row["currency"], row["interval"], int(row["interval_count"]))
        counts = found.setdefault(key, [0, 0, 0])
        counts[0] += 1
        if row["unit_amount"] is None or row["quantity"] is None:
            counts[2] += 1
        else:
            counts[1] += row["unit_amount"] * row["quantity"]
    return found


def told(totals: Iterable[RecurringTotal]) -> Sums:
    return {
        (t.currency, t.interval, t.interval_count): [t.organizations, t.amount, t.without_amount]
        for t in totals
    }


def grouped(rows: pd.DataFrame, key: Sequence[Any]) -> dict[Any, Sums]:
    return {value: sums(those(rows, (one == value for one in key))) for value in set(key)}


def told_groups(groups: Iterable[TotalsGroup]) -> dict[Any, Sums]:
    listed = list(groups)
    assert all(g.organizations == sum(t.organizations for t in g.totals) for g in listed)
    return {group.key: told(group.totals) for group in listed}


def _price(some: random.Random) -> Any:  # noqa: ANN401 - Stripe's JSON
    key = some.choice(("pro_monthly", "team_monthly", "unheard_of"))
    currency, interval = some.choice(("eur", "usd", "jpy")), some.choice(("month", "year"))
    count, amount = some.choice((1, 1, 3)), some.choice((4900, 12345, None))
    return price(
        key,
        price_id=f"price_{key}_{currency}_{interval}_{count}_{amount}",
        amount=amount,
        currency=currency,
        interval=interval,
        interval_count=count,
    )


def _live(company: Company, some: random.Random, number: int) -> None:
    """One customer who may cancel, undo it, cancel again, and leave."""
    company.now = FIRST + timedelta(minutes=some.randint(0, 20_000))
    status = some.choice(("active", "active", "trialing", "past_due", "incomplete", "unpaid"))
    made = company.subscribe(
        f"org_{number}", _price(some), quantity=some.choice((1, 7, None)), status=status
    )
    for _ in range(some.choice((0, 1, 1, 2))):
        company.later(minutes=some.randint(1, 8_000))
        asked = int(company.now.timestamp())
        made = company.change(
            made,
            cancel_at=int((NOW + timedelta(hours=some.randint(-300, 2_400))).timestamp()),
            canceled_at=asked,
            cancellation_details={
                "reason": some.choice(("cancellation_requested", "payment_failed")),
                "feedback": some.choice((None, "too_expensive", "unused")),
                "comment": None,
            },
        )
        if some.random() < 0.5:
            company.later(minutes=some.randint(1, 8_000))
            nothing = {"reason": None, "feedback": None, "comment": None}
            made = company.change(
                made, cancel_at=None, canceled_at=None, cancellation_details=nothing
            )
    if some.random() < 0.25:
        company.later(minutes=some.randint(1, 8_000))
        over = int(company.now.timestamp())
        ended = {**made, "status": "canceled", "ended_at": over}
        company.event("customer.subscription.deleted", ended)


@pytest.fixture(scope="module", params=(1, 2))
def seeded(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    """A company that every test reads and none changes."""
    company = company_on(fresh_url(backend, request, tmp_path_factory.mktemp("seeded")))
    some = random.Random(request.param)
    for number in range(45):
        _live(company, some, number)
    company.event("customer.created", customer("cus_rival", org_id="org_1", created=NOW))
    yield company
    company.reader.dispose()
    company.engine.dispose()


def test_finance_sees_what_pandas_counts_and_sums_under_every_filter(seeded: Company) -> None:
    raw = Raw(seeded)
    midnights = [month_bounds(f"2026-{month:02}", _FAR_WEST)[0] for month in (7, 8, 9)]
    bounds = [NOW, NOW + timedelta(hours=2), *midnights, NOW + timedelta(days=95)]
    with seeded.reader.connect() as connection:
        for wanted in LEAVING_FILTERS:
            filters = LeavingFilters(**wanted)
            rows = narrowed(raw.leaving, wanted)
            page = queries.winding_down(connection, filters, now=NOW, limit=200, config=CONFIG)
            assert told(page.totals) == sums(rows), wanted
            assert [row.org_id for row in page.rows] == list(
                rows.sort_values(["ends_at", "org_id"])["org_id"]
            )
            assert told_groups(
                queries.leaving_by_time(connection, filters, bounds, now=NOW)
            ) == grouped(rows, [str(sum(at >= b for b in bounds)) for at in rows["ends_at"]])
            assert told_groups(queries.leaving_by_plan(connection, filters, now=NOW)) == grouped(
                rows, list(rows["plan"])
            )
            assert told_groups(
                queries.leaving_by_feedback(connection, filters, now=NOW)
            ) == grouped(rows, list(rows["feedback"]))
        for wanted in FILTERS:
            since = NOW - timedelta(days=30)
            rows = narrowed(raw.ended[raw.ended["ends_at"] >= since], wanted)
            page = queries.ended_since(
                connection, since, LeavingFilters(**wanted), now=NOW, limit=200, config=CONFIG
            )
            assert told(page.totals) == sums(rows), wanted
            assert {row.org_id for row in page.rows} == set(rows["org_id"])


def test_what_was_undone_is_what_pandas_counts_under_every_filter(seeded: Company) -> None:
    raw = Raw(seeded)
    since = NOW - timedelta(days=30)
    bounds = [FIRST + timedelta(days=10 * step, hours=5 * step) for step in range(8)]
    with seeded.reader.connect() as connection:
        for wanted in FILTERS:
            filters = LeavingFilters(**wanted)
            matching = narrowed(raw.cancellations, wanted)
            rows = those(matching, (at is not None and at >= since for at in matching["undone_at"]))
            found, cursor = queries.undone_rows(
                connection, since, filters, limit=200, config=CONFIG
            )
            assert cursor is None
            assert Counter(row.subscription_id for row in found) == Counter(rows["subscription_id"])
            assert [row.undone_at for row in found] == sorted(rows["undone_at"], reverse=True)
            summary = queries.undone_summary(connection, since, filters, config=CONFIG)
            assert summary.undone == len(rows)
            assert told(summary.totals) == sums(rows)
            left = rows["status"] == "canceled"
            again = ~left & (rows["cancel_at"].notna() | rows["cancel_at_period_end"].astype(bool))
            assert (summary.left, summary.leaving_again) == (int(left.sum()), int(again.sum()))
            assert summary.staying == len(rows) - summary.left - summary.leaving_again
            took = pd.Series(list(rows["seconds_to_undo"]), dtype=float)
            middle = None if took.empty else took.quantile(interpolation="lower")
            assert summary.median_seconds == middle
            edges = [-1, 3_600, 86_400, 604_800, float("inf")]
            parts = pd.cut(took, edges, right=False).value_counts(sort=False)
            assert list(summary.within) == list(parts)
            flow = queries.cancellation_flow(connection, bounds, filters, config=CONFIG)
            for one in flow:
                for name in ("begun", "undone", "ended"):
                    between = [
                        at is not None and one.since <= at < one.before
                        for at in matching[f"{name}_at"]
                    ]
                    assert getattr(one, name) == sum(between), (name, wanted)


def test_the_overviews_tiles_are_what_pandas_counts(seeded: Company) -> None:
    raw = Raw(seeded)
    e = raw["plan_entitlements"]
    ends = e["ends_at"][e["ends_at"].notna()]
    undone = [at for at in raw["cancellations"]["undone_at"] if at is not None]
    expected = {
        "organizations": len(raw["organizations"]),
        "with_access": int(e["has_access"].astype(bool).sum()),
        **{
            status: int((e["status"] == status).sum())
            for status in ("trialing", "past_due", "unpaid", "incomplete", "paused")
        },
        "winding_down": len(ends),
        "leaving_soon": sum(NOW <= at < NOW + timedelta(days=7) for at in ends),
        "overdue": sum(at < NOW for at in ends),
        "undone_lately": sum(at >= NOW - timedelta(days=7) for at in undone),
        "unmapped": int((e["plan"].isna() & e["price_id"].notna()).sum()),
        "conflicting_claims": int(raw["customers"]["conflicting_org_id"].notna().sum()),
        "parked": int((raw["webhook_events"]["outcome"] == "parked").sum()),
        "backlog": int((raw["webhook_events"]["outcome"] == "pending").sum()),
        "drift_lately": len(raw["drift"]),
    }
    with seeded.reader.connect() as connection:
        counts = queries.overview_counts(connection, NOW)
    assert {name: getattr(counts, name).value for name in expected} == expected
    assert expected["conflicting_claims"] == 1


def test_the_trend_is_what_the_history_of_changes_adds_up_to(seeded: Company) -> None:
    raw = Raw(seeded)
    first = datetime(2026, 6, 15, tzinfo=UTC) - timedelta(days=29)
    days = [first + timedelta(days=number + 1) for number in range(30)]
    changes = raw.rows("entitlement_changes")
    flows = raw["cancellations"]
    with seeded.reader.connect() as connection:
        trends = queries.trends(connection, NOW)
    states: dict[str, Callable[[dict[str, Any]], bool]] = {
        "access": lambda e: e["has_access"],
        "past_due": lambda e: e["status"] == "past_due",
        "winding_down": lambda e: e["ends_at"] is not None,
        "unmapped": lambda e: e["plan"] is None and e["price_id"] is not None,
    }
    for state, is_in in states.items():
        expected = [
            sum(
                is_in(change["after"]) - bool(change["before"] and is_in(change["before"]))
                for change in changes
                if change["event_created"] < day or day == days[-1]
            )
            for day in days
        ]
        assert list(getattr(trends, state)) == expected, state
    for name in ("begun", "undone"):
        assert list(getattr(trends, name)) == [
            sum(
                at is not None and day - timedelta(days=1) <= at < day for at in flows[f"{name}_at"]
            )
            for day in days
        ]
