"""What happened: the timeline, changes and the audit log."""

from dataclasses import dataclass
from datetime import datetime

Value = str | int | bool | datetime | None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of the entitlement, before and after."""

    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened to an organization.

    ``kind`` names the icon. ``event_id`` and ``received_at``, when it reached us, are None for what
    a person did here. ``quiet`` marks what tells nothing new: Stripe's steps in between, and what
    came too late to count.
    """

    at: datetime
    kind: str
    sentence: str
    details: tuple[str, ...]
    event_id: str | None
    event_type: str | None
    outcome: str | None
    received_at: datetime | None
    error: str | None
    changes: tuple[FieldChange, ...]
    quiet: bool


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Some entries, newest first, and where the older ones begin."""

    entries: tuple[TimelineEntry, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change of an organization's entitlement.

    ``happened_at`` is Stripe's time of the event behind it, or else when it was noticed here.
    """

    change_id: int
    org_id: str
    name: str | None
    changed_at: datetime
    happened_at: datetime
    event_id: str | None
    cause: str
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the audit log. ``completed`` is how it went, for a line that was completed."""

    audit_id: int
    at: datetime
    actor: str
    role: str
    action: str
    outcome: str
    completed: str | None
    org_id: str | None
    destination: str | None
    subscription_id: str | None
    reason: str | None
    detail: str | None
    link_id: str | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some lines of the audit log, newest first, and where the older ones begin."""

    rows: tuple[AuditRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Payload:
    """A stored event's redacted JSON, indented.

    ``text`` is None where the payload is no longer there or cannot be read.
    """

    event_id: str
    type: str
    org_id: str | None
    created: datetime
    received_at: datetime
    text: str | None
