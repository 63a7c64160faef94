"""Add up who leaves as the rows change, and keep what lists go by in the rows that they walk.

Lists and totals of a million organizations then cost what those of ten thousand do.
"""

import sqlalchemy as sa
from alembic import op

from billing_core.tables import UTCDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_LEAVING = [
    *("org_id", "plan", "currency", "interval", "interval_count"),
    *("cancellation_reason", "cancellation_feedback", "unit_amount", "quantity"),
    "status",
]
_UNDONE = [
    *("cancellation_id", "price_id", "currency", "interval", "interval_count"),
    *("reason", "feedback", "unit_amount", "quantity", "seconds_to_undo", "standing"),
]
_WHY = ["cancellation_feedback", "cancellation_reason", "interval_count"]
_OF_LEAVING = [
    *("ends_at", "org_id", "plan", "currency", "interval", "unit_amount", "quantity"),
    *("subscription_id", "price_id"),
]
_SET_TO_END = "cancel_at IS NOT NULL OR cancel_at_period_end"
_UNMAPPED = "plan IS NULL AND price_id IS NOT NULL"
# Table, what follows ix_, columns, which rows.
_OLD: tuple[tuple[str, str, list[str], str | None], ...] = (
    ("plan_entitlements", "ends_at", ["ends_at", "org_id"], None),
    ("plan_entitlements", "leaving", _OF_LEAVING, "ends_at IS NOT NULL"),
    ("plan_entitlements", "status", ["status", "org_id"], None),
    ("plan_entitlements", "plan", ["plan", "org_id"], "plan IS NOT NULL"),
    ("plan_entitlements", "subscription_id", ["subscription_id"], None),
    ("subscriptions", "price_id", ["price_id"], None),
    ("subscriptions", "set_to_end", ["subscription_id", *_WHY], _SET_TO_END),
    ("subscriptions", "ended_at", ["ended_at", "subscription_id", *_WHY], "ended_at IS NOT NULL"),
    ("cancellations", "undone_at", ["undone_at", "cancellation_id"], "undone_at IS NOT NULL"),
)
_NEW: tuple[tuple[str, str, list[str], str | None], ...] = (
    ("plan_entitlements", "leaving", ["ends_at", *_LEAVING], "ends_at IS NOT NULL"),
    ("plan_entitlements", "left", ["ended_at", *_LEAVING], "ended_at IS NOT NULL"),
    ("plan_entitlements", "status", ["status", "org_created_at", "org_id", "plan"], None),
    (
        "plan_entitlements",
        "plan",
        ["plan", "org_created_at", "org_id", "status"],
        "plan IS NOT NULL",
    ),
    (
        "plan_entitlements",
        "subscription_id",
        ["subscription_id", "org_created_at", "org_id"],
        None,
    ),
    ("subscriptions", "price_id", ["price_id", "subscription_id", "customer_id"], None),
    ("plan_entitlements", "currency", ["currency", "org_created_at", "org_id"], None),
    ("plan_entitlements", "interval", ["interval", "org_created_at", "org_id"], None),
    ("plan_entitlements", "unmapped_orgs", ["org_created_at", "org_id"], _UNMAPPED),
    ("plan_entitlements", "leaving_orgs", ["org_created_at", "org_id"], "ends_at IS NOT NULL"),
    # Said so that SQLite does not look among the unique ids for those that are null.
    (
        "organizations",
        "without_customer",
        ["created_at", "org_id"],
        "coalesce(stripe_customer_id, '') = ''",
    ),
    ("cancellations", "undone_at", ["undone_at", *_UNDONE], "undone_at IS NOT NULL"),
)
_MOMENTS = ("org_created_at", "ended_at")
_WORDS = ("cancellation_reason", "cancellation_feedback")
_FILL_ENTITLEMENTS = """
    UPDATE plan_entitlements SET
        org_created_at = told.org_created_at,
        interval_count = coalesce(told.interval_count, 1),
        ended_at = CASE WHEN has_access THEN NULL ELSE told.ended_at END,
        cancellation_reason = told.cancellation_reason,
        cancellation_feedback = told.cancellation_feedback
    FROM (
        SELECT e.org_id, o.created_at AS org_created_at, s.interval_count, s.ended_at,
            s.cancellation_reason, s.cancellation_feedback
        FROM plan_entitlements e
        LEFT JOIN organizations o ON o.org_id = e.org_id
        LEFT JOIN subscriptions s ON s.subscription_id = e.subscription_id
    ) told WHERE told.org_id = plan_entitlements.org_id
"""
_FILL_STANDING = """
    UPDATE cancellations SET standing = (
        SELECT CASE
            WHEN s.status IN ('canceled', 'incomplete_expired') THEN 'left'
            WHEN s.cancel_at_period_end OR s.cancel_at IS NOT NULL THEN 'leaving'
            ELSE 'staying' END
        FROM subscriptions s WHERE s.subscription_id = cancellations.subscription_id
    ) WHERE subscription_id IN (SELECT subscription_id FROM subscriptions)
"""
_TEXTS = ("plan", "price_id", "currency", "interval", "reason", "feedback", "standing", "took")
_KEYS = ("kind", "grain", "since", *_TEXTS, "interval_count")
_TOOK = """CASE WHEN seconds_to_undo IS NULL THEN '' WHEN seconds_to_undo < 3600 THEN 'hour'
    WHEN seconds_to_undo < 86400 THEN 'day' WHEN seconds_to_undo < 604800 THEN 'week'
    ELSE 'later' END"""
_ENTITLEMENT = (
    "coalesce(plan, '')",
    "''",
    "coalesce(currency, '')",
    "coalesce(interval, '')",
    "coalesce(cancellation_reason, '')",
    "coalesce(cancellation_feedback, '')",
    "''",
    "''",
)
_CANCELLATION = (
    "''",
    "coalesce(price_id, '')",
    "coalesce(currency, '')",
    "coalesce(interval, '')",
    "coalesce(reason, '')",
    "coalesce(feedback, '')",
)
_ADDED_UP = (
    ("leaving", "plan_entitlements", "ends_at", _ENTITLEMENT),
    ("left", "plan_entitlements", "ended_at", _ENTITLEMENT),
    ("begun", "cancellations", "begun_at", (*_CANCELLATION, "''", "''")),
    ("undone", "cancellations", "undone_at", (*_CANCELLATION, "standing", _TOOK)),
    ("came_true", "cancellations", "ended_at", (*_CANCELLATION, "''", "''")),
)
# SQLite's own search: what it finds is sorted by when the organization came to be.
_TEXT = "coalesce({0}name, '') || char(10) || coalesce({0}email, '') || char(10) || char(10)"
_FORGET = """
    INSERT INTO organization_trigrams (organization_trigrams, rowid, text)
        SELECT 'delete', search_id, text FROM organization_search WHERE org_id = old.org_id;
    DELETE FROM organization_search WHERE org_id = old.org_id;
"""
_LEARN = """
    INSERT INTO organization_search (org_id, text{0}) VALUES (new.org_id, {1}{2});
    INSERT INTO organization_trigrams (rowid, text)
        SELECT search_id, text FROM organization_search WHERE org_id = new.org_id;
"""
_LEARN_UNSORTED = _LEARN.format("", _TEXT.format("new."), "")
_LEARN_SORTED = _LEARN.format(", created_at", _TEXT.format("new."), ", new.created_at")
_MADE = "CREATE TRIGGER organization_search_made AFTER INSERT ON organizations BEGIN {} END"
_CHANGED = """
    CREATE TRIGGER organization_search_changed AFTER UPDATE OF org_id, name, email ON organizations
    WHEN old.org_id IS NOT new.org_id OR old.name IS NOT new.name OR old.email IS NOT new.email
    BEGIN {} {} END
"""
_SEARCH_SORTED = (
    "DROP TRIGGER organization_search_made",
    "DROP TRIGGER organization_search_changed",
    "ALTER TABLE organization_search ADD COLUMN created_at DATETIME",
    """
    UPDATE organization_search SET created_at = organizations.created_at
        FROM organizations WHERE organizations.org_id = organization_search.org_id
    """,
    _MADE.format(_LEARN_SORTED),
    _CHANGED.format(_FORGET, _LEARN_SORTED),
    """
    CREATE TRIGGER organization_search_dated AFTER UPDATE OF created_at ON organizations
    WHEN old.created_at IS NOT new.created_at BEGIN
        UPDATE organization_search SET created_at = new.created_at WHERE org_id = new.org_id;
    END
    """,
)
_SEARCH_UNSORTED = (
    "DROP TRIGGER organization_search_dated",
    "DROP TRIGGER organization_search_changed",
    "DROP TRIGGER organization_search_made",
    "ALTER TABLE organization_search DROP COLUMN created_at",
    _MADE.format(_LEARN_UNSORTED),
    _CHANGED.format(_FORGET, _LEARN_UNSORTED),
)


def upgrade() -> None:
    """Every organization's row is written once more."""
    _drop(_OLD)
    count = sa.Column("interval_count", sa.Integer(), nullable=False, server_default="1")
    op.add_column("plan_entitlements", count)
    for name in _MOMENTS:
        op.add_column("plan_entitlements", sa.Column(name, UTCDateTime(), nullable=True))
    for name in _WORDS:
        op.add_column("plan_entitlements", sa.Column(name, sa.String(), nullable=True))
    standing = sa.Column("standing", sa.String(), nullable=False, server_default="staying")
    op.add_column("cancellations", standing)
    op.execute(_FILL_ENTITLEMENTS)
    op.execute(_FILL_STANDING)
    _create(_NEW)
    op.create_table(
        "revenue_rollups",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("grain", sa.String(), primary_key=True),
        sa.Column("since", UTCDateTime(), primary_key=True),
        *(sa.Column(name, sa.String(), primary_key=True) for name in _TEXTS[:4]),
        sa.Column("interval_count", sa.Integer(), primary_key=True),
        *(sa.Column(name, sa.String(), primary_key=True) for name in _TEXTS[4:]),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("with_amount", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
    )
    empty = sa.text("entries = 0")
    op.create_index(
        "ix_revenue_rollups_empty",
        "revenue_rollups",
        ["entries"],
        sqlite_where=empty,
        postgresql_where=empty,
    )
    for kind, table, at, parts in _ADDED_UP:
        for grain in ("day", "month"):
            op.execute(_added_up(kind, grain, table, at, parts))
    _run_on_sqlite(_SEARCH_SORTED)


def downgrade() -> None:
    """Totals are added up when they are asked for again."""
    op.drop_table("revenue_rollups")
    _drop(_NEW)
    op.drop_column("cancellations", "standing")
    for name in ("interval_count", *_MOMENTS, *_WORDS):
        op.drop_column("plan_entitlements", name)
    _create(_OLD)
    _run_on_sqlite(_SEARCH_UNSORTED)


def _added_up(kind: str, grain: str, table: str, at: str, parts: tuple[str, ...]) -> str:
    if op.get_bind().dialect.name == "sqlite":
        length, rest = (10, "") if grain == "day" else (7, "-01")
        since = f"substr({at}, 1, {length}) || '{rest} 00:00:00.000000'"
    else:
        since = f"date_trunc('{grain}', {at} AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
    grouped = ", ".join((since, *(part for part in parts if part != "''"), "interval_count"))
    return (
        f"INSERT INTO revenue_rollups ({', '.join(_KEYS)}, entries, with_amount, amount)"  # noqa: S608 - our own names
        f" SELECT '{kind}', '{grain}', {since}, {', '.join(parts)}, interval_count,"
        " count(*), count(unit_amount * quantity), coalesce(sum(unit_amount * quantity), 0)"
        f" FROM {table} WHERE {at} IS NOT NULL GROUP BY {grouped}"
    )


def _run_on_sqlite(statements: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in statements:
            op.get_bind().exec_driver_sql(statement)


def _drop(indexes: tuple[tuple[str, str, list[str], str | None], ...]) -> None:
    for table, name, _, _ in indexes:
        op.drop_index(f"ix_{table}_{name}", table_name=table)


def _create(indexes: tuple[tuple[str, str, list[str], str | None], ...]) -> None:
    for table, name, columns, where in indexes:
        only = sa.text(where) if where else None
        op.create_index(
            f"ix_{table}_{name}", table, columns, sqlite_where=only, postgresql_where=only
        )
