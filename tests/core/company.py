"""A small company for tests: Stripe's objects as its API renders them, applied as the listener does.

Events are written into the inbox and projected by the listener's own rules, so that what the read
queries see is what they would see in earnest.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Engine, insert, make_url, update
from sqlmodel import SQLModel

from billing_core.config import BillingConfig, Plan
from billing_core.database import Reader, reader
from billing_core.stripe_gateway.envelope import read_event
from webhook_listener import rollups
from webhook_listener.database import writer_engine
from webhook_listener.projection import project
from webhook_listener.roles import grant_reader

Json = dict[str, Any]
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
CONFIG = BillingConfig(
    plans={
        "pro": Plan(name="Pro", lookup_keys=("pro_monthly", "pro_yearly", "pro_monthly_jpy")),
        "team": Plan(name="Team", lookup_keys=("team_monthly",)),
    }
)
T = SQLModel.metadata.tables


def price(
    lookup_key: str | None = "pro_monthly",
    *,
    price_id: str | None = None,
    amount: int | None = 4900,
    currency: str = "eur",
    interval: str = "month",
    interval_count: int = 1,
    usage_type: str = "licensed",
    product: str = "prod_pro",
) -> Json:
    """A recurring price."""
    return {
        "id": price_id or f"price_{lookup_key}",
        "object": "price",
        "lookup_key": lookup_key,
        "unit_amount": amount,
        "currency": currency,
        "product": product,
        "recurring": {
            "interval": interval,
            "interval_count": interval_count,
            "usage_type": usage_type,
        },
    }


def customer(
    customer_id: str,
    *,
    name: str | None = None,
    email: str | None = None,
    org_id: str | None = None,
    created: datetime = START,
    **more: object,
) -> Json:
    """A customer, with its org's id in the metadata."""
    return {
        "id": customer_id,
        "object": "customer",
        "name": name,
        "email": email,
        "created": int(created.timestamp()),
        "metadata": {"org_id": org_id} if org_id else {},
        **more,
    }


def subscription(
    subscription_id: str,
    customer_id: str,
    *prices: Json,
    status: str = "active",
    quantity: int | None = 1,
    start: datetime = START,
    period_end: datetime | None = None,
    **more: object,
) -> Json:
    """A subscription as today's API version renders it: the period stands on the items."""
    end = period_end or start + timedelta(days=30)
    items = [
        {
            "id": f"si_{subscription_id}_{index}",
            "object": "subscription_item",
            "price": each,
            "quantity": quantity,
            "current_period_start": int(start.timestamp()),
            "current_period_end": int(end.timestamp()),
        }
        for index, each in enumerate(prices or (price(),))
    ]
    return {
        "id": subscription_id,
        "object": "subscription",
        "customer": customer_id,
        "status": status,
        "created": int(start.timestamp()),
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
        "ended_at": None,
        "cancellation_details": {"reason": None, "feedback": None, "comment": None},
        "collection_method": "charge_automatically",
        "billing_mode": {"type": "flexible"},
        "schedule": None,
        "trial_end": None,
        "pause_collection": None,
        "items": {"object": "list", "data": items},
        "metadata": {},
        **more,
    }


@dataclass
class Company:
    """A migrated database, the console's reader of it, and Stripe's clock."""

    engine: Engine
    reader: Reader
    now: datetime = START
    config: BillingConfig = CONFIG
    _count: int = 0

    def later(self, **delta: float) -> "Company":
        """Move Stripe's clock."""
        self.now += timedelta(**delta)
        return self

    def event(
        self,
        type_: str,
        obj: Mapping[str, Any],
        previous: Mapping[str, Any] | None = None,
        *,
        event_id: str | None = None,
        received: datetime | None = None,
    ) -> str:
        """Let Stripe send an event now; it is stored and applied. Returns its id."""
        self._count += 1
        event_id = event_id or f"evt_{self._count:06d}"
        data: Json = {"object": dict(obj)}
        if previous is not None:
            data["previous_attributes"] = dict(previous)
        payload = {
            "id": event_id,
            "object": "event",
            "type": type_,
            "api_version": "2026-10-28.endive",
            "livemode": False,
            "created": int(self.now.timestamp()),
            "request": {"id": f"req_{self._count}", "idempotency_key": None},
            "data": data,
        }
        read = read_event(payload)
        received = received or self.now + timedelta(seconds=2)
        with self.engine.begin() as connection:
            connection.execute(
                insert(T["webhook_events"]),
                {
                    "event_id": event_id,
                    "type": type_,
                    "api_version": read.api_version,
                    "created": read.created,
                    "received_at": received,
                    "customer_id": read.customer_id,
                    "object_id": read.object_id,
                },
            )
            body = zlib.compress(orjson.dumps(payload), 1)
            connection.execute(insert(T["webhook_payloads"]), {"event_id": event_id, "body": body})
            for done in project(connection, [read], self.config, now=received):
                parked = done.outcome.value == "parked"
                applied_at = None if parked else received + timedelta(milliseconds=20)
                connection.execute(
                    update(T["webhook_events"])
                    .where(T["webhook_events"].c.event_id == done.event_id)
                    .values(
                        outcome=done.outcome.value,
                        error=done.error,
                        org_id=done.org_id,
                        applied_at=applied_at,
                    )
                )
                count = rollups.of_event(
                    type_=type_,
                    outcome=done.outcome.value,
                    created=read.created,
                    received_at=received,
                    applied_at=applied_at,
                    deliveries=1,
                    api_version=read.api_version,
                )
                rollups.add(connection, [count])
        return event_id

    def subscribe(
        self,
        org_id: str,
        *prices: Json,
        name: str | None = None,
        email: str | None = None,
        **more: Any,  # noqa: ANN401 - what subscription() takes
    ) -> Json:
        """A customer for ``org_id`` with one subscription, both just created."""
        key = org_id.removeprefix("org_")
        self.event(
            "customer.created",
            customer(
                f"cus_{key}", name=name or org_id, email=email, org_id=org_id, created=self.now
            ),
        )
        made = subscription(f"sub_{key}", f"cus_{key}", *prices, start=self.now, **more)
        self.event("customer.subscription.created", made)
        return made

    def change(self, obj: Json, **changes: object) -> Json:
        """Update a subscription now, with the previous values as Stripe tells them."""
        changed = {**obj, **changes}
        previous = {name: obj.get(name) for name in changes}
        self.event("customer.subscription.updated", changed, previous)
        return changed

    def add(self, table: str, **values: object) -> None:
        """Write a row as it is."""
        with self.engine.begin() as connection:
            connection.execute(insert(T[table]), values)


def company_on(database_url: str) -> Company:
    """A company in an empty migrated database, read by whom the console would be."""
    engine = writer_engine(database_url)
    url = make_url(database_url)
    if engine.dialect.name == "postgresql":
        grant_reader(engine, "console_reader")
        url = url.set(username="console_reader")
    return Company(engine, reader(url.render_as_string(hide_password=False)))
