"""Tells an event in words, as the timeline does."""

from datetime import datetime, timedelta
from typing import Any

from billing_core.sentences import Sentence, Words, describe
from billing_core.stripe_gateway.envelope import read_event
from billing_core.stripe_gateway.happenings import read_happening
from tests.core.company import CONFIG, START, subscription

WORDS = Words(CONFIG)
END = START + timedelta(days=30)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def tell(
    type_: str, obj: dict[str, Any], previous: dict[str, Any] | None = None, words: Words = WORDS
) -> Sentence:
    data: dict[str, Any] = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    event = read_event({"id": "evt_1", "type": type_, "created": seconds(START), "data": data})
    return describe(read_happening(event, "org_id"), words)


def updated(changes: dict[str, Any], base: dict[str, Any] | None = None) -> Sentence:
    before = base or subscription("sub_1", "cus_1")
    previous = {name: before.get(name) for name in changes}
    return tell("customer.subscription.updated", {**before, **changes}, previous)


def items(*prices: dict[str, Any], quantity: int = 1, days: int = 30) -> dict[str, Any]:
    made = subscription(
        "sub_1", "cus_1", *prices, quantity=quantity, period_end=START + timedelta(days=days)
    )
    found: dict[str, Any] = made["items"]
    return found


ASKED = {"reason": "cancellation_requested", "feedback": "too_expensive", "comment": "Bye"}
UNTOLD = {"reason": "cancellation_requested", "feedback": None, "comment": None}
