"""What was read from Stripe: JSON as it stands there, and when."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as Stripe stores it: the JSON that a webhook would have carried."""

    event_id: str
    type: str
    created: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class FetchedObject:
    """An object as Stripe answered, and when it did by Stripe's own clock, in whole seconds."""

    object_id: str
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where Stripe sends events, which ones (``*`` for all), and in which API version.

    ``url`` is without credentials and query, which may be secrets.
    """

    endpoint_id: str
    url: str
    status: str
    enabled_events: tuple[str, ...]
    api_version: str | None
