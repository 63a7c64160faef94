"""Number what SQLite's search finds in the order of the list, so that a page of it is walked to.

The full-text index lists what holds a text by number. Where numbers ascend with the time at which
organizations came to be, the newest that hold it are its last ones, however many hold it.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TEXT = "coalesce({0}name, '') || char(10) || coalesce({0}email, '') || char(10) || char(10)"
# As billing_core.queries.fragments reads them: room for so many of one second.
_A_SECOND = 1 << 24
_UNDATED = -(1 << 62)
_FIRST = f"coalesce(strftime('%s', {{0}}created_at) * {_A_SECOND}, {_UNDATED})"
_NUMBERED = f"""
    INSERT INTO organization_search (search_id, org_id, text, created_at)
        SELECT {_FIRST.format("")} - 1 + row_number() OVER (
                PARTITION BY strftime('%s', created_at) ORDER BY created_at, org_id
            ), org_id, {_TEXT.format("")}, created_at
        FROM organizations ORDER BY 1
"""  # noqa: S608 - our own names
_FORGET = """
    INSERT INTO organization_trigrams (organization_trigrams, rowid, text)
        SELECT 'delete', search_id, text FROM organization_search WHERE org_id = old.org_id;
    DELETE FROM organization_search WHERE org_id = old.org_id;
"""
_LEARN = """
    INSERT INTO organization_search ({0}org_id, text, created_at)
        VALUES ({1}new.org_id, {2}, new.created_at);
    INSERT INTO organization_trigrams (rowid, text)
        SELECT search_id, text FROM organization_search WHERE org_id = new.org_id;
"""
_NEXT = f"""
    (SELECT coalesce(max(search_id) + 1, {_FIRST.format("new.")}) FROM organization_search
        WHERE search_id >= {_FIRST.format("new.")}
            AND search_id < {_FIRST.format("new.")} + {_A_SECOND}),
"""  # noqa: S608 - our own names
_LEARN_NUMBERED = _LEARN.format("search_id, ", _NEXT, _TEXT.format("new."))
_LEARN_AS_IT_COMES = _LEARN.format("", "", _TEXT.format("new."))
_MADE = "CREATE TRIGGER organization_search_made AFTER INSERT ON organizations BEGIN {} END"
_CHANGED = """
    CREATE TRIGGER organization_search_changed
    AFTER UPDATE OF org_id, name, email{0} ON organizations
    WHEN old.org_id IS NOT new.org_id OR old.name IS NOT new.name OR old.email IS NOT new.email{1}
    BEGIN {2} {3} END
"""
_DATED = """
    CREATE TRIGGER organization_search_dated AFTER UPDATE OF created_at ON organizations
    WHEN old.created_at IS NOT new.created_at BEGIN
        UPDATE organization_search SET created_at = new.created_at WHERE org_id = new.org_id;
    END
"""


def upgrade() -> None:
    """Organizations that are there already are read once."""
    _run_on_sqlite(
        "DROP TRIGGER organization_search_dated",
        "DROP TRIGGER organization_search_changed",
        "DROP TRIGGER organization_search_made",
        "INSERT INTO organization_trigrams (organization_trigrams) VALUES ('delete-all')",
        "DELETE FROM organization_search",
        _NUMBERED,
        "INSERT INTO organization_trigrams (organization_trigrams) VALUES ('rebuild')",
        _MADE.format(_LEARN_NUMBERED),
        _CHANGED.format(
            ", created_at", " OR old.created_at IS NOT new.created_at", _FORGET, _LEARN_NUMBERED
        ),
    )


def downgrade() -> None:
    """Numbers are given as they come again; those that are given already may stay."""
    _run_on_sqlite(
        "DROP TRIGGER organization_search_changed",
        "DROP TRIGGER organization_search_made",
        _MADE.format(_LEARN_AS_IT_COMES),
        _CHANGED.format("", "", _FORGET, _LEARN_AS_IT_COMES),
        _DATED,
    )


def _run_on_sqlite(*statements: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in statements:
            op.get_bind().exec_driver_sql(statement)
