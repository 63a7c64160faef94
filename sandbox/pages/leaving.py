"""Cancelling with a reason, taking it back, pausing and resuming."""

from __future__ import annotations

from starlette.responses import Response

from sandbox import billing, discounts, periods, subscriptions
from sandbox.errors import Refusal
from sandbox.pages.completion import complete
from sandbox.pages.rendering import FEEDBACK_WORDS, go_to, page
from sandbox.pages.visit import Visit
from sandbox.portal import rules
from sandbox.resources.subscription_update import apply_cancellation_details
from sandbox.shapes import Json, copy_of

_LONGEST_COMMENT = 500
_INTERVAL_DAYS = {"day": 1, "week": 7}


def show_cancel(visit: Visit, subscription_id: str, _values: dict[str, str]) -> Response:
    """Until when the plan lasts, and the button that cancels it."""
    subscription = visit.subscription(subscription_id)
    rules.check_cancel(visit.configuration, subscription)
    return page(
        "cancel.html",
        business=visit.account.business_name,
        visit=visit,
        subscription=subscription,
        ends=billing.last_period_end(subscription),
        at_once=visit.feature("subscription_cancel")["mode"] == "immediately",
        offer=_offer(visit),
    )


def _offer(visit: Visit) -> Json | None:
    """The coupon that is to keep the customer, if the session has one."""
    details = visit.flow["subscription_cancel"] if visit.flow else None
    retention = details["retention"] if details else None
    if retention is None:
        return None
    return visit.account.store.get("coupon", retention["coupon_offer"]["coupon"])


def cancel(visit: Visit, subscription_id: str, _values: dict[str, str]) -> Response:
    """Cancel, then ask why if the configuration wants to know."""
    account = visit.account
    subscription = visit.subscription(subscription_id)
    rules.check_cancel(visit.configuration, subscription)
    settings = visit.feature("subscription_cancel")
    if settings["mode"] == "immediately":
        subscriptions.end(account, subscription, "cancellation_requested")
    else:
        after = billing.canceling(subscription, account.now)
        account.change(subscription, after, subscriptions.UPDATED)
    if settings["cancellation_reason"]["enabled"]:
        return go_to(visit.url("survey", subscription_id))
    return complete(visit)


def accept_offer(visit: Visit, subscription_id: str, _values: dict[str, str]) -> Response:
    """Take the coupon and stay."""
    subscription = visit.subscription(subscription_id)
    offer = _offer(visit)
    if offer is None:
        raise Refusal("There is no offer on this page.")
    after = discounts.granted(visit.account, subscription, offer["id"])
    visit.account.change(subscription, after, subscriptions.UPDATED)
    return complete(visit)


def show_survey(visit: Visit, subscription_id: str, _values: dict[str, str]) -> Response:
    """Why the customer leaves; answering is optional."""
    subscription = visit.subscription(subscription_id)
    options = visit.feature("subscription_cancel")["cancellation_reason"]["options"]
    return page(
        "survey.html",
        business=visit.account.business_name,
        visit=visit,
        subscription=subscription,
        options=options or list(FEEDBACK_WORDS),
    )


def submit_survey(visit: Visit, subscription_id: str, values: dict[str, str]) -> Response:
    """Note the reason: a second event of its own, as Stripe sends it."""
    subscription = visit.subscription(subscription_id)
    if values.get("answer") != "skip":
        feedback = values.get("feedback") or None
        if feedback is not None and feedback not in FEEDBACK_WORDS:
            raise Refusal("Please choose one of the reasons.")
        comment = values.get("comment", "").strip()[:_LONGEST_COMMENT] or None
        after = copy_of(subscription)
        apply_cancellation_details(after, feedback, comment)
        visit.account.change(subscription, after, subscriptions.UPDATED)
    return complete(visit)


def keep(visit: Visit, subscription_id: str, _values: dict[str, str]) -> Response:
    """Take a cancellation back."""
    subscription = visit.subscription(subscription_id)
    if subscription["status"] in billing.FINAL:
        raise Refusal("This plan has already ended, so it cannot be kept.")
    after = billing.not_canceling(subscription)
    visit.account.change(subscription, after, subscriptions.UPDATED)
    return go_to(visit.url())


def show_pause(visit: Visit, subscription_id: str, _values: dict[str, str]) -> Response:
    """For how long, and the button that pauses."""
    subscription = visit.subscription(subscription_id)
    rules.check_pause(visit.configuration, subscription)
    return page(
        "pause.html",
        business=visit.account.business_name,
        visit=visit,
        subscription=subscription,
        options=visit.feature("subscription_pause")["duration"].get("interval_options", []),
    )


def pause(visit: Visit, subscription_id: str, values: dict[str, str]) -> Response:
    """Pause now, for the chosen time or until the customer resumes."""
    account = visit.account
    subscription = visit.subscription(subscription_id)
    rules.check_pause(visit.configuration, subscription)
    options = visit.feature("subscription_pause")["duration"].get("interval_options", [])
    resumes_at = None
    if options:
        chosen = values.get("duration", "0")
        if not chosen.isdecimal() or int(chosen) >= len(options):
            raise Refusal("Please choose how long to pause.")
        resumes_at = _later(account.now, options[int(chosen)])
    subscriptions.pause(account, subscription, "pause_requested", resumes_at)
    return complete(visit)


def _later(now: int, option: Json) -> int:
    interval, count = option["interval"], option["interval_count"]
    if interval in _INTERVAL_DAYS:
        return int(now + count * _INTERVAL_DAYS[interval] * periods.DAY)
    return periods.months_after(now, count * (12 if interval == "year" else 1))


def resume(visit: Visit, subscription_id: str, _values: dict[str, str]) -> Response:
    """Take a paused plan up again."""
    subscription = visit.subscription(subscription_id)
    if subscription["status"] != "paused":
        raise Refusal("This plan is not paused.")
    subscriptions.resume(visit.account, subscription)
    return go_to(visit.url())
