"""A subscription's facts as columns, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing_core.config import BillingConfig
from billing_core.entitlement import SubscriptionState, effective_lookup_key, main_item
from billing_core.facts import ItemFacts, SubscriptionFacts

_PLAIN = (
    "customer_id",
    "status",
    "cancel_at_period_end",
    "cancel_at",
    "canceled_at",
    "ended_at",
    "current_period_start",
    "current_period_end",
    "trial_end",
    "cancellation_reason",
    "cancellation_feedback",
    "cancellation_comment",
    "pause_behavior",
    "pause_resumes_at",
    "collection_method",
    "billing_mode",
    "schedule_id",
    "created_at",
)


FACT_COLUMNS = ("subscription_id", "items", *_PLAIN)


def columns_of_facts(facts: SubscriptionFacts) -> dict[str, Any]:
    """The columns that follow from the facts alone."""
    columns: dict[str, Any] = {name: getattr(facts, name) for name in _PLAIN}
    columns["items"] = [_item_as_json(item) for item in facts.items]
    return columns


def columns_of_main_item(
    facts: SubscriptionFacts, config: BillingConfig, lookup_keys: Mapping[str, str]
) -> dict[str, Any]:
    """The columns that describe the item which decides the plan."""
    item, _ = main_item(facts, config, lookup_keys)
    others = [other.price_id for other in facts.items if other is not item and other.price_id]
    if item is None:
        return {
            "price_id": None,
            "price_lookup_key": None,
            "quantity": None,
            "unit_amount": None,
            "currency": None,
            "interval": None,
            "interval_count": 1,
            "product_id": None,
            "other_price_ids": None,
        }
    return {
        "price_id": item.price_id,
        "price_lookup_key": effective_lookup_key(item, lookup_keys),
        "quantity": item.quantity,
        "unit_amount": item.unit_amount,
        "currency": item.currency,
        "interval": item.interval,
        "interval_count": item.interval_count,
        "product_id": item.product_id,
        "other_price_ids": f",{','.join(others)}," if others else None,
    }


def facts_of_row(row: Mapping[str, Any]) -> SubscriptionFacts:
    """The facts that a row of ``subscriptions`` was made from."""
    return SubscriptionFacts(
        subscription_id=row["subscription_id"],
        items=tuple(_item_from_json(item) for item in row["items"]),
        **{name: row[name] for name in _PLAIN},
    )


def state_of_row(row: Mapping[str, Any]) -> SubscriptionState:
    """What the entitlement rules need of a row of ``subscriptions``."""
    return SubscriptionState(facts_of_row(row), row["event_id"], row["known_status"])


def _item_as_json(item: ItemFacts) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "price_id": item.price_id,
        "lookup_key": item.lookup_key,
        "product_id": item.product_id,
        "quantity": item.quantity,
        "unit_amount": item.unit_amount,
        "currency": item.currency,
        "interval": item.interval,
        "interval_count": item.interval_count,
        "usage_type": item.usage_type,
        "period_start": item.period_start.isoformat() if item.period_start else None,
        "period_end": item.period_end.isoformat() if item.period_end else None,
    }


def _item_from_json(item: Mapping[str, Any]) -> ItemFacts:
    start, end = item["period_start"], item["period_end"]
    return ItemFacts(
        item_id=item["item_id"],
        price_id=item["price_id"],
        lookup_key=item["lookup_key"],
        product_id=item["product_id"],
        quantity=item["quantity"],
        unit_amount=item["unit_amount"],
        currency=item["currency"],
        interval=item["interval"],
        interval_count=item["interval_count"],
        usage_type=item["usage_type"],
        period_start=datetime.fromisoformat(start) if start else None,
        period_end=datetime.fromisoformat(end) if end else None,
    )
