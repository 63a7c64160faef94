"""When things change by themselves."""

from __future__ import annotations

from sandbox.billing import FINAL, first_period_end
from sandbox.periods import DAY
from sandbox.shapes import Json

TRIAL_WARNING = 3 * DAY  # customer.subscription.trial_will_end comes three days before
INCOMPLETE_FOR = 23 * 3600  # Stripe gives a first payment 23 hours
RETRY_AFTER_DAYS = (3, 5, 7)  # the recurring retries of a failed payment


def due_at(value: Json) -> int | None:
    """When an object next changes by itself, or None if it waits for somebody."""
    rule = _DUE.get(value["object"])
    return rule(value) if rule else None


def _subscription_due(subscription: Json) -> int | None:
    status = subscription["status"]
    if status in FINAL:
        return None
    moments = [subscription["cancel_at"]]
    if status == "incomplete":
        moments.append(subscription["created"] + INCOMPLETE_FOR)
    elif status == "trialing":
        moments.append(subscription["trial_end"])
        if not subscription.get("_trial_warned"):
            warning = max(subscription["trial_end"] - TRIAL_WARNING, subscription["created"])
            moments.append(warning)
    elif status != "paused":
        moments.append(first_period_end(subscription))
    if subscription["pause_collection"]:
        moments.append(subscription["pause_collection"]["resumes_at"])
    if subscription.get("_resumes_at"):
        moments.append(subscription["_resumes_at"])
    return min((moment for moment in moments if moment is not None), default=None)


def _invoice_due(invoice: Json) -> int | None:
    if not invoice["auto_advance"]:
        return None
    if invoice["status"] == "draft":
        return int(invoice["automatically_finalizes_at"])
    return invoice["next_payment_attempt"] if invoice["status"] == "open" else None


def _checkout_due(session: Json) -> int | None:
    return int(session["expires_at"]) if session["status"] == "open" else None


_DUE = {
    "subscription": _subscription_due,
    "invoice": _invoice_due,
    "checkout.session": _checkout_due,
}


def retry_at(attempts: int, now: int) -> int | None:
    """When a payment that failed for the `attempts`-th time is tried again, if it is."""
    if attempts > len(RETRY_AFTER_DAYS):
        return None
    return now + RETRY_AFTER_DAYS[attempts - 1] * DAY
