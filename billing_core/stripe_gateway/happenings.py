"""Events read for telling what happened: leniently, since nothing is decided by it.

A field that is missing or has an odd shape is None; an object that makes no sense at all is no
subject. What decides access is read strictly, in ``shapes``.
"""

import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from billing_core.errors import UnreadableShapeError
from billing_core.happenings import (
    CheckoutFacts,
    Happening,
    InvoiceFacts,
    PaymentMethodFacts,
    ScheduleFacts,
    Subject,
)
from billing_core.stripe_gateway import shapes
from billing_core.stripe_gateway.envelope import InboxEvent, stored_event

Json = Mapping[str, Any]


def unpack(event_id: str, body: bytes) -> InboxEvent | None:
    """A stored payload as the event it was; None where it cannot be read."""
    try:
        return stored_event(event_id, body)
    except (zlib.error, ValueError):
        return None


def read_happening(event: InboxEvent, org_id_metadata_key: str) -> Happening:
    """What an event tells. Never raises: what cannot be read is left out."""
    previous = event.previous_attributes
    before = None
    if previous is not None:
        before = _subject(shapes.before(event.object, previous), event.type, org_id_metadata_key)
    return Happening(
        type=event.type,
        at=event.created,
        before=before,
        after=_subject(event.object, event.type, org_id_metadata_key),
        changed=frozenset(_paths(previous)) if previous is not None else frozenset(),
    )


def _subject(obj: Json, type_: str, org_id_metadata_key: str) -> Subject | None:
    kind = obj.get("object")
    if not isinstance(kind, str):
        kind = _KIND_BY_TYPE.get(type_.rpartition(".")[0], "")
    try:
        if kind == "customer":
            return shapes.customer_facts(obj, org_id_metadata_key)
        reader = _READERS.get(kind)
        return reader(obj) if reader is not None else None
    except UnreadableShapeError:
        return None


def _invoice(obj: Json) -> InvoiceFacts:
    parent = _mapping(_mapping(obj, "parent"), "subscription_details")
    return InvoiceFacts(
        invoice_id=_text(obj, "id"),
        number=_text(obj, "number"),
        currency=_text(obj, "currency"),
        total=_number(obj, "total"),
        amount_due=_number(obj, "amount_due"),
        amount_paid=_number(obj, "amount_paid"),
        billing_reason=_text(obj, "billing_reason"),
        attempt_count=_number(obj, "attempt_count"),
        next_attempt_at=_moment(obj, "next_payment_attempt"),
        subscription_id=shapes.reference(obj, "subscription")
        or shapes.reference(parent, "subscription"),
    )


def _checkout(obj: Json) -> CheckoutFacts:
    return CheckoutFacts(
        mode=_text(obj, "mode"),
        payment_status=_text(obj, "payment_status"),
        subscription_id=shapes.reference(obj, "subscription"),
        client_reference_id=_text(obj, "client_reference_id"),
        amount_total=_number(obj, "amount_total"),
        currency=_text(obj, "currency"),
    )


def _payment_method(obj: Json) -> PaymentMethodFacts:
    card = _mapping(obj, "card") or obj
    return PaymentMethodFacts(
        type=_text(obj, "type") or _text(obj, "object"),
        brand=_text(card, "brand"),
        last4=_text(card, "last4"),
    )


def _schedule(obj: Json) -> ScheduleFacts:
    return ScheduleFacts(
        status=_text(obj, "status"), subscription_id=shapes.reference(obj, "subscription")
    )


_READERS: dict[str, Callable[[Json], Subject]] = {
    "subscription": shapes.subscription_facts,
    "invoice": _invoice,
    "checkout.session": _checkout,
    "checkout_session": _checkout,
    "payment_method": _payment_method,
    "card": _payment_method,
    "source": _payment_method,
    "bank_account": _payment_method,
    "subscription_schedule": _schedule,
    "price": shapes.price_facts,
    "plan": shapes.price_facts,
    "product": shapes.product_facts,
}
# Samples and very old payloads may lack ``object``; the type then says what it is.
_KIND_BY_TYPE = {
    "customer": "customer",
    "customer.subscription": "subscription",
    "invoice": "invoice",
    "checkout.session": "checkout.session",
    "payment_method": "payment_method",
    "subscription_schedule": "subscription_schedule",
}


def _paths(previous: Json) -> list[str]:
    paths: list[str] = []
    for name, value in previous.items():
        paths.append(name)
        if isinstance(value, Mapping):
            paths.extend(f"{name}.{inner}" for inner in value)
    return paths


def _mapping(obj: Json, name: str) -> Json:
    value = obj.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(obj: Json, name: str) -> str | None:
    value = obj.get(name)
    return value if isinstance(value, str) and value else None


def _number(obj: Json, name: str) -> int | None:
    value = obj.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(obj: Json, name: str) -> datetime | None:
    value = _number(obj, name)
    try:
        return datetime.fromtimestamp(value, UTC) if value is not None else None
    except (OverflowError, ValueError, OSError):
        return None
