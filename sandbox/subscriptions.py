"""What is done to a subscription: begun, paid for, switched, paused, ended, with its events."""

from __future__ import annotations

from dataclasses import replace

from sandbox import billing, discounts, invoices
from sandbox.account import Account
from sandbox.errors import Refusal, card_declined
from sandbox.shapes import Json, copy_of, overlaid

CREATED = "customer.subscription.created"
UPDATED = "customer.subscription.updated"
DELETED = "customer.subscription.deleted"
PAUSED = "customer.subscription.paused"
RESUMED = "customer.subscription.resumed"
TRIAL_WILL_END = "customer.subscription.trial_will_end"


def begin(
    account: Account,
    terms: billing.Terms,
    *,
    payment_behavior: str = "allow_incomplete",
    coupons: tuple[str, ...] = (),
) -> Json:
    """Start a subscription and bill its first period.

    Raises `Refusal` where Stripe would: no card at all, or a declined one that must not leave an
    incomplete subscription.
    """
    subscription = billing.start(terms)
    trialing = subscription["status"] == "trialing"
    if not trialing:
        status = _first_status(account, subscription, payment_behavior)
        subscription = billing.start(replace(terms, status=status))
    for coupon in coupons:
        subscription = discounts.granted(account, subscription, coupon, "discounts[0][coupon]")
    subscription["latest_invoice"] = account.ids.new("in")
    account.record(subscription, CREATED)
    charge = invoices.trial_period if trialing else invoices.full_period
    charges = [charge(account, each) for each in billing.items_of(subscription)]
    invoice = invoices.draw_up(
        account, subscription, charges, "subscription_create", subscription["latest_invoice"]
    )
    invoice = invoices.finalize(account, invoice)
    if payment_behavior != "default_incomplete" or not invoice["amount_due"]:
        collect(account, invoice)
    return account.store.get("subscription", subscription["id"])


def _first_status(account: Account, subscription: Json, payment_behavior: str) -> str:
    if payment_behavior == "default_incomplete":
        return "incomplete"
    if invoices.card_of(account, subscription) is None:
        raise Refusal(
            "This customer has no attached payment source or default payment method. Please"
            " consider adding a default payment method. For more information, visit"
            " https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
            code="resource_missing",
        )
    if invoices.card_works(account, subscription):
        return "active"
    if payment_behavior == "error_if_incomplete":
        raise card_declined()
    return "incomplete"


def collect(account: Account, invoice: Json) -> bool:
    """Charge the card for an open invoice; the subscription follows. Returns whether it was paid.

    Nothing due is paid without a card.
    """
    subscription_id = invoices.subscription_of(invoice) or ""
    subscription = account.store.get("subscription", subscription_id)
    if not invoice["amount_due"] or invoices.card_works(account, subscription):
        invoices.paid(account, invoice)
        _recover(account, subscription)
        return True
    incomplete = subscription["status"] == "incomplete"
    next_attempt = None if incomplete else invoices.first_retry(account, invoice)
    invoices.failed(account, invoice, next_attempt)
    _set_delinquent(account, subscription["customer"], delinquent=True)
    if next_attempt is None and not incomplete:
        _give_up(account, subscription)
    elif subscription["status"] in {"active", "trialing"}:
        after = overlaid(subscription, {"status": "past_due"})
        account.change(subscription, after, UPDATED)
    return False


def _recover(account: Account, subscription: Json) -> None:
    if subscription["status"] in {"past_due", "incomplete", "unpaid"}:
        after = discounts.used(account, overlaid(subscription, {"status": "active"}))
        account.change(subscription, after, UPDATED)
        _set_delinquent(account, subscription["customer"], delinquent=False)
        return
    account.change(subscription, discounts.used(account, subscription), UPDATED)


def _give_up(account: Account, subscription: Json) -> None:
    """What the account's settings say about a payment that failed for good."""
    if account.store.setting("after_failed_payments") == "mark_unpaid":
        account.change(subscription, overlaid(subscription, {"status": "unpaid"}), UPDATED)
    else:
        end(account, subscription, "payment_failed")


def _set_delinquent(account: Account, customer_id: str, *, delinquent: bool) -> None:
    customer = account.store.get("customer", customer_id)
    if not customer.get("deleted"):
        after = overlaid(customer, {"delinquent": delinquent})
        account.change(customer, after, "customer.updated")


def end(account: Account, subscription: Json, reason: str | None) -> Json:
    """End a subscription now; what was not yet paid is no longer collected."""
    after = billing.ended(subscription, account.now, reason)
    account.record(after, DELETED)
    invoices.stop_collecting(account, subscription["id"])
    return after


def change_items(account: Account, before: Json, after: Json, proration: str) -> Json:
    """Keep a subscription whose items were changed, and bill what that changes.

    `proration` is Stripe's `proration_behavior`. A new interval starts a new period, which is
    billed at once; otherwise only `always_invoice` bills at once.
    """
    anew = after["billing_cycle_anchor"] != before["billing_cycle_anchor"]
    charges = [] if proration == "none" else _prorated(account, before, after)
    if anew:
        charges = [each for each in charges if each.amount < 0]
        charges += [invoices.full_period(account, each) for each in billing.items_of(after)]
    if after["status"] != "active" or not charges:
        return account.change(before, after, UPDATED)
    if not anew and proration == "create_prorations":
        waiting = [_as_pending(each) for each in charges]
        after["_pending"] = [*before.get("_pending", []), *waiting]
        return account.change(before, after, UPDATED)
    return bill_now(account, before, after, charges)


def bill_now(account: Account, before: Json, after: Json, charges: list[invoices.Charge]) -> Json:
    """Send the change from `before` to `after` and bill it at once."""
    after["latest_invoice"] = account.ids.new("in")
    account.change(before, after, UPDATED)
    invoice = invoices.draw_up(
        account, after, charges, "subscription_update", after["latest_invoice"]
    )
    collect(account, invoices.finalize(account, invoice))
    return account.store.get("subscription", after["id"])


def _prorated(account: Account, before: Json, after: Json) -> list[invoices.Charge]:
    """Credits for the rest of what was paid for, and charges for the same time of the new."""
    old = {each["id"]: each for each in billing.items_of(before)}
    new = {each["id"]: each for each in billing.items_of(after)}
    gone = [item for item_id, item in old.items() if not _same_price(item, new.get(item_id))]
    come = [item for item_id, item in new.items() if not _same_price(item, old.get(item_id))]
    given_back = [_rest(account, item, -1, "Unused time on") for item in gone]
    return given_back + [_rest(account, item, 1, "Remaining time on") for item in come]


def _same_price(item: Json, other: Json | None) -> bool:
    if other is None:
        return False
    return bool(item["price"]["id"] == other["price"]["id"]) and bool(
        item["quantity"] == other["quantity"]
    )


def _rest(account: Account, item: Json, sign: int, words: str) -> invoices.Charge:
    full = invoices.full_period(account, item)
    left = max(0, full.end - account.now) / max(1, full.end - full.start)
    return invoices.Charge(
        item,
        sign * round(full.amount * left),
        account.now,
        full.end,
        f"{words} {full.description}",
        proration=True,
    )


def _as_pending(charge: invoices.Charge) -> Json:
    return {
        "item": charge.item["id"],
        "amount": charge.amount,
        "start": charge.start,
        "end": charge.end,
        "description": charge.description,
    }


def pending_charges(subscription: Json) -> list[invoices.Charge]:
    """Prorations that wait for the next invoice."""
    items = {each["id"]: each for each in billing.items_of(subscription)}
    return [
        invoices.Charge(
            items[each["item"]],
            each["amount"],
            each["start"],
            each["end"],
            each["description"],
            proration=True,
        )
        for each in subscription.get("_pending", [])
        if each["item"] in items
    ]


def schedule_switch(account: Account, subscription: Json, price: Json, quantity: int) -> Json:
    """Switch at the end of the period, as a subscription schedule does."""
    schedule = {
        "id": account.ids.new("sub_sched"),
        "object": "subscription_schedule",
        "created": account.now,
        "current_phase": {
            "end_date": billing.last_period_end(subscription),
            "start_date": account.now,
        },
        "customer": subscription["customer"],
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "released_at": None,
        "status": "active",
        "subscription": subscription["id"],
    }
    account.record(schedule, "subscription_schedule.created")
    after = overlaid(
        subscription,
        {"schedule": schedule["id"], "_scheduled": {"price": price, "quantity": quantity}},
    )
    return account.change(subscription, after, UPDATED)


def end_trial(
    account: Account, before: Json, asked: Json | None = None, *, at_once: bool = False
) -> Json:
    """Begin the first paid period now and bill it, `at_once` or as a renewal is.

    `asked` is the subscription with what else was changed in the same moment.
    """
    subscription = asked or before
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if invoices.card_of(account, subscription) is None and behavior == "cancel":
        return end(account, subscription, None)
    if invoices.card_of(account, subscription) is None and behavior == "pause":
        return pause(account, subscription, "trial_end_without_payment_method")
    after = billing.out_of_trial(subscription, account.now)
    after["latest_invoice"] = account.ids.new("in")
    account.change(before, after, UPDATED)
    charges = [invoices.full_period(account, each) for each in billing.items_of(after)]
    reason = "subscription_update" if at_once else "subscription_cycle"
    invoice = invoices.draw_up(account, after, charges, reason, after["latest_invoice"])
    if at_once:
        account.emit(TRIAL_WILL_END, after)
        collect(account, invoices.finalize(account, invoice))
    return account.store.get("subscription", after["id"])


def pause(account: Account, subscription: Json, why: str, resumes_at: int | None = None) -> Json:
    """Pause the subscription itself: status `paused`, no more invoices."""
    after = copy_of(subscription)
    after["status"] = "paused"
    after["status_details"] = {"paused": {"subscription": {"type": why}}}
    if resumes_at is not None:
        after["_resumes_at"] = resumes_at
    account.change(subscription, after, UPDATED)
    account.emit(PAUSED, after)
    return after


def resume(account: Account, subscription: Json, *, anew: bool = True) -> Json:
    """Take a paused subscription up again; `anew` starts and bills a new period now."""
    after = overlaid(subscription, {"status": "active", "status_details": None})
    after.pop("_resumes_at", None)
    over = billing.first_period_end(after) <= account.now
    if anew or over:
        after = billing.restarted(after, account.now)
        charges = [invoices.full_period(account, each) for each in billing.items_of(after)]
        bill_now(account, subscription, after, charges)
    else:
        account.change(subscription, after, UPDATED)
    resumed = account.store.get("subscription", after["id"])
    account.emit(RESUMED, resumed)
    return resumed
