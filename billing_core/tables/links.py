"""Support links and the audit log."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from billing_core.tables.columns import UTCDateTime, long_text, partial_index, time_column

_NO_RESULT = "result IS NULL AND last_redeemed_at IS NOT NULL"


class PortalLink(SQLModel, table=True):
    """A support link that a customer redeems for a fresh Stripe session.

    Only the SHA-256 of its token is kept. ``target_quantity`` goes with ``target_lookup_key``.
    What came of it (``result…``) the listener reads off the events that follow a redemption.
    """

    __tablename__ = "portal_links"
    __table_args__ = (
        Index("ix_portal_links_org_id", "org_id", "created_at"),
        Index("ix_portal_links_created_at", "created_at"),
        Index("ix_portal_links_created_by", "created_by", "created_at"),
        Index("ix_portal_links_destination", "destination", "created_at"),
        partial_index("ix_portal_links_revoked", "created_at", where="revoked_at IS NOT NULL"),
        partial_index(
            "ix_portal_links_without_result",
            "last_redeemed_at",
            "created_at",
            "destination",
            "link_id",
            where=_NO_RESULT,
        ),
    )

    link_id: str = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    return_token_hash: str = Field(unique=True)
    org_id: str
    customer_id: str | None = None
    destination: str
    subscription_id: str | None = None
    target_lookup_key: str | None = None
    reason: str
    created_by: str
    created_by_role: str
    sender_name: str | None = None
    created_at: datetime | None = time_column(nullable=False)
    expires_at: datetime | None = time_column(nullable=False)
    uses_allowed: int = 1
    uses: int = 0
    last_redeemed_at: datetime | None = time_column()
    revoked_at: datetime | None = time_column()
    revoked_by: str | None = None
    refusal_code: str | None = None
    revision_at_redeem: int | None = None
    target_quantity: int | None = None
    offers_coupon: bool = True
    result: str | None = None
    result_at: datetime | None = time_column()
    result_ends_at: datetime | None = time_column()
    result_plan: str | None = None
    result_quantity: int | None = None


class LinkVisit(SQLModel, table=True):
    """How often a support link's own page and its return page were looked at.

    Mail scanners' looks at the link are among them. Counted in memory and written now and then: it
    proves nothing, and no visit waits for it or changes the link.
    """

    __tablename__ = "link_visits"

    link_id: str = Field(primary_key=True)
    opened: int = 0
    first_opened_at: datetime | None = time_column()
    last_opened_at: datetime | None = time_column()
    returned: int = 0
    last_returned_at: datetime | None = time_column()


class LinkRollup(SQLModel, table=True):
    """Support links counted by the day they were made on; ``billing_core.link_counts`` says how.

    What the audit log adds, sessions opened at once and refusals, counts on its own day.
    """

    __tablename__ = "link_rollups"

    day: datetime = Field(sa_column=Column(UTCDateTime(), primary_key=True))
    destination: str = Field(primary_key=True)
    measure: str = Field(primary_key=True)
    times: int = 0


class AuditEntry(SQLModel, table=True):
    """One line of the append-only audit log; each holds the hash of the one before it.

    ``follows`` names the entry that this one completes. ``token_id`` makes a command's token
    usable once.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_org_id", "org_id", "audit_id"),
        Index("ix_audit_log_at", "at"),
        Index("ix_audit_log_follows", "follows"),
        Index("ix_audit_log_actor", "actor", "audit_id"),
        Index("ix_audit_log_action", "action", "audit_id"),
        Index("ix_audit_log_outcome", "outcome", "audit_id"),
        Index("ix_audit_log_link_id", "link_id", "audit_id"),
    )

    audit_id: int | None = Field(default=None, primary_key=True)
    at: datetime | None = time_column(nullable=False)
    actor: str
    role: str
    action: str
    outcome: str
    org_id: str | None = None
    destination: str | None = None
    subscription_id: str | None = None
    reason: str | None = long_text()
    link_id: str | None = None
    follows: int | None = None
    detail: str | None = long_text()
    token_id: str | None = Field(default=None, unique=True)
    previous_hash: str
    hash: str
