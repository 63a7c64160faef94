"""Count known orgs as the other states are, and keep the planless out of the index of plans.

SQLite looked for orgs with an unmapped price among all that have no plan, a row at a time.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from billing_core.tables import UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLE = "plan_entitlements"
_UNMAPPED = "plan IS NULL AND price_id IS NOT NULL"
_ROLLUPS = sa.table(
    "state_rollups",
    sa.column("state", sa.String()),
    sa.column("day", UTCDateTime()),
    sa.column("more", sa.Integer()),
)


def upgrade() -> None:
    """All that are there count as of the first day that is kept."""
    _index("plan", ["plan", "org_id"], "plan IS NOT NULL")
    _index("unmapped", ["price_id", "status", "org_id"], _UNMAPPED)
    connection = op.get_bind()
    connection.execute(_ROLLUPS.delete().where(_ROLLUPS.c.state == "known"))
    count = connection.execute(sa.text(f"SELECT count(*) FROM {_TABLE}")).scalar_one()  # noqa: S608 - our own name
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = connection.execute(sa.select(sa.func.min(_ROLLUPS.c.day))).scalar() or today
    if count:
        connection.execute(_ROLLUPS.insert(), {"state": "known", "day": first, "more": count})


def downgrade() -> None:
    """They are counted one by one again."""
    op.get_bind().execute(_ROLLUPS.delete().where(_ROLLUPS.c.state == "known"))
    _index("plan", ["plan", "org_id"], None)
    _index("unmapped", ["price_id", "org_id"], _UNMAPPED)


def _index(name: str, columns: list[str], where: str | None) -> None:
    op.drop_index(f"ix_{_TABLE}_{name}", table_name=_TABLE)
    only = sa.text(where) if where else None
    op.create_index(
        f"ix_{_TABLE}_{name}", _TABLE, columns, sqlite_where=only, postgresql_where=only
    )
