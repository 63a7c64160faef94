"""Stripe's JSON read into facts, over every API version since 2015.

Nothing is guessed: what cannot be understood raises UnreadableShapeError with the part's name.
Where a field moved between versions the newest place wins: since 2025-03-31 a subscription's
period stands on its items (https://docs.stripe.com/changelog/basil).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from billing_core.errors import UnreadableShapeError
from billing_core.facts import (
    CustomerFacts,
    ItemFacts,
    PriceFacts,
    ProductFacts,
    SubscriptionFacts,
)
from billing_core.stripe_gateway.fetched import WebhookEndpoint

Json = Mapping[str, Any]


def subscription_facts(obj: Json) -> SubscriptionFacts:
    """Read a subscription. Raises UnreadableShapeError."""
    items = _items(obj)
    cancellation = _mapping(obj, "cancellation_details")
    pause = _mapping(obj, "pause_collection")
    starts = [item.period_start for item in items if item.period_start is not None]
    ends = [item.period_end for item in items if item.period_end is not None]
    status = _text(obj, "status")
    if not status:
        raise UnreadableShapeError("the subscription has no status")
    return SubscriptionFacts(
        subscription_id=identifier(obj, "the subscription"),
        customer_id=reference(obj, "customer"),
        status=status,
        items=items,
        cancel_at_period_end=_flag(obj, "cancel_at_period_end"),
        cancel_at=_time(obj, "cancel_at"),
        canceled_at=_time(obj, "canceled_at"),
        ended_at=_time(obj, "ended_at"),
        current_period_start=max(starts) if starts else _time(obj, "current_period_start"),
        current_period_end=max(ends) if ends else _time(obj, "current_period_end"),
        trial_end=_time(obj, "trial_end"),
        cancellation_reason=_text(cancellation, "reason"),
        cancellation_feedback=_text(cancellation, "feedback"),
        cancellation_comment=_text(cancellation, "comment"),
        pause_behavior=_text(pause, "behavior"),
        pause_resumes_at=_time(pause, "resumes_at"),
        collection_method=_text(obj, "collection_method"),
        billing_mode=_text(_mapping(obj, "billing_mode"), "type"),
        schedule_id=reference(obj, "schedule"),
        created_at=_time(obj, "created"),
    )


def customer_facts(obj: Json, org_id_metadata_key: str) -> CustomerFacts:
    """Read a customer, deleted ones included. Raises UnreadableShapeError."""
    claimed = _mapping(obj, "metadata").get(org_id_metadata_key)
    return CustomerFacts(
        customer_id=identifier(obj, "the customer"),
        name=_words(obj, "name") or _words(obj, "description"),
        email=_text(obj, "email"),
        claimed_org_id=claimed.strip() or None if isinstance(claimed, str) else None,
        created_at=_time(obj, "created"),
        deleted=_flag(obj, "deleted"),
    )


def price_facts(obj: Json) -> PriceFacts:
    """Read a price, or a plan of the time before prices. Raises UnreadableShapeError."""
    recurring = _mapping(obj, "recurring") or obj
    return PriceFacts(
        price_id=identifier(obj, "the price"),
        lookup_key=_text(obj, "lookup_key"),
        product_id=reference(obj, "product"),
        unit_amount=_unit_amount(obj),
        currency=_text(obj, "currency"),
        interval=_text(recurring, "interval"),
        interval_count=_count(recurring, "interval_count") or 1,
        nickname=_text(obj, "nickname"),
        deleted=_flag(obj, "deleted"),
    )


def product_facts(obj: Json) -> ProductFacts:
    """Read a product. Raises UnreadableShapeError."""
    return ProductFacts(
        product_id=identifier(obj, "the product"),
        name=_text(obj, "name"),
        deleted=_flag(obj, "deleted"),
    )


def webhook_endpoint(obj: Json) -> WebhookEndpoint:
    """Read a webhook endpoint. Raises UnreadableShapeError."""
    url = urlsplit(_text(obj, "url") or "")
    events = obj.get("enabled_events")
    return WebhookEndpoint(
        endpoint_id=identifier(obj, "the webhook endpoint"),
        url=f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}",
        status=_text(obj, "status") or "unknown",
        enabled_events=tuple(str(each) for each in events) if isinstance(events, list) else (),
        api_version=_text(obj, "api_version"),
    )


def identifier(obj: Json, what: str) -> str:
    """The object's id. Raises UnreadableShapeError when it has none."""
    value = obj.get("id")
    if not isinstance(value, str) or not value or len(value) > 255 or "\x00" in value:
        raise UnreadableShapeError(f"{what} has no usable id")
    return value


def reference(obj: Json, name: str) -> str | None:
    """The id of another object, given as an id or as the expanded object."""
    value = obj.get(name)
    if value is None or isinstance(value, str):  # asked first, because it costs least
        return value or None
    inner = value.get("id") if isinstance(value, Mapping) else None
    return inner if isinstance(inner, str) and inner else None


def before(obj: Json, previous_attributes: Json) -> dict[str, Any]:
    """The object as it was before an update.

    Stripe's ``previous_attributes`` overlaid deeply; null there means that it was absent, and a
    changed array is given whole.
    """
    overlaid = dict(obj)
    for name, old in previous_attributes.items():
        new = overlaid.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            overlaid[name] = before(new, old)
        else:
            overlaid[name] = old
    return overlaid


def _items(obj: Json) -> tuple[ItemFacts, ...]:
    container = obj.get("items")
    listed = container.get("data") if isinstance(container, Mapping) else container
    if listed is None:
        listed = []
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        raise UnreadableShapeError("the subscription's items are not a list of objects")
    if not listed and (obj.get("plan") or obj.get("price")):
        listed = [
            {
                "plan": obj.get("plan"),
                "price": obj.get("price"),
                "quantity": _count(obj, "quantity"),
            }
        ]
    return tuple(_item(item) for item in listed)


def _item(item: Json) -> ItemFacts:
    raw = item.get("price") or item.get("plan")
    if isinstance(raw, str):
        raw = {"id": raw}
    if raw is not None and not isinstance(raw, Mapping):
        raise UnreadableShapeError("an item's price is neither an id nor an object")
    price = price_facts(raw) if raw else None
    recurring = _mapping(raw or {}, "recurring") or (raw or {})
    return ItemFacts(
        item_id=_text(item, "id") or "",
        price_id=price.price_id if price else None,
        lookup_key=price.lookup_key if price else None,
        product_id=price.product_id if price else None,
        quantity=_count(item, "quantity"),
        unit_amount=price.unit_amount if price else None,
        currency=price.currency if price else None,
        interval=price.interval if price else None,
        interval_count=price.interval_count if price else 1,
        usage_type=_text(recurring, "usage_type"),
        period_start=_time(item, "current_period_start"),
        period_end=_time(item, "current_period_end"),
    )


def _unit_amount(obj: Json) -> int | None:
    """Minor units; None where the price has none of its own (tiers) or a fraction of one."""
    for name in ("unit_amount", "amount"):
        value = obj.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    exact = obj.get("unit_amount_decimal")
    if isinstance(exact, str):
        try:
            amount = Decimal(exact)
        except InvalidOperation:
            raise UnreadableShapeError("a price's unit_amount_decimal is not a number") from None
        return int(amount) if amount.is_finite() and amount == amount.to_integral_value() else None
    return None


def _mapping(obj: Json, name: str) -> Json:
    value = obj.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UnreadableShapeError(f"{name} is not an object")
    return value


def _text(obj: Json, name: str) -> str | None:
    value = obj.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnreadableShapeError(f"{name} is not text")
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _words(obj: Json, name: str) -> str | None:
    """Text that can be seen: blanks alone would leave nothing to read or to click on."""
    text = _text(obj, name)
    return text if text and text.strip() else None


def _flag(obj: Json, name: str) -> bool:
    value = obj.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise UnreadableShapeError(f"{name} is neither true nor false")
    return value


def _count(obj: Json, name: str) -> int | None:
    value = obj.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise UnreadableShapeError(f"{name} is not a whole number")
    return value


def _time(obj: Json, name: str) -> datetime | None:
    value = obj.get(name)
    if value is None:
        return None
    return time(value, name)


def time(value: object, name: str) -> datetime:
    """Seconds since the epoch as an aware datetime in UTC. Raises UnreadableShapeError."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, ValueError, OSError):
            pass
    raise UnreadableShapeError(f"{name} is not a time")
