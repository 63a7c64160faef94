"""Organizations whose name or e-mail address holds a fragment, found by the indexes made for it."""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select
from sqlalchemy import column as bare_column
from sqlalchemy import table as bare_table
from sqlalchemy.dialects.postgresql import array

from billing_core.queries.tables import ORGANIZATIONS, STATE_ROLLUPS

_SHORTEST = 3
_PLAIN = re.compile(r"[A-Za-z0-9 ]{1,2}")
_MOST_TERMS = 2000
# From so many organizations on, a text that is in many names is not looked for in all of them.
LARGE = 50_000
MANY = 4_000
LOOKED_AT = 1_000
_LAST = "\U0010ffff"
# SQLite's own, kept by triggers; ``text`` is the name, a line's end, and the address, and
# ``created_at`` the organization's.
_SEARCH = bare_table(
    "organization_search",
    bare_column("org_id"),
    bare_column("search_id"),
    bare_column("text"),
    bare_column("created_at", ORGANIZATIONS.c.created_at.type),
)
_TRIGRAMS = bare_table(
    "organization_trigrams", bare_column("rowid"), bare_column("organization_trigrams")
)
_TERMS = bare_table("organization_trigram_terms", bare_column("term"))


def holding_fragment(connection: Connection, term: str) -> list[Select[Any]]:
    """Which organizations ``holds_fragment`` is true for, and since when there are such.

    Statements that find all of them by indexes alone. Of one or two Latin letters only beginnings
    of names are found: they are in nearly everything.
    """
    o = ORGANIZATIONS.c
    found = select(o.org_id, o.created_at)
    sqlite = connection.dialect.name == "sqlite"
    if _PLAIN.fullmatch(term):
        return [found.where(_begins(func.lower(o.name), term.lower(), sqlite=sqlite))]
    if sqlite:
        return _by_trigrams(connection, term)
    return [found.where(_by_fragments(term), holds_fragment(connection, term))]


def prefer_indexes(connection: Connection) -> None:
    """Until the transaction ends: PostgreSQL would cut up all names for a text that all of them hold.

    It takes that for as dear as looking only at those that the index names, and for one step less.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")


def is_large(connection: Connection) -> bool:
    """Whether finding all that hold a text may take long."""
    s = STATE_ROLLUPS.c
    known = select(func.coalesce(func.sum(s.more), 0)).where(s.state == "known")
    return int(connection.execute(known).scalar_one()) >= LARGE


def id_begins(connection: Connection, term: str) -> ColumnElement[bool]:
    """Whether an organization's id begins with ``term``."""
    return _begins(ORGANIZATIONS.c.org_id, term, sqlite=connection.dialect.name == "sqlite")


def holds_fragment(connection: Connection, term: str) -> ColumnElement[bool]:
    """Whether an organization's name or address holds ``term`` in any case.

    SQLite's own ``lower`` knows ASCII alone; PostgreSQL's knows what the database's locale knows.
    """
    o = ORGANIZATIONS.c
    if _PLAIN.fullmatch(term):
        # Asked of one organization after another, so that no index is walked and then sorted.
        return func.substr(func.lower(o.name), 1, len(term)) == term.lower()
    return or_(
        *_contains(connection, o.name, term),
        *_contains(connection, o.email, term),
    )


def _begins(column: ColumnElement[Any], term: str, *, sqlite: bool) -> ColumnElement[bool]:
    """Compared byte by byte, as the indexes are: a database's own alphabet has no such range."""
    if sqlite:
        return and_(column >= term, column < term + _LAST)
    return and_(column.bool_op("~>=~")(term), column.bool_op("~<~")(term + _LAST))


def _contains(
    connection: Connection, column: ColumnElement[str | None], term: str
) -> list[ColumnElement[bool]]:
    if term.lower() == term.upper() or term.isascii():
        return [column.icontains(term, autoescape=True)]
    if connection.dialect.name == "sqlite":
        return [func.casefold(column).contains(term.casefold(), autoescape=True)]
    return [column.icontains(variant, autoescape=True) for variant in _variants(term)]


def _variants(term: str) -> list[str]:
    return sorted({term, term.lower(), term.upper(), term.title()})


def _by_fragments(term: str) -> ColumnElement[bool]:
    """PostgreSQL: the index says which organizations have every fragment of the term."""
    o = ORGANIZATIONS.c
    text = func.coalesce(o.name, "").concat("\n").concat(func.coalesce(o.email, ""))
    held = func.organization_fragments(text)
    return or_(*(held.bool_op("@>")(_fragments(variant)) for variant in _variants(term)))


def _fragments(term: str) -> ColumnElement[Any]:
    """Enough of a term's fragments to hold each of its characters."""
    if len(term) < _SHORTEST:
        return func.organization_fragments(term)
    folded = func.lower(term)
    return array([func.substr(folded, place + 1, _SHORTEST) for place in _places(term)])


def _places(term: str) -> list[int]:
    """Where the trigrams begin that hold each character of a term: side by side, and the last."""
    last = len(term) - _SHORTEST
    return [*range(0, last, _SHORTEST), last]


def at_least(connection: Connection, term: str) -> int | None:
    """How many hold ``term`` at least, where SQLite soon sees that it is in very many; else None.

    Its index names thousands in the time in which a few of them are looked at.
    """
    if connection.dialect.name != "sqlite" or _PLAIN.fullmatch(term):
        return None
    wanted = _wanted(connection, term)
    if not wanted:
        return None
    named = _named(wanted)
    many = select(func.count()).select_from(named.limit(MANY + 1).subquery())
    if connection.execute(many).scalar_one() <= MANY or not is_large(connection):
        return None
    s = _SEARCH.c
    some = named.limit(LOOKED_AT).subquery()
    looked_at = select(s.text).select_from(some.join(_SEARCH, s.search_id == some.c.rowid))
    held = select(func.count()).select_from(
        looked_at.where(*_contains(connection, s.text, term)).subquery()
    )
    found = int(connection.execute(held).scalar_one())
    return found if found > LOOKED_AT // 2 else None


def _by_trigrams(connection: Connection, term: str) -> list[Select[Any]]:
    """SQLite: the full-text index does, and what it finds is looked at."""
    wanted = _wanted(connection, term)
    if not wanted:
        return []
    s, t = _SEARCH.c, _TRIGRAMS.c
    return [
        select(s.org_id, s.created_at)
        .select_from(_TRIGRAMS)
        .join(_SEARCH, s.search_id == t.rowid)
        .where(t.organization_trigrams.bool_op("MATCH")(literal(wanted)))
        .where(*_contains(connection, s.text, term))
    ]


def _named(wanted: str) -> Select[Any]:
    t = _TRIGRAMS.c
    return select(t.rowid).where(t.organization_trigrams.bool_op("MATCH")(literal(wanted)))


def _wanted(connection: Connection, term: str) -> str:
    """What the full-text index is asked for: nothing where it has no such terms."""
    if len(term) >= _SHORTEST:
        return " AND ".join(_quoted(term[at : at + _SHORTEST]) for at in _places(term))
    return " OR ".join(_quoted(each) for each in _terms_beginning(connection, term))


def _terms_beginning(connection: Connection, term: str) -> Iterable[str]:
    column = _TERMS.c.term
    folded = term.lower()
    statement = select(column).where(column >= folded, column < folded + _LAST)
    return connection.execute(statement.limit(_MOST_TERMS)).scalars().all()


def _quoted(trigram: str) -> str:
    return '"' + trigram.replace('"', '""') + '"'
