"""How an object looks in a given API version, and what an event says changed.

The sandbox keeps today's shape. Versions before 2025-03-31 ("basil") carry the period on the
subscription itself and the subscription on the invoice (docs.stripe.com/changelog/basil).
"""

from __future__ import annotations

from typing import Any

from sandbox.shapes import Json, overlaid

TODAY = "2026-10-28.endive"
FLEXIBLE_BY_DEFAULT_SINCE = "2025-09-30"
_BASIL = "2025-03-31"


def is_before(version: str, date: str) -> bool:
    """Whether an API version such as `2025-09-30.clover` is older than a date."""
    return version[:10] < date


def render(value: Any, version: str) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """`value` as that version shows it, without the sandbox's own keys."""
    if isinstance(value, list):
        return [render(part, version) for part in value]
    if not isinstance(value, dict):
        return value
    shown = {name: render(part, version) for name, part in value.items() if name[0] != "_"}
    if is_before(version, _BASIL):
        reshape = _BEFORE_BASIL.get(str(shown.get("object")))
        if reshape is not None:
            reshape(shown)
    return shown


def changed(before: Json, after: Json) -> Json:
    """Stripe's `previous_attributes`: old values of what differs.

    A changed array is given whole, a changed object only in its changed parts, and what did not
    exist before as null.
    """
    old: Json = {}
    for name in [*before, *(name for name in after if name not in before)]:
        was, now = before.get(name), after.get(name)
        if was == now and (name in before) == (name in after):
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            old[name] = changed(was, now)
        else:
            old[name] = was
    return old


def undone(after: Json, previous: Json) -> Json:
    """The object before the change that `previous` describes."""
    before = overlaid(after, {})
    for name, was in previous.items():
        now = before.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            before[name] = undone(now, was)
        else:
            before[name] = was
    return before


def render_event(event: Json, version: str) -> Json:
    """A stored event as an endpoint of that version receives it."""
    kept: Json = event["object"]
    data: Json = {"object": render(kept, version)}
    if "previous" in event:
        before: Json = render(undone(kept, event["previous"]), version)
        data["previous_attributes"] = changed(before, data["object"])
    return {
        "id": event["id"],
        "object": "event",
        "api_version": version,
        "created": event["created"],
        "data": data,
        "livemode": False,
        "pending_webhooks": event.get("pending_webhooks", 0),
        "request": event["request"],
        "type": event["type"],
    }


def _old_subscription(shown: Json) -> None:
    items = shown["items"]["data"]
    shown["current_period_start"] = max((item["current_period_start"] for item in items), default=0)
    shown["current_period_end"] = max((item["current_period_end"] for item in items), default=0)
    shown["discount"] = None
    shown.pop("billing_mode", None)


def _old_invoice(shown: Json) -> None:
    details = (shown.pop("parent", None) or {}).get("subscription_details") or {}
    shown["subscription"] = details.get("subscription")
    shown["subscription_details"] = {"metadata": details.get("metadata", {})}
    shown["paid"] = shown["status"] == "paid"
    shown.update(charge=None, payment_intent=None, discount=None, tax=None)


def _old_line(shown: Json) -> None:
    details = (shown.pop("parent", None) or {}).get("subscription_item_details") or {}
    pricing = (shown.pop("pricing", None) or {}).get("price_details") or {}
    shown["type"] = "subscription"
    shown["subscription"] = details.get("subscription")
    shown["subscription_item"] = details.get("subscription_item")
    shown["proration"] = details.get("proration", False)
    shown["price"] = {
        "id": pricing.get("price"),
        "object": "price",
        "currency": shown["currency"],
        "product": pricing.get("product"),
    }


_BEFORE_BASIL = {
    "subscription": _old_subscription,
    "invoice": _old_invoice,
    "line_item": _old_line,
}
