"""Find any fragment of a name or an e-mail address without reading every organization.

SQLite gets a full-text index of trigrams, kept by triggers. PostgreSQL gets an index of its own
over the same fragments, since the extension for that is not installed everywhere.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = "coalesce({0}name, '') || char(10) || coalesce({0}email, '') || char(10) || char(10)"
_FORGET = """
    INSERT INTO organization_trigrams (organization_trigrams, rowid, text)
        SELECT 'delete', search_id, text FROM organization_search WHERE org_id = old.org_id;
    DELETE FROM organization_search WHERE org_id = old.org_id;
"""
_LEARN = f"""
    INSERT INTO organization_search (org_id, text) VALUES (new.org_id, {_TEXT.format("new.")});
    INSERT INTO organization_trigrams (rowid, text)
        SELECT search_id, text FROM organization_search WHERE org_id = new.org_id;
"""  # noqa: S608 - our own names
_SQLITE = (
    """
    CREATE TABLE organization_search (
        search_id INTEGER NOT NULL PRIMARY KEY, org_id VARCHAR NOT NULL UNIQUE, text TEXT NOT NULL
    )
    """,
    """
    CREATE VIRTUAL TABLE organization_trigrams USING fts5(
        text, content='organization_search', content_rowid='search_id',
        tokenize='trigram', detail='none', columnsize=0
    )
    """,
    # Two letters are looked for among the trigrams that begin with them.
    "CREATE VIRTUAL TABLE organization_trigram_terms USING fts5vocab(organization_trigrams, row)",
    f"INSERT INTO organization_search (org_id, text) SELECT org_id, {_TEXT.format('')} FROM organizations",  # noqa: S608 - our own names
    "INSERT INTO organization_trigrams (organization_trigrams) VALUES ('rebuild')",
    f"CREATE TRIGGER organization_search_made AFTER INSERT ON organizations BEGIN {_LEARN} END",
    f"""
    CREATE TRIGGER organization_search_changed AFTER UPDATE OF org_id, name, email ON organizations
    WHEN old.org_id IS NOT new.org_id OR old.name IS NOT new.name OR old.email IS NOT new.email
    BEGIN {_FORGET} {_LEARN} END
    """,
    f"CREATE TRIGGER organization_search_gone AFTER DELETE ON organizations BEGIN {_FORGET} END",
)
_SQLITE_GONE = (
    "DROP TRIGGER organization_search_gone",
    "DROP TRIGGER organization_search_changed",
    "DROP TRIGGER organization_search_made",
    "DROP TABLE organization_trigram_terms",
    "DROP TABLE organization_trigrams",
    "DROP TABLE organization_search",
)
# Three characters each, and shorter ones that are no Latin letter or digit: such may be a word.
_POSTGRESQL = (
    """
    CREATE FUNCTION organization_fragments(of_text text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT coalesce(array_agg(DISTINCT fragment), '{}')
        FROM (SELECT lower(of_text) AS folded) f,
            generate_series(1, length(f.folded)) place,
            generate_series(1, 3) wanted,
            LATERAL (SELECT substr(f.folded, place, wanted) AS fragment) cut
        WHERE length(fragment) = wanted AND (wanted = 3 OR fragment ~ '[^a-z0-9 ]')
    $$
    """,
    """
    CREATE INDEX ix_organizations_fragments ON organizations USING gin (
        organization_fragments(coalesce(name, '') || E'\\n' || coalesce(email, ''))
    )
    """,
    "CREATE INDEX ix_organizations_name_begins ON organizations (lower(name) text_pattern_ops)",
    "CREATE INDEX ix_organizations_org_id_begins ON organizations (org_id text_pattern_ops)",
)
_POSTGRESQL_GONE = (
    "DROP INDEX ix_organizations_org_id_begins",
    "DROP INDEX ix_organizations_name_begins",
    "DROP INDEX ix_organizations_fragments",
    "DROP FUNCTION organization_fragments",
)


def upgrade() -> None:
    """Organizations that are there already are read once."""
    _run(_SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL)


def downgrade() -> None:
    """Searching works as before, more slowly."""
    _run(_SQLITE_GONE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL_GONE)


def _run(statements: tuple[str, ...]) -> None:
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)
