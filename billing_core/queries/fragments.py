"""Organizations whose name or e-mail address holds a fragment, found by the indexes made for it."""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select
from sqlalchemy import column as bare_column
from sqlalchemy import table as bare_table
from sqlalchemy.dialects.postgresql import array

from billing_core.queries.numbered import SEARCH, Numbered
from billing_core.queries.tables import ORGANIZATIONS, STATE_ROLLUPS

_SHORTEST = 3
_ENOUGH = 4
_PLAIN = re.compile(r"[A-Za-z0-9 ]{1,2}")
_MOST_TERMS = 2000
# From so many organizations on, a text that is in many names is not looked for in all of them.
LARGE = 50_000
_LAST = "\U0010ffff"
_TERMS = bare_table("organization_trigram_terms", bare_column("term"))


def holding_fragment(
    connection: Connection, term: str
) -> tuple[list[Select[Any]], Numbered | None]:
    """Which organizations ``holds_fragment`` is true for, and since when there are such.

    Statements that find all of them by indexes alone; and where SQLite knows them by number, those.
    Of one or two Latin letters only beginnings of names are found: they are in nearly everything.
    """
    o = ORGANIZATIONS.c
    found = select(o.org_id, o.created_at)
    sqlite = connection.dialect.name == "sqlite"
    if _PLAIN.fullmatch(term):
        return [found.where(_begins(func.lower(o.name), term.lower(), sqlite=sqlite))], None
    if not sqlite:
        return [found.where(_by_fragments(term), holds_fragment(connection, term))], None
    wanted = _wanted(connection, term)
    if not wanted:
        return [], None
    by_number = Numbered(wanted, tuple(_contains(connection, SEARCH.c.text, term)))
    return [by_number.found()], by_number


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
    sqlite = connection.dialect.name == "sqlite"
    if term.lower() == term.upper() or term.isascii():
        # SQLite's LIKE itself minds no case of ASCII.
        contains = column.contains if sqlite else column.icontains
        return [contains(term, autoescape=True)]
    if sqlite:
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
    """Enough of a term's fragments to name few organizations that do not hold it."""
    if len(term) < _SHORTEST:
        return func.organization_fragments(term)
    folded = func.lower(term)
    return array([func.substr(folded, place + 1, _SHORTEST) for place in _places(term)])


def _places(term: str) -> list[int]:
    """Where trigrams begin that hold each character of a term: side by side, and the last.

    Of a long term a few, spread over its words: each costs going through all that hold it.
    """
    last = len(term) - _SHORTEST
    places = [*range(0, last, _SHORTEST), last]
    if len(places) <= _ENOUGH:
        return places
    within = [at for at in range(last + 1) if " " not in term[at : at + _SHORTEST]] or places
    return sorted({within[step * (len(within) - 1) // (_ENOUGH - 1)] for step in range(_ENOUGH)})


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
