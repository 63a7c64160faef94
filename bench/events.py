"""Events like a busy account sends: whole lives of orgs, interleaved, 4 to 6 KB each.

Every id ends in ``x`` and six digits: the copy it belongs to. ``bench.fill`` multiplies stored rows
by replacing that mark, so an org that only ever was copied can be spoken of here.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

Json = dict[str, Any]

TEMPLATE_ORGS = 1_000
TEMPLATE_EVENTS = 10 * TEMPLATE_ORGS
TEMPLATE_COPY = 100_000
FIRST_LIVE = 1_000_000
_API_VERSION = "2026-10-28.endive"
_DAY = 86_400
_MONTH = 30 * _DAY
_BIRTH = 1_760_000_000
_TOGETHER = 1_000
_PLANS = (
    ("starter_monthly", 1_900, "prod_starter"),
    ("pro_monthly", 4_900, "prod_pro"),
    ("team_monthly", 14_900, "prod_team"),
)


@dataclass(frozen=True, slots=True)
class Org:
    """One org by its number; those of a copy other than the template's are stored already."""

    number: int
    copy: int = TEMPLATE_COPY

    def id(self, prefix: str, part: int = 0) -> str:
        """An id in Stripe's form: a customer's is random, all others grow."""
        tail = f"{self.number * 2_654_435_761 % 2**32:08x}" if prefix == "cus" else ""
        return f"{prefix}_{tail}{self.number:09d}{part or ''}x{self.copy}"

    @property
    def plan(self) -> tuple[str, int, str]:
        """Lookup key, unit amount in minor units and product of what it buys."""
        return _PLANS[self.number % len(_PLANS)]


def life(org: Org, *, born: int = _BIRTH) -> Iterator[Json]:
    """Ten events: a new customer, a first month, a renewal, a cancellation and its undoing.

    Every fourth subscription starts incomplete and turns active within the same second, which is
    the case that needs its history to be read.
    """
    start, end = born, born + _MONTH
    yield _event(org, "customer.created", born - 60, _customer(org, born - 60))
    incomplete = org.number % 4 == 0
    first = _subscription(org, start, end, status="incomplete" if incomplete else "active")
    yield _event(org, "customer.subscription.created", born, first)
    if incomplete:
        activated = _subscription(org, start, end)
        yield _event(
            org, "customer.subscription.updated", born, activated, {"status": "incomplete"}
        )
    else:
        yield _event(org, "invoice.created", born, _invoice(org, start, end, "draft"))
    yield _event(org, "invoice.finalized", born + 1, _invoice(org, start, end, "open"))
    yield _event(org, "invoice.paid", born + 3, _invoice(org, start, end, "paid"))
    yield from _later(org, _subscription(org, start, end), end)


def later_life(org: Org, *, at: int = _BIRTH + 6 * _MONTH) -> Iterator[Json]:
    """Six events of an org that is known already: another renewal and change of mind."""
    yield _event(org, "customer.updated", at - 60, _customer(org, _BIRTH), {"phone": None})
    yield from _later(org, _subscription(org, at - _MONTH, at), at)


def _later(org: Org, before: Json, at: int) -> Iterator[Json]:
    renewed = _subscription(org, at, at + _MONTH)
    yield _event(
        org,
        "customer.subscription.updated",
        at,
        renewed,
        {"items": before["items"], "latest_invoice": org.id("in", 1)},
    )
    yield _event(org, "invoice.created", at + 1, _invoice(org, at, at + _MONTH, "draft"))
    yield _event(org, "invoice.paid", at + 3_600, _invoice(org, at, at + _MONTH, "paid"))
    cancelled_at = at + 5 * _DAY
    leaving = _subscription(org, at, at + _MONTH, cancelled_at=cancelled_at)
    yield _event(
        org,
        "customer.subscription.updated",
        cancelled_at,
        leaving,
        {
            "cancel_at": None,
            "canceled_at": None,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        },
    )
    undone = {name: leaving[name] for name in ("cancel_at", "canceled_at", "cancellation_details")}
    yield _event(org, "customer.subscription.updated", cancelled_at + _DAY, renewed, undone)


def bodies(count: int, *, first: int, stored_orgs: int = 0) -> Iterator[bytes]:
    """``count`` event bodies as Stripe sends them, of a thousand orgs' lives at a time.

    Orgs and events are numbered from ``first`` on; each range is to be used once. With
    ``stored_orgs`` every second life continues that of an org that is stored already.
    """
    choose = random.Random(first)  # noqa: S311 - a load that can be repeated, no secret
    numbers = itertools.count(first)
    living: list[Iterator[Json]] = []
    for sequence in range(first, first + count):
        event = None
        while event is None:
            if len(living) < _TOGETHER:
                living.append(_some_life(next(numbers), stored_orgs))
            chosen = choose.randrange(len(living))
            event = next(living[chosen], None)
            if event is None:
                living[chosen] = living[-1]
                living.pop()
        event["id"] = f"evt_{sequence:012d}x{TEMPLATE_COPY}"
        yield orjson.dumps(event, option=orjson.OPT_INDENT_2)


def template_bodies() -> Iterator[bytes]:
    """The whole lives of the orgs that ``bench.fill`` stores and multiplies."""
    events = itertools.chain.from_iterable(life(Org(number)) for number in range(TEMPLATE_ORGS))
    for sequence, event in enumerate(events):
        event["id"] = f"evt_{sequence:012d}x{TEMPLATE_COPY}"
        yield orjson.dumps(event, option=orjson.OPT_INDENT_2)


def _some_life(number: int, stored_orgs: int) -> Iterator[Json]:
    if not stored_orgs or number % 2:
        return life(Org(number))
    # A prime step visits every stored org before it comes to one again.
    copy, template = divmod(number // 2 * 7_919 % stored_orgs, TEMPLATE_ORGS)
    return later_life(Org(template, TEMPLATE_COPY + copy))


def _event(org: Org, type_: str, created: int, obj: Json, previous: Json | None = None) -> Json:
    data: Json = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": None,
        "object": "event",
        "api_version": _API_VERSION,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": org.id("req", created % 1_000_000), "idempotency_key": None},
        "type": type_,
    }


def _customer(org: Org, created: int) -> Json:
    return {
        "id": org.id("cus"),
        "object": "customer",
        "address": {
            "city": "Utrecht",
            "country": "NL",
            "line1": f"Oudegracht {org.number}",
            "line2": "Tweede verdieping",
            "postal_code": "3511 AB",
            "state": None,
        },
        "balance": 0,
        "created": created,
        "currency": "usd",
        "default_currency": "usd",
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": f"billing@org{org.number}.example",
        "invoice_prefix": f"ORG{org.number:08d}",
        "invoice_settings": {
            "custom_fields": [{"name": "Purchase order", "value": f"PO-{org.number}"}],
            "default_payment_method": org.id("pm"),
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {
            "org_id": org.id("org"),
            "signup_campaign": "autumn-launch",
            "account_manager": "unassigned",
        },
        "name": f"Organization {org.number} Holding B.V.",
        "next_invoice_sequence": 1,
        "phone": "+31 30 555 0100",
        "preferred_locales": ["nl", "en"],
        "shipping": {
            "address": {
                "city": "Utrecht",
                "country": "NL",
                "line1": f"Oudegracht {org.number}",
                "line2": "Tweede verdieping",
                "postal_code": "3511 AB",
                "state": None,
            },
            "name": f"Organization {org.number} Holding B.V.",
            "phone": "+31 30 555 0100",
        },
        "tax_exempt": "none",
        "test_clock": None,
    }


def _price(org: Org) -> Json:
    lookup_key, amount, product = org.plan
    return {
        "id": f"price_bench_{lookup_key}",
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": _BIRTH - 300 * _DAY,
        "currency": "usd",
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": {},
        "nickname": None,
        "product": product,
        "recurring": {
            "interval": "month",
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "exclusive",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def _plan(price: Json) -> Json:
    return {
        "id": price["id"],
        "object": "plan",
        "active": True,
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": "month",
        "interval_count": 1,
        "livemode": False,
        "metadata": {},
        "meter": None,
        "nickname": None,
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _subscription(
    org: Org, start: int, end: int, *, status: str = "active", cancelled_at: int | None = None
) -> Json:
    price = _price(org)
    subscription_id = org.id("sub")
    item: Json = {
        "id": org.id("si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": _BIRTH,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": {},
        "plan": _plan(price),
        "price": price,
        "quantity": 1 + org.number % 7,
        "subscription": subscription_id,
        "tax_rates": [],
    }
    leaving = cancelled_at is not None
    return {
        "id": subscription_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": True, "liability": {"type": "self"}},
        "billing_cycle_anchor": _BIRTH,
        "billing_cycle_anchor_config": None,
        "billing_mode": {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": _BIRTH,
        },
        "billing_thresholds": None,
        "cancel_at": end if leaving else None,
        "cancel_at_period_end": False,
        "canceled_at": cancelled_at,
        "cancellation_details": {
            "comment": "We are moving to another tool." if leaving else None,
            "feedback": "switched_service" if leaving else None,
            "reason": "cancellation_requested" if leaving else None,
        },
        "collection_method": "charge_automatically",
        "created": _BIRTH,
        "currency": "usd",
        "customer": org.id("cus"),
        "days_until_due": None,
        "default_payment_method": org.id("pm"),
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": [item],
            "has_more": False,
            "total_count": 1,
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        "latest_invoice": org.id("in", start % 1_000),
        "livemode": False,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "save_default_payment_method": "on_subscription",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": _BIRTH,
        "status": status,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def _invoice(org: Org, start: int, end: int, status: str) -> Json:
    lookup_key, unit_amount, product = org.plan
    quantity = 1 + org.number % 7
    amount = unit_amount * quantity
    paid = status == "paid"
    secret_part = f"acct_1Bench/test_YWNjdF8x{org.number:012d}"
    number = start % 1_000
    return {
        "id": org.id("in", number),
        "object": "invoice",
        "account_country": "NL",
        "account_name": "Northwind Cloud",
        "amount_due": amount,
        "amount_overpaid": 0,
        "amount_paid": amount if paid else 0,
        "amount_remaining": 0 if paid else amount,
        "attempt_count": 1 if paid else 0,
        "attempted": paid,
        "auto_advance": not paid,
        "automatic_tax": {"enabled": True, "liability": {"type": "self"}, "status": "complete"},
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "created": start,
        "currency": "usd",
        "customer": org.id("cus"),
        "customer_address": {
            "city": "Utrecht",
            "country": "NL",
            "line1": f"Oudegracht {org.number}",
            "line2": None,
            "postal_code": "3511 AB",
            "state": None,
        },
        "customer_email": f"billing@org{org.number}.example",
        "customer_name": f"Organization {org.number} Holding B.V.",
        "customer_tax_exempt": "none",
        "default_payment_method": None,
        "discounts": [],
        "due_date": None,
        "ending_balance": 0 if paid else None,
        "footer": None,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{secret_part}?s=ap",
        "invoice_pdf": f"https://pay.stripe.com/invoice/{secret_part}/pdf?s=ap",
        "lines": {
            "object": "list",
            "data": [
                {
                    "id": org.id("il", number),
                    "object": "line_item",
                    "amount": amount,
                    "currency": "usd",
                    "description": f"{quantity} x {lookup_key} (at ${unit_amount / 100:.2f})",
                    "discount_amounts": [],
                    "discountable": True,
                    "invoice": org.id("in", number),
                    "livemode": False,
                    "metadata": {},
                    "parent": {
                        "subscription_item_details": {
                            "invoice_item": None,
                            "proration": False,
                            "subscription": org.id("sub"),
                            "subscription_item": org.id("si"),
                        },
                        "type": "subscription_item_details",
                    },
                    "period": {"end": end, "start": start},
                    "pricing": {
                        "price_details": {"price": f"price_bench_{lookup_key}", "product": product},
                        "type": "price_details",
                        "unit_amount_decimal": str(unit_amount),
                    },
                    "quantity": quantity,
                    "taxes": [],
                }
            ],
            "has_more": False,
            "total_count": 1,
            "url": f"/v1/invoices/{org.id('in', number)}/lines",
        },
        "livemode": False,
        "metadata": {},
        "number": f"ORG{org.number:08d}-{number:04d}",
        "parent": {
            "subscription_details": {"metadata": {}, "subscription": org.id("sub")},
            "type": "subscription_details",
        },
        "payment_settings": {"default_mandate": None, "payment_method_options": None},
        "period_end": end,
        "period_start": start,
        "receipt_number": None,
        "starting_balance": 0,
        "status": status,
        "status_transitions": {
            "finalized_at": start + 1 if status != "draft" else None,
            "marked_uncollectible_at": None,
            "paid_at": start + 3 if paid else None,
            "voided_at": None,
        },
        "subtotal": amount,
        "total": amount,
        "total_discount_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }
