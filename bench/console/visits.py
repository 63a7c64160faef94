"""What is measured: each page and each thing that people do on it, as the address says it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from sqlalchemy import Engine, func, select

from bench.console.mark import Size
from bench.console.names import TEMPLATE_TOWN
from bench.console.objects import MARK, UNMAPPED, marked
from billing_core.destinations import UPDATE_PAYMENT_METHOD
from billing_core.queries.keyset import encode_cursor
from billing_core.queries.tables import AUDIT, ENTITLEMENTS, EVENTS, LINKS, ORGANIZATIONS

_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Known:
    """An organization that exists, and something of everything that names it."""

    org_id: str
    name: str
    email: str
    customer_id: str
    subscription_id: str
    event_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """What there is to ask for in a company of one size."""

    known: tuple[Known, ...]
    leaving: tuple[tuple[datetime, str], ...]
    names: tuple[tuple[str, str], ...]
    audit_ids: tuple[int, ...]
    links: tuple[tuple[datetime, str], ...]
    busiest: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One page as somebody asks for it; ``targeted`` ones have a target of their own."""

    name: str
    page: str
    role: str
    query: Callable[[Sample, random.Random], dict[str, str]]
    targeted: bool = False


def sample_of(engine: Engine, size: Size) -> Sample:
    """Organizations and positions chosen evenly from all that there are."""
    choose = random.Random(11)  # noqa: S311 - which organizations are looked at is no secret
    o, e, v = ORGANIZATIONS.c, ENTITLEMENTS.c, EVENTS.c
    ids = [_some_org(choose, size) for _ in range(_SAMPLE)]
    with engine.connect().execution_options(reads=True) as connection:
        rows = connection.execute(
            select(
                o.org_id,
                o.name,
                o.email,
                o.stripe_customer_id,
                e.subscription_id,
                e.last_event_id,
                o.created_at,
            )
            .join(ENTITLEMENTS, e.org_id == o.org_id)
            .where(o.org_id.in_(ids), e.subscription_id.is_not(None), o.name.is_not(None))
        ).all()
        leaving = connection.execute(
            select(e.ends_at, e.org_id).where(e.ends_at.is_not(None)).order_by(e.ends_at, e.org_id)
        ).all()
        template = marked("org", 0)[: marked("org", 0).index("n", 9)]
        busiest = connection.execute(
            select(v.org_id)
            .where(v.org_id >= template, v.org_id < f"{template}o")
            .group_by(v.org_id)
            .order_by(func.count().desc())
            .limit(1)
        ).scalar_one()
        last = connection.execute(select(func.max(AUDIT.c.audit_id))).scalar() or 1
        links = connection.execute(
            select(LINKS.c.created_at, LINKS.c.link_id).order_by(LINKS.c.created_at).limit(20_000)
        ).all()
    known = tuple(Known(*row) for row in rows)
    return Sample(
        known=known,
        leaving=tuple((row[0], row[1]) for row in leaving),
        names=tuple((each.name.lower(), each.org_id) for each in known),
        audit_ids=tuple(choose.randint(1, last) for _ in range(50)),
        links=tuple((row[0], row[1]) for row in links),
        busiest=busiest,
    )


def _some_org(choose: random.Random, size: Size) -> str:
    copy = choose.randrange(size.copies)
    number = choose.randrange(size.template)
    return marked("org", number).replace(MARK, f"x{int(MARK[1:]) + copy}")


def _fixed(**query: str) -> Callable[[Sample, random.Random], dict[str, str]]:
    return lambda _sample, _choose: query


def _of_known(
    key: str, value: Callable[[Known], str], **more: str
) -> Callable[[Sample, random.Random], dict[str, str]]:
    return lambda sample, choose: {key: value(choose.choice(sample.known)), **more}


def _deep(sample: Sample, choose: random.Random) -> dict[str, str]:
    known = choose.choice(sample.known)
    return {"after": encode_cursor((known.created_at, known.org_id))}


def _deep_by_name(sample: Sample, choose: random.Random) -> dict[str, str]:
    return {"order": "name", "after": encode_cursor(choose.choice(sample.names))}


def _deep_leaving(sample: Sample, choose: random.Random) -> dict[str, str]:
    return {"after": encode_cursor(choose.choice(sample.leaving))}


def _deep_audit(sample: Sample, choose: random.Random) -> dict[str, str]:
    return {"after": encode_cursor((choose.choice(sample.audit_ids),))}


def _deep_links(sample: Sample, choose: random.Random) -> dict[str, str]:
    return {"after": encode_cursor(choose.choice(sample.links))}


def _one_link(sample: Sample, choose: random.Random) -> dict[str, str]:
    return {"link": choose.choice(sample.links)[1]}


def _as_it_was(sample: Sample, choose: random.Random) -> dict[str, str]:
    known = choose.choice(sample.known)
    then = known.created_at + (datetime.now(UTC) - known.created_at) * choose.random()
    return {"org": known.org_id, "as_of": then.isoformat(timespec="seconds")}


def _org_id(known: Known) -> str:
    return known.org_id


def _whole(known: Known) -> str:
    return known.name


# Both are in more than a page of names at either size, so that both sizes show equally many.
def _fragment(known: Known) -> str:
    """Letters out of the middle of a word of a name."""
    return _words(known)[0][1:6]


def _part_of_address(known: Known) -> str:
    return f"-{_words(known)[1][:6]}"


def _words(known: Known) -> list[str]:
    """The two words that a made-up address and name have in common."""
    return known.email.partition("@")[2].partition(".")[0].split("-")[:2]


VISITS = (
    Visit("overview", "", "support", _fixed()),
    Visit("organizations", "organizations", "support", _fixed(), targeted=True),
    *(
        Visit(name, "organizations", "support", query, targeted=True)
        for name, query in (
            ("search: fragment of a name", _of_known("q", _fragment)),
            ("search: whole name", _of_known("q", _whole)),
            ("search: common word", _fixed(q="gmbh")),
            ("search: a town", _fixed(q=TEMPLATE_TOWN.lower())),
            ("search: two letters", _fixed(q="zo")),
            ("search: 東京", _fixed(q="東京")),
            ("search: nothing matches", _fixed(q="qzvxqj")),
            ("search: e-mail", _of_known("q", lambda known: known.email)),
            ("search: part of an e-mail", _of_known("q", _part_of_address)),
            ("search: org id", _of_known("q", _org_id)),
            ("search: customer id", _of_known("q", lambda known: known.customer_id)),
            ("search: subscription id", _of_known("q", lambda known: known.subscription_id)),
            ("search: event id", _of_known("q", lambda known: known.event_id)),
            ("search: lookup key", _fixed(q="pro_monthly")),
            ("search: unmapped price", _fixed(q=f"price_bench_{UNMAPPED}")),
            ("filter: status", _fixed(status="unpaid")),
            ("filter: past due and plan", _fixed(show="past_due", plan="team")),
            ("filter: winding down", _fixed(show="winding_down")),
            ("filter: no customer", _fixed(show="no_customer")),
            ("filter: unmapped", _fixed(show="unmapped")),
            ("filter: plan by name", _fixed(plan="pro", order="name")),
            ("filter: status and fragment", _fixed(status="unpaid", q="gmbh")),
            ("paging: deep", _deep),
            ("paging: deep by name", _deep_by_name),
        )
    ),
    *(
        Visit(name, "organization", "support", query, targeted=True)
        for name, query in (
            ("organization", _of_known("org", _org_id)),
            ("organization: the busiest", lambda sample, _choose: {"org": sample.busiest}),
            (
                "organization: long story",
                lambda sample, _choose: {"org": sample.busiest, "entries": "400", "quiet": "1"},
            ),
            ("organization: payments", _of_known("org", _org_id, kind="payments")),
            ("organization: staff", _of_known("org", _org_id, kind="staff")),
            ("organization: as it was", _as_it_was),
        )
    ),
    *(
        Visit(name, "winding-down", "finance", query, targeted=True)
        for name, query in (
            ("winding down", _fixed()),
            ("winding down: plan", _fixed(plan="pro")),
            ("winding down: currency, reason", _fixed(currency="eur", reason="unused")),
            ("winding down: no reason", _fixed(reason="none")),
            ("winding down: deep", _deep_leaving),
            ("winding down: by month", _fixed(view="when")),
            ("winding down: by week", _fixed(view="when", by="week")),
            ("winding down: why", _fixed(view="why")),
            ("winding down: overdue", _fixed(view="overdue")),
            ("winding down: undone", _fixed(view="undone")),
            ("winding down: undone in a year", _fixed(view="undone", period="365", plan="pro")),
            ("winding down: ended", _fixed(view="ended")),
        )
    ),
    *(
        Visit(name, "webhooks", "ops", query, targeted=True)
        for name, query in (
            ("webhooks", _fixed()),
            ("webhooks: an event", _of_known("event", lambda known: known.event_id)),
            ("webhooks: over a day", _fixed(view="time")),
            ("webhooks: over 30 days", _fixed(view="time", days="30")),
            ("webhooks: missed", _fixed(view="missed")),
            ("webhooks: endpoint", _fixed(view="endpoint")),
        )
    ),
    Visit("links", "links", "support", _fixed()),
    Visit("links: active", "links", "support", _fixed(state="active")),
    Visit("links: revoked", "links", "support", _fixed(state="revoked")),
    Visit("links: one person", "links", "support", _fixed(by="support3")),
    Visit("links: one destination", "links", "support", _fixed(destination=UPDATE_PAYMENT_METHOD)),
    Visit("links: of an org", "links", "support", _of_known("org", _org_id)),
    Visit("links: deep", "links", "support", _deep_links),
    Visit("links: one", "links", "support", _one_link),
    Visit("audit log", "audit", "admin", _fixed()),
    Visit("audit log: one person", "audit", "admin", _fixed(actor="support3")),
    Visit("audit log: one org", "audit", "admin", _of_known("org", _org_id)),
    Visit("audit log: deep", "audit", "admin", _deep_audit),
    Visit("portal insights", "portal-insights", "admin", _fixed()),
    Visit("portal insights: a year", "portal-insights", "admin", _fixed(days="365")),
)


def query_string(visit: Visit, sample: Sample, choose: random.Random) -> str:
    """The address's part after the question mark."""
    return urlencode(visit.query(sample, choose))
