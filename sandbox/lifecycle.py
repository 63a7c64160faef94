"""What happens by itself as time passes: trials end, periods renew, payments are tried again.

`run_due` goes through everything due, in order, with the clock standing at each thing's own time,
so an event is created when the thing happened and not when somebody moved the clock.
"""

from __future__ import annotations

from sandbox import billing, due, invoices, subscriptions
from sandbox.account import Account
from sandbox.shapes import Json, overlaid


def run_due(account: Account, until: int, most: int = 1_000_000) -> int | None:
    """Do up to `most` things that are due by `until`, in order.

    Returns when the last of them happened, or None if nothing was due.
    """
    last = None
    try:
        for _ in range(most):
            due = account.store.next_due(until)
            if due is None:
                break
            last, value = due
            account.clock.stop_at(last)
            _STEPS[value["object"]](account, value)
    finally:
        account.clock.run()
    return last


def _step_invoice(account: Account, invoice: Json) -> None:
    if invoice["status"] == "open":
        subscriptions.collect(account, invoice)
        return
    subscription_id = invoices.subscription_of(invoice) or ""
    subscription = account.store.get("subscription", subscription_id)
    collection = subscription["pause_collection"]
    opened = invoices.finalize(account, invoice)
    if collection and collection["behavior"] in {"void", "mark_uncollectible"}:
        status = "void" if collection["behavior"] == "void" else "uncollectible"
        invoices.closed(account, opened, status)
    else:
        subscriptions.collect(account, opened)


def _step_subscription(account: Account, subscription: Json) -> None:
    now = account.now
    status = subscription["status"]
    collection = subscription["pause_collection"]
    if status == "incomplete" and now >= subscription["created"] + due.INCOMPLETE_FOR:
        _expire(account, subscription)
    elif _is_over(subscription, now):
        subscriptions.end(account, subscription, None)
    elif collection and collection["resumes_at"] is not None and now >= collection["resumes_at"]:
        after = overlaid(subscription, {"pause_collection": None})
        account.change(subscription, after, subscriptions.UPDATED)
    elif status == "paused":
        subscriptions.resume(account, subscription)
    elif status == "trialing" and now < subscription["trial_end"]:
        warn_of_trial_end(account, subscription)
    elif status == "trialing":
        subscriptions.end_trial(account, subscription)
    else:
        renew(account, subscription)


def _is_over(subscription: Json, now: int) -> bool:
    if subscription["cancel_at"] is not None:
        return bool(now >= subscription["cancel_at"])
    at_end = subscription["cancel_at_period_end"]
    return bool(at_end and now >= billing.last_period_end(subscription))


def _expire(account: Account, subscription: Json) -> None:
    after = overlaid(
        subscription,
        {"status": "incomplete_expired", "ended_at": account.now, "canceled_at": account.now},
    )
    account.change(subscription, after, subscriptions.UPDATED)
    for invoice in invoices.of_subscription(account, subscription["id"]):
        if invoice["status"] == "open":
            invoices.closed(account, invoice, "void")


def warn_of_trial_end(account: Account, subscription: Json) -> None:
    """Send `customer.subscription.trial_will_end`, once for a trial."""
    account.save(overlaid(subscription, {"_trial_warned": True}))
    account.emit(subscriptions.TRIAL_WILL_END, subscription)


def renew(account: Account, subscription: Json) -> None:
    """Roll the periods that are over and draw up their invoice, which is collected an hour later.

    An unpaid subscription's invoices stay drafts.
    """
    after, rolled = billing.renewed(subscription, account.now)
    pending = subscriptions.pending_charges(after)
    after.pop("_pending", None)
    after["latest_invoice"] = account.ids.new("in")
    charges = [*(invoices.full_period(account, each) for each in rolled), *pending]
    invoice = invoices.draw_up(
        account, after, charges, "subscription_cycle", after["latest_invoice"]
    )
    if subscription["status"] == "unpaid":
        account.save(overlaid(invoice, {"auto_advance": False}))
    account.change(subscription, after, subscriptions.UPDATED)
    if subscription["schedule"] is not None:
        _release(account, subscription["schedule"])


def _release(account: Account, schedule_id: str) -> None:
    schedule = account.store.get("subscription_schedule", schedule_id)
    after = overlaid(schedule, {"status": "released", "released_at": account.now})
    account.record(after, "subscription_schedule.released")


def _expire_checkout(account: Account, session: Json) -> None:
    after = overlaid(session, {"status": "expired", "url": None})
    account.record(after, "checkout.session.expired")


_STEPS = {
    "invoice": _step_invoice,
    "subscription": _step_subscription,
    "checkout.session": _expire_checkout,
}
