"""Invoices: drawn up for a subscription's items, finalized, paid or tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox import discounts, due, money
from sandbox.account import Account
from sandbox.shapes import Json, copy_of, overlaid

FINALIZES_AFTER = 3600  # a renewal's invoice stays a draft for an hour

# What every invoice starts with.
_BLANK: Json = {
    "object": "invoice",
    "account_country": "US",
    "amount_due": 0,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_remaining": 0,
    "amount_shipping": 0,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": True,
    "collection_method": "charge_automatically",
    "default_payment_method": None,
    "description": None,
    "due_date": None,
    "effective_at": None,
    "ending_balance": 0,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "lines": {"object": "list", "has_more": False},
    "livemode": False,
    "metadata": {},
    "next_payment_attempt": None,
    "number": None,
    "starting_balance": 0,
    "status": "draft",
    "status_transitions": {
        "finalized_at": None,
        "marked_uncollectible_at": None,
        "paid_at": None,
        "voided_at": None,
    },
    "test_clock": None,
    "total_taxes": [],
}


@dataclass(frozen=True, slots=True)
class Charge:
    """One line to bill: an amount in minor units for a period of an item."""

    item: Json
    amount: int
    start: int
    end: int
    description: str
    proration: bool = False


def full_period(account: Account, item: Json) -> Charge:
    """A whole period of an item, at its price."""
    price = item["price"]
    product = account.store.find(price["product"])
    name = product.get("name", price["product"]) if product else price["product"]
    return Charge(
        item,
        price["unit_amount"] * item["quantity"],
        item["current_period_start"],
        item["current_period_end"],
        f"{item['quantity']} × {name} (at {money.recurring(price)})",
    )


def trial_period(account: Account, item: Json) -> Charge:
    """The free period of an item on trial."""
    full = full_period(account, item)
    return Charge(item, 0, full.start, full.end, f"Trial period for {full.description}")


def draw_up(
    account: Account,
    subscription: Json,
    charges: Sequence[Charge],
    billing_reason: str,
    invoice_id: str,
) -> Json:
    """A draft invoice for `charges`, with its event."""
    now = account.now
    customer = account.store.get("customer", subscription["customer"])
    lines = [_line(account, invoice_id, subscription, charge) for charge in charges]
    subtotal = sum(line["amount"] for line in lines)
    reduction = discounts.reduction(account, subscription, subtotal)
    token = account.ids.letters(40)
    invoice = _invoice(subscription, customer, invoice_id, now)
    due = max(0, subtotal - reduction)
    invoice.update(
        _token=token,
        amount_due=due,
        amount_remaining=due,
        billing_reason=billing_reason,
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal,
        total=subtotal - reduction,
        total_excluding_tax=subtotal - reduction,
        total_discount_amounts=[],
        discounts=subscription["discounts"] if reduction else [],
        period_start=charges[0].start,
        period_end=charges[0].end,
    )
    invoice["lines"].update(
        data=lines, total_count=len(lines), url=f"/v1/invoices/{invoice_id}/lines"
    )
    if subscription["pause_collection"]:
        invoice["auto_advance"] = subscription["pause_collection"]["behavior"] != "keep_as_draft"
    return account.record(invoice, "invoice.created")


def finalize(account: Account, invoice: Json) -> Json:
    """Give a draft its number and open it."""
    customer = account.store.get("customer", invoice["customer"])
    number = customer.get("next_invoice_sequence", 1)
    if not customer.get("deleted"):
        account.save(overlaid(customer, {"next_invoice_sequence": number + 1}))
    after = copy_of(invoice)
    url = account.page_url("i", invoice["_token"])
    after.update(
        status="open",
        number=f"{customer.get('invoice_prefix', 'SANDBOX')}-{number:04d}",
        effective_at=account.now,
        automatically_finalizes_at=None,
        hosted_invoice_url=url,
        invoice_pdf=f"{url}/pdf",
    )
    after["status_transitions"]["finalized_at"] = account.now
    return account.record(after, "invoice.finalized")


def paid(account: Account, invoice: Json) -> Json:
    """Mark an open invoice as paid, with Stripe's two events for it."""
    after = copy_of(invoice)
    due = invoice["amount_due"]
    after.update(
        status="paid",
        amount_paid=due,
        amount_remaining=0,
        attempted=True,
        attempt_count=invoice["attempt_count"] + (1 if due else 0),
        next_payment_attempt=None,
    )
    after["status_transitions"]["paid_at"] = account.now
    account.record(after, "invoice.paid")
    account.emit("invoice.payment_succeeded", after)
    return after


def failed(account: Account, invoice: Json, next_attempt: int | None) -> Json:
    """Record that the customer's bank declined, and when to try again."""
    after = overlaid(
        invoice,
        {
            "attempted": True,
            "attempt_count": invoice["attempt_count"] + 1,
            "next_payment_attempt": next_attempt,
            "auto_advance": next_attempt is not None,
        },
    )
    return account.record(after, "invoice.payment_failed")


def closed(account: Account, invoice: Json, status: str) -> Json:
    """Void an invoice or give it up as uncollectible."""
    after = overlaid(invoice, {"status": status, "auto_advance": False})
    moment = "voided_at" if status == "void" else "marked_uncollectible_at"
    after["status_transitions"][moment] = account.now
    after["next_payment_attempt"] = None
    event = "invoice.voided" if status == "void" else "invoice.marked_uncollectible"
    return account.record(after, event)


def stop_collecting(account: Account, subscription_id: str) -> None:
    """Leave the unpaid invoices of an ended subscription alone, as Stripe does."""
    for invoice in of_subscription(account, subscription_id):
        if invoice["status"] in {"draft", "open"} and invoice["auto_advance"]:
            account.save(overlaid(invoice, {"auto_advance": False, "next_payment_attempt": None}))


def of_subscription(account: Account, subscription_id: str) -> list[Json]:
    """A subscription's invoices, oldest first."""
    path = "$.parent.subscription_details.subscription"
    return account.store.all("invoice", {path: subscription_id})


def subscription_of(invoice: Json) -> str | None:
    """The id of the subscription that an invoice bills."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return details.get("subscription")


def card_of(account: Account, subscription: Json) -> Json | None:
    """The card that pays for a subscription: its own, else the customer's default."""
    customer = account.store.get("customer", subscription["customer"])
    settings = customer.get("invoice_settings") or {}
    card = subscription["default_payment_method"] or settings.get("default_payment_method")
    return account.store.find(card) if card else None


def card_works(account: Account, subscription: Json) -> bool:
    """Whether there is a card and its bank pays."""
    card = card_of(account, subscription)
    return card is not None and not card["_declines"]


def first_retry(account: Account, invoice: Json) -> int | None:
    """When a payment that has just failed is tried again, if it is."""
    return due.retry_at(invoice["attempt_count"] + 1, account.now)


def _line(account: Account, invoice_id: str, subscription: Json, charge: Charge) -> Json:
    price = charge.item["price"]
    return {
        "id": account.ids.new("il"),
        "object": "line_item",
        "amount": charge.amount,
        "currency": price["currency"],
        "description": charge.description,
        "discount_amounts": [],
        "discountable": not charge.proration,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": charge.proration,
                "proration_details": {"credited_items": None},
                "subscription": subscription["id"],
                "subscription_item": charge.item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"start": charge.start, "end": charge.end},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": charge.item["quantity"],
        "taxes": [],
    }


def _invoice(subscription: Json, customer: Json, invoice_id: str, now: int) -> Json:
    return {
        **copy_of(_BLANK),
        "id": invoice_id,
        "automatically_finalizes_at": now + FINALIZES_AFTER,
        "created": now,
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        "customer_email": customer.get("email"),
        "customer_name": customer.get("name"),
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": subscription["metadata"],
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
    }
