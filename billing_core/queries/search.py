"""What somebody pasted into the search field, read for what it is, and the orgs that it names."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    case,
    false,
    func,
    not_,
    or_,
    select,
    union,
    union_all,
)

from billing_core.queries.fragments import (
    holding_fragment,
    holds_fragment,
    id_begins,
    prefer_indexes,
)
from billing_core.queries.numbered import Numbered
from billing_core.queries.tables import (
    CUSTOMERS,
    ENTITLEMENTS,
    EVENTS,
    ORGANIZATIONS,
    PRICES,
    SUBSCRIPTIONS,
    capped_count,
)
from billing_core.queries.unmapped import Unmapped
from billing_core.rows import Count

MAXIMUM_LENGTH = 200
MATCHING_IDS = 4_000
COUNTED_PAYERS = 1_000
FEW_PAYERS = 250
_PAYER = func.coalesce(ENTITLEMENTS.c.org_id, ORGANIZATIONS.c.org_id)
_STRIPE_ID = re.compile(
    r"(acct|bpc|bps|card|ch|cn|cs|cus|dp|evt|fr|ic|ii|in|inpay|li|mandate|mbur|pi|plan|plink|pm"
    r"|price|prod|promo|py|pyr|qt|re|req|seti|si|snapshot|src|sub|su|sub_sched|tax|txi|txn|txr)"
    r"_[A-Za-z0-9_]+\Z"
)
_ADDRESS = re.compile(r"<([^<>\s]+@[^<>\s]+)>")
# The same within more than is looked for; an account's id is in many of Stripe's URLs.
_NAMED = re.compile(
    r"[^\s<>()\[\],;:\"'@]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
    r"|\b(?!acct_)[a-z]{2,10}_(?=\w*\d)[A-Za-z0-9_]{4,}"
)
_LOOKED_THROUGH = 20_000
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


def shortened(text: str) -> str:
    """All of a text that is short enough, else the first address or id in it, else how it begins."""
    if len(text) <= MAXIMUM_LENGTH:
        return text
    named = _NAMED.search(text[:_LOOKED_THROUGH])
    return " ".join((named.group() if named else text)[:MAXIMUM_LENGTH].split())


def _last_id_in_url(url: str) -> str:
    try:
        parts = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    except ValueError:
        return url
    ids = [part for part in parts if _STRIPE_ID.match(part) and not part.startswith("acct_")]
    return ids[-1] if ids else url


@dataclass(frozen=True, slots=True)
class Match:
    """The orgs that a search text stands for.

    ``condition`` is asked of one organization after another. ``statements`` find all of them by
    indexes, each once, with when they came to be; there are none where many are known to match:
    ``count`` then says how many at least. ``fragment``: a text that may be in many names.
    ``in_order`` are the last of the ``statements``, where an index has them in the order of the list.
    """

    condition: ColumnElement[bool]
    statements: tuple[Select[Any], ...]
    count: Count | None = None
    fragment: bool = False
    in_order: Numbered | Unmapped | None = None

    @property
    def otherwise(self) -> Select[Any]:
        """Those who are not ``in_order``."""
        return self.statements[0]

    def held(self, limit: int) -> Select[Any] | CompoundSelect[Any] | None:
        """``org_id`` and ``created_at`` of so many of each kind of match; None for far too many."""
        if len(self.statements) < 2:
            return self.statements[0].limit(limit) if self.statements else None
        parts = (each.limit(limit).subquery().select() for each in self.statements)
        return union_all(*parts)


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
    named = connection.execute(_named_by(search.term)).scalars().all()
    by_id = _when(ORGANIZATIONS.c.org_id.in_(named))
    if search.kind is Kind.STRIPE_ID or (named and "_" in search.term):
        return by_id
    if "@" in search.term:
        exact = func.lower(ORGANIZATIONS.c.email) == search.term.lower()
        if connection.execute(select(ORGANIZATIONS.c.org_id).where(exact).limit(1)).first():
            return _when(exact)
    prefer_indexes(connection)
    begins = id_begins(connection, search.term)
    holds = holds_fragment(connection, search.term)
    otherwise = or_(ORGANIZATIONS.c.org_id.in_(named), begins) if named else begins
    others = and_(otherwise, not_(func.coalesce(holds, false())))
    holding, by_number = holding_fragment(connection, search.term)
    return Match(
        or_(otherwise, holds),
        (*_when(others).statements, *holding),
        fragment=True,
        in_order=by_number,
    )


def _when(condition: ColumnElement[bool]) -> Match:
    """Those of whom a condition that an index knows is true."""
    o = ORGANIZATIONS.c
    return Match(condition, (select(o.org_id, o.created_at).where(condition),))


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
    c, s, p, o = CUSTOMERS, SUBSCRIPTIONS, PRICES, ORGANIZATIONS.c
    named = select(p.c.price_id).where(or_(p.c.price_id == term, p.c.lookup_key == term))
    price_ids = connection.execute(named.limit(MATCHING_IDS)).scalars().all()
    if not price_ids:
        return None
    paying = s.c.price_id.in_(price_ids)
    # Asked of one org at a time, so the index on prices must look useless, and nothing be joined:
    # both are the slow way.
    one = (
        select(c.c.org_id)
        .join(s, s.c.customer_id == c.c.customer_id)
        .where(c.c.org_id == o.org_id, func.coalesce(s.c.price_id, "").in_(price_ids))
        .limit(1)
    )
    condition = one.scalar_subquery().is_not(None)
    holding = capped_count(connection, select(s.c.price_id).where(paying), MATCHING_IDS)
    if holding.capped:
        some = select(s.c.customer_id).where(paying).limit(MATCHING_IDS // 2).subquery()
        orgs = select(c.c.org_id).join(some, some.c.customer_id == c.c.customer_id).distinct()
        at_least = capped_count(connection, orgs, COUNTED_PAYERS)
        return Match(condition, (), Count(at_least.value, capped=True))
    payers = _payers(paying)
    if holding.value <= FEW_PAYERS or len(price_ids) > 1:
        return Match(condition, (payers,))
    unmapped = Unmapped(price_ids[0])
    others = payers.where(
        s.c.subscription_id.not_in(unmapped.subscription_ids()),
        _PAYER.not_in(unmapped.named()),
    )
    return Match(condition, (others, unmapped.found()), in_order=unmapped)


def _payers(paying: ColumnElement[bool]) -> Select[Any]:
    """Everybody with a subscription of those, once.

    Most subscriptions are what their org's entitlement follows from, which is one index away.
    """
    c, s, e, o = CUSTOMERS.c, SUBSCRIPTIONS.c, ENTITLEMENTS.c, ORGANIZATIONS.c
    another = case((e.org_id.is_(None), s.customer_id))
    return (
        select(
            _PAYER.label("org_id"),
            func.coalesce(e.org_created_at, o.created_at).label("created_at"),
        )
        .select_from(SUBSCRIPTIONS)
        .join(ENTITLEMENTS, e.subscription_id == s.subscription_id, isouter=True)
        .join(CUSTOMERS, c.customer_id == another, isouter=True)
        .join(ORGANIZATIONS, o.org_id == c.org_id, isouter=True)
        .where(paying, _PAYER.is_not(None))
        .distinct()
    )
