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
