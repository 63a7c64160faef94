"""What stands around every event's object: id, type, time, mode, and whom it is about."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from billing_core.errors import UnreadableShapeError
from billing_core.stripe_gateway.shapes import reference, time

_Name = str | None
_Fields = tuple[str, str, _Name, bool, _Name, datetime, _Name, _Name, _Name]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the inbox keeps of an event beside its payload."""

    event_id: str
    type: str
    api_version: str | None
    livemode: bool
    account: str | None
    created: datetime
    object_id: str | None
    customer_id: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class InboxEvent(Envelope):
    """A verified event with its redacted payload (the whole parsed event)."""

    payload: Mapping[str, Any]

    @property
    def object(self) -> Mapping[str, Any]:
        """The object that the event is about, as it was after the event."""
        data: Mapping[str, Any] = self.payload["data"]["object"]
        return data

    @property
    def previous_attributes(self) -> Mapping[str, Any] | None:
        """What changed, with the old values; None where the event does not say."""
        previous = self.payload["data"].get("previous_attributes")
        return previous if isinstance(previous, Mapping) else None


def stored_event(event_id: str, body: bytes) -> InboxEvent:
    """An event as ``webhook_payloads`` keeps it.

    The row knows the id best: what looks like a key is redacted in a payload, ids included. Raises
    UnreadableShapeError as ``read_event`` does.
    """
    event = read_event(orjson.loads(zlib.decompress(body)))
    return event if event.event_id == event_id else replace(event, event_id=event_id)


def read_event(payload: object) -> InboxEvent:
    """Read a parsed body as an event. Raises UnreadableShapeError when it is none."""
    body, fields = _read(payload)
    return InboxEvent(*fields, body)


def read_envelope(payload: object) -> Envelope:
    """As ``read_event``, for who need not hold on to the payload."""
    return Envelope(*_read(payload)[1])


def _read(payload: object) -> tuple[Mapping[str, Any], _Fields]:
    if not isinstance(payload, Mapping):
        raise UnreadableShapeError("the body is not a JSON object")
    data = payload.get("data")
    obj = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(obj, Mapping):
        raise UnreadableShapeError("the body has no data.object, so it is not an event")
    api_version = payload.get("api_version")
    return payload, (
        _required(payload, "id"),
        _required(payload, "type"),
        api_version if isinstance(api_version, str) else None,
        payload.get("livemode") is True,
        _account(payload),
        time(payload.get("created"), "created"),
        _object_id(obj),
        _customer_id(obj),
        reference(payload, "request"),
    )


def _required(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not value or len(value) > 255 or "\x00" in value:
        raise UnreadableShapeError(f"the body has no usable {name}, so it is not an event")
    return value


def _account(payload: Mapping[str, Any]) -> str | None:
    """The connected account: ``account``, or ``context`` in newer events."""
    return reference(payload, "account") or reference(payload, "context")


def _object_id(obj: Mapping[str, Any]) -> str | None:
    value = obj.get("id")
    return value if isinstance(value, str) and value and "\x00" not in value else None


def _customer_id(obj: Mapping[str, Any]) -> str | None:
    if obj.get("object") == "customer":
        return _object_id(obj)
    customer = reference(obj, "customer")
    return customer if customer is not None and "\x00" not in customer else None
