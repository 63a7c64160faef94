"""Whole lives of customers and their subscriptions, told as the events Stripe would send."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

PRICES = {
    "price_pro": ("pro_monthly", 4900, "month"),
    "price_pro_year": ("pro_yearly", 49000, "year"),
    "price_team": ("team_monthly", 9900, "month"),
    "price_nobody": (None, 100, "month"),
}
START = 1_750_000_000
MONTH = 30 * 86_400


@dataclass
class Life:
    """One company's history as it happens: objects, the events about them, the clock."""

    now: int = START
    events: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_event: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str | None] = field(
        default_factory=lambda: {price: key for price, (key, _, _) in PRICES.items()}
    )
    references: dict[str, str] = field(default_factory=dict)
    tell_twice: bool = False
    anonymous: bool = False
    changes: int = 0

    def emit(self, type_: str, obj: dict[str, Any], previous: dict[str, Any] | None = None) -> None:
        """Record an event as of now; the company's own changes have no request's id."""
        self.changes += 1
        by_request = (self.tell_twice and not self.anonymous) or self.changes % 3
        request = f"req_{self.changes}" if by_request else None
        for _ in range(2 if self.tell_twice and previous is not None else 1):
            number = len(self.events)
            event: dict[str, Any] = {
                "id": f"evt_{(number * 7919) % 9973:05d}_{number}",
                "object": "event",
                "type": type_,
                "api_version": "2026-10-28.endive",
                "created": self.now,
                "livemode": False,
                "request": {"id": request},
                "data": {"object": copy.deepcopy(obj)},
            }
            if previous is not None:
                event["data"]["previous_attributes"] = copy.deepcopy(previous)
            self.events.append(event)
            self.last_event[obj["id"]] = event["id"]

    def customer(self, number: int, org_id: str | None) -> str:
        """A new customer."""
        customer_id = f"cus_{number}"
        obj = {
            "id": customer_id,
            "object": "customer",
            "name": f"Customer {number}",
            "email": f"{number}@example.com",
            "metadata": {"org_id": org_id} if org_id else {},
            "created": self.now,
        }
        self.objects[customer_id] = obj
        self.emit("customer.created", obj)
        return customer_id

    def change_customer(self, customer_id: str, **changes: Any) -> None:  # noqa: ANN401 - Stripe's
        """Rename a customer, or claim another org for it."""
        obj = self.objects[customer_id]
        previous = {name: obj[name] for name, value in changes.items() if obj[name] != value}
        if "metadata" in previous:
            previous["metadata"] = {"org_id": previous["metadata"].get("org_id")}
        if previous:
            obj.update(changes)
            self.emit("customer.updated", obj, previous)

    def delete_customer(self, customer_id: str) -> None:
        """The end of a customer and of whatever it is subscribed to."""
        for key, obj in self.objects.items():
            if obj.get("customer") == customer_id and obj["status"] != "canceled":
                self.end(key, "cancellation_requested")
        self.objects[customer_id]["deleted"] = True
        self.emit("customer.deleted", self.objects[customer_id])

    def check_out(self, customer_id: str, org_id: str) -> None:
        """A completed Checkout that names the org."""
        session = {
            "id": f"cs_{len(self.events)}",
            "object": "checkout.session",
            "customer": customer_id,
            "client_reference_id": org_id,
        }
        self.references[customer_id] = org_id
        self.emit("checkout.session.completed", session)

    def move_key(self, source: str, target: str) -> None:
        """Give a price's lookup key to another price; Stripe tells it of both."""
        moved = self.keys[source]
        if moved is None or source == target:
            return
        for price, key in ((source, None), (target, moved)):
            before, self.keys[price] = self.keys[price], key
            obj = self._item("", price, 1)["price"]
            self.emit("price.updated", obj, {"lookup_key": before})

    def subscribe(self, customer_id: str, price: str, *, status: str, flexible: bool) -> str:
        """A new subscription."""
        number = sum(1 for key in self.objects if key.startswith("sub_"))
        subscription_id = f"sub_{number}"
        obj = {
            "id": subscription_id,
            "object": "subscription",
            "customer": customer_id,
            "status": status,
            "created": self.now,
            "billing_mode": {"type": "flexible" if flexible else "classic"},
            "cancel_at_period_end": False,
            "cancel_at": None,
            "canceled_at": None,
            "ended_at": None,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            "metadata": {},
            "items": {"object": "list", "data": [self._item(subscription_id, price, 1)]},
        }
        self.objects[subscription_id] = obj
        self.emit("customer.subscription.created", obj)
        return subscription_id

    def _item(self, subscription_id: str, price: str, quantity: int) -> dict[str, Any]:
        _, amount, interval = PRICES[price]
        return {
            "id": f"si_{subscription_id}",
            "object": "subscription_item",
            "quantity": quantity,
            "current_period_start": self.now,
            "current_period_end": self.now + MONTH,
            "price": {
                "id": price,
                "object": "price",
                "lookup_key": self.keys[price],
                "unit_amount": amount,
                "currency": "usd",
                "product": "prod_1",
                "recurring": {"interval": interval, "interval_count": 1, "usage_type": "licensed"},
            },
        }

    def change(self, subscription_id: str, **changes: Any) -> None:  # noqa: ANN401 - Stripe's values
        """Change attributes and tell it with ``previous_attributes``, as Stripe does."""
        obj = self.objects[subscription_id]
        previous = {
            name: copy.deepcopy(obj.get(name))
            for name, value in changes.items()
            if obj.get(name) != value
        }
        if previous:
            obj.update(copy.deepcopy(changes))
            self.emit("customer.subscription.updated", obj, previous)

    def end(self, subscription_id: str, reason: str) -> None:
        """The subscription's end."""
        obj = self.objects[subscription_id]
        obj.update(
            status="canceled",
            ended_at=self.now,
            canceled_at=obj["canceled_at"] or self.now,
            cancellation_details={**obj["cancellation_details"], "reason": reason},
        )
        self.emit("customer.subscription.deleted", obj)

    def period_end(self, subscription_id: str) -> int:
        """When the subscription's present period ends."""
        return int(self.objects[subscription_id]["items"]["data"][0]["current_period_end"])


def _cancel(life: Life, key: str) -> None:
    flexible = life.objects[key]["billing_mode"]["type"] == "flexible"
    life.change(
        key,
        cancel_at_period_end=not flexible,
        cancel_at=life.period_end(key),
        canceled_at=life.now,
        cancellation_details={
            "comment": None,
            "feedback": None,
            "reason": "cancellation_requested",
        },
    )


def _undo(life: Life, key: str) -> None:
    life.change(
        key,
        cancel_at_period_end=False,
        cancel_at=None,
        canceled_at=None,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
    )


def _feedback(life: Life, key: str) -> None:
    life.change(
        key,
        cancellation_details={
            "comment": "x" * (life.now % 5),
            "feedback": "too_expensive",
            "reason": "cancellation_requested",
        },
    )


def _switch(life: Life, key: str, price: str, quantity: int) -> None:
    item = {**life._item(key, price, quantity)}
    item["current_period_end"] = life.period_end(key)
    life.change(key, items={"object": "list", "data": [item]})


STATUSES = ("active", "past_due", "unpaid", "paused", "trialing", "hibernating")
ACTIONS: dict[str, Callable[[Life, str], None]] = {
    "renew": lambda life, key: _switch(
        life, key, life.objects[key]["items"]["data"][0]["price"]["id"], 1
    ),
    "cancel": _cancel,
    "undo": _undo,
    "feedback": _feedback,
    "note": lambda life, key: life.change(key, metadata={"note": str(len(life.events))}),
    "end": lambda life, key: life.end(key, "cancellation_requested"),
    **{
        f"become {status}": (lambda life, key, status=status: life.change(key, status=status))  # type: ignore[misc]
        for status in STATUSES
    },
    **{
        f"switch to {price}": (lambda life, key, price=price: _switch(life, key, price, 2))  # type: ignore[misc]
        for price in PRICES
    },
}


def _stir(draw: st.DrawFn, life: Life, customers: list[str], living: list[str]) -> None:
    """What happens around the subscriptions: customers renamed, relinked and deleted, keys moved.

    Checkouts of one customer are told in seconds of their own, because theirs is no object's state.
    """
    orgs = st.sampled_from(["org_a", "org_b", "org_c"])
    match draw(st.sampled_from(["relink", "relink", "rename", "delete", "check out", "move key"])):
        case "relink" if living:
            metadata = {"org_id": draw(orgs)} if draw(st.booleans()) else {}
            life.change_customer(draw(st.sampled_from(living)), metadata=metadata)
        case "rename" if living:
            name = draw(st.sampled_from(["One", "Two", "Three"]))
            life.change_customer(draw(st.sampled_from(living)), name=name)
        case "delete" if len(living) > 1:
            life.delete_customer(draw(st.sampled_from(living)))
        case "check out":
            life.now += 1
            life.check_out(draw(st.sampled_from(customers)), draw(orgs))
            life.now += 1
        case _:
            prices = st.sampled_from(list(PRICES))
            life.move_key(draw(prices), draw(prices))


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Some customers who may share orgs; changes within one second are common on purpose."""
    life = Life(
        tell_twice=draw(st.booleans()) and draw(st.booleans()), anonymous=draw(st.booleans())
    )
    orgs = ["org_a", "org_b", "org_a", None]
    for number in range(draw(st.integers(1, 3))):
        life.customer(number, orgs[(number + draw(st.integers(0, 3))) % 4])
    customers = list(life.objects)
    for _ in range(draw(st.integers(1, 16))):
        life.now += draw(st.sampled_from([0, 0, 0, 1, 1, 86_400, MONTH]))
        alive = [
            key
            for key, obj in life.objects.items()
            if key.startswith("sub_") and obj["status"] != "canceled"
        ]
        living = [key for key in customers if not life.objects[key].get("deleted")]
        if not living or draw(st.integers(0, 5)) == 0:
            _stir(draw, life, customers, living)
        elif not alive or draw(st.integers(0, 5)) == 0:
            life.subscribe(
                draw(st.sampled_from(living)),
                draw(st.sampled_from(list(PRICES))),
                status=draw(st.sampled_from(["active", "trialing", "incomplete"])),
                flexible=draw(st.booleans()),
            )
        else:
            ACTIONS[draw(st.sampled_from(list(ACTIONS)))](life, draw(st.sampled_from(alive)))
    return life
