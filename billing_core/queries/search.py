"""What somebody pasted into the search field, read for what it is, and the orgs that it names."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote, urlsplit

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, union

from billing_core.queries.fragments import holding_fragment, holds_fragment, id_begins
from billing_core.queries.tables import (
    CUSTOMERS,
    ENTITLEMENTS,
    EVENTS,
    ORGANIZATIONS,
    PRICES,
    SUBSCRIPTIONS,
)

MAXIMUM_LENGTH = 200
MATCHING_IDS = 1000
_STRIPE_ID = re.compile(
    r"(acct|bpc|bps|card|ch|cn|cs|cus|dp|evt|fr|ic|ii|in|inpay|li|mandate|mbur|pi|plan|plink|pm"
    r"|price|prod|promo|py|pyr|qt|re|req|seti|si|snapshot|src|sub|su|sub_sched|tax|txi|txn|txr)"
    r"_[A-Za-z0-9_]+\Z"
)
_ADDRESS = re.compile(r"<([^<>\s]+@[^<>\s]+)>")
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp"}


class Kind(Enum):
    """What a search text looks like."""

    EVERYTHING = "everything"
    STRIPE_ID = "stripe_id"
    FRAGMENT = "fragment"


@dataclass(frozen=True, slots=True)
class SearchText:
    """A search text without what surrounded it, and what it looks like."""

    term: str
    kind: Kind


def read_search_text(text: str) -> SearchText:
    """Read what somebody typed or pasted: an id, an address, a Dashboard URL, part of a name."""
    term = "".join(
        " " if unicodedata.category(char) in _INVISIBLE else char for char in text[:2000]
    )
    term = unicodedata.normalize("NFC", term).strip().strip("\"'`,;").strip()
    if re.match(r"(?i)https?://", term):
        term = _last_id_in_url(term)
    address = _ADDRESS.search(term)
    if address:
        term = address.group(1)
    term = re.sub(r"(?i)\Amailto:", "", term)[:MAXIMUM_LENGTH]
    if not term:
        return SearchText("", Kind.EVERYTHING)
    return SearchText(term, Kind.STRIPE_ID if _STRIPE_ID.match(term) else Kind.FRAGMENT)


def _last_id_in_url(url: str) -> str:
    try:
        parts = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    except ValueError:
        return url
    ids = [part for part in parts if _STRIPE_ID.match(part) and not part.startswith("acct_")]
    return ids[-1] if ids else url


@dataclass(frozen=True, slots=True)
class Match:
    """The orgs that a search text stands for, as a condition on ``organizations``.

    ``org_ids`` are all of them where they are few and already known; ``many`` says that they are
    known to be more than a thousand.
    """

    condition: ColumnElement[bool]
    org_ids: tuple[str, ...] | None = None
    many: bool = False


def matches(connection: Connection, search: SearchText) -> Match | None:
    """What a search text stands for; None for everything.

    A whole id or address names its orgs by index. Anything else is looked for in names and
    addresses.
    """
    if search.kind is Kind.EVERYTHING:
        return None
    paying = _paying(connection, search.term)
    if paying is not None:
        return paying
    named = tuple(connection.execute(_named_by(search.term)).scalars().all())
    if search.kind is Kind.STRIPE_ID or (named and "_" in search.term):
        return Match(ORGANIZATIONS.c.org_id.in_(named), named)
    if "@" in search.term:
        exact = func.lower(ORGANIZATIONS.c.email) == search.term.lower()
        if connection.execute(select(ORGANIZATIONS.c.org_id).where(exact).limit(1)).first():
            return Match(exact)
    return _holding(connection, search.term, named)


def _holding(connection: Connection, term: str, named: tuple[str, ...]) -> Match:
    """Those whose name or address holds a fragment, or whose id begins with it."""
    begins = id_begins(connection, term)
    held = {*named}
    for statement in (
        holding_fragment(connection, term),
        select(ORGANIZATIONS.c.org_id).where(begins),
    ):
        held |= set(connection.execute(statement.limit(MATCHING_IDS + 1)).scalars())
    if len(held) <= MATCHING_IDS:
        return Match(ORGANIZATIONS.c.org_id.in_(held), tuple(held))
    holds = holds_fragment(connection, term)
    return Match(or_(ORGANIZATIONS.c.org_id.in_(named), begins, holds), many=True)


def _named_by(term: str) -> Select[str]:
    """The orgs that an id, given whole, belongs to: each branch looks into one index."""
    o, c, s, e, v = ORGANIZATIONS, CUSTOMERS, SUBSCRIPTIONS, ENTITLEMENTS, EVENTS
    branches = union(
        select(o.c.org_id).where(o.c.org_id == term),
        select(o.c.org_id).where(o.c.stripe_customer_id == term),
        select(c.c.org_id).where(c.c.customer_id == term),
        select(e.c.org_id).where(e.c.subscription_id == term),
        select(c.c.org_id)
        .join(s, s.c.customer_id == c.c.customer_id)
        .where(s.c.subscription_id == term),
        select(v.c.org_id).where(v.c.event_id == term),
        select(v.c.org_id).where(v.c.object_id == term),
    ).subquery()
    return select(branches.c.org_id).where(branches.c.org_id.is_not(None)).limit(MATCHING_IDS)


def _paying(connection: Connection, term: str) -> Match | None:
    """Those with a subscription to the price that a price id or lookup key names."""
    c, s, p = CUSTOMERS, SUBSCRIPTIONS, PRICES
    named = select(p.c.price_id).where(or_(p.c.price_id == term, p.c.lookup_key == term))
    price_ids = connection.execute(named.limit(MATCHING_IDS)).scalars().all()
    if not price_ids:
        return None
    customers = select(c.c.org_id).join(s, s.c.customer_id == c.c.customer_id)
    payers = customers.where(s.c.price_id.in_(price_ids)).limit(MATCHING_IDS + 1)
    first = connection.execute(payers).scalars().all()
    # Asked of one org at a time, so the index on prices must look useless: it is the slow way.
    condition = customers.where(
        c.c.org_id == ORGANIZATIONS.c.org_id, func.coalesce(s.c.price_id, "").in_(price_ids)
    ).exists()
    if len(first) > MATCHING_IDS:
        return Match(condition, many=len(set(first)) > MATCHING_IDS)
    return Match(condition, tuple(set(first)))
