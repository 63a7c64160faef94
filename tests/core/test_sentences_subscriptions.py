"""What happened to a subscription, in plain words."""

from datetime import timedelta
from typing import Any

import pytest

from tests.core.company import START, price, subscription
from tests.core.telling import ASKED, END, UNTOLD, items, seconds, tell, updated


@pytest.mark.parametrize(
    ("changes", "base", "kind", "text"),
    [
        (
            {
                "cancel_at": seconds(END),
                "canceled_at": seconds(START),
                "cancellation_details": ASKED,
            },
            {},
            "canceling",
            "The customer set the subscription to end on 1 July 2026. Reason: too expensive.",
        ),
        (
            {"cancel_at": seconds(END), "cancellation_details": UNTOLD},
            {},
            "canceling",
            "The subscription was set to end on 1 July 2026.",
        ),
        (
            {"cancel_at_period_end": True},
            {},
            "canceling",
            "The subscription was set to end on 1 July 2026.",
        ),
        (
            {"cancellation_details": ASKED},
            {"cancel_at": seconds(END)},
            "canceling",
            "The customer said why: too expensive.",
        ),
        (
            {"cancellation_details": {**UNTOLD, "comment": "Bye"}},
            {"cancel_at": seconds(END)},
            "canceling",
            "The customer left a comment.",
        ),
        (
            {"cancel_at": seconds(END + timedelta(days=5))},
            {"cancel_at": seconds(END)},
            "canceling",
            "The subscription now ends on 6 July 2026, not 1 July 2026.",
        ),
        (
            {"cancel_at": None, "canceled_at": None},
            {"cancel_at": seconds(END)},
            "undone",
            "The cancellation was undone: the subscription goes on.",
        ),
        (
            {"items": items(price("team_monthly"))},
            {},
            "switched",
            "The plan changed from Pro monthly to Team monthly.",
        ),
        (
            {"items": items(price("pro_yearly", interval="year"), days=365)},
            {},
            "switched",
            (
                "The plan changed from Pro monthly to Pro yearly. A new period began. It runs until"
                " 1 June 2027."
            ),
        ),
        (
            {"items": items(price(None, price_id="price_x"))},
            {},
            "switched",
            "The plan changed from Pro monthly to an unmapped price (price_x).",
        ),
        (
            {"items": items(price(), quantity=8)},
            {"items": items(price(), quantity=5)},
            "seats",
            "The quantity changed from 5 to 8.",
        ),
        (
            {"items": items(price(), price(None, price_id="price_storage"))},
            {},
            "switched",
            "An item was added.",
        ),
        (
            {"items": items(price(), days=60)},
            {},
            "renewed",
            "A new period began. It runs until 31 July 2026.",
        ),
        (
            {"status": "past_due"},
            {},
            "payment_failed",
            "A payment failed: the subscription is past due.",
        ),
        (
            {"status": "active"},
            {"status": "past_due"},
            "recovered",
            "A payment came through: active again.",
        ),
        (
            {"status": "unpaid"},
            {"status": "past_due"},
            "payment_failed",
            "Stripe stopped trying to collect: the subscription is unpaid.",
        ),
        (
            {"status": "active"},
            {"status": "trialing"},
            "trial",
            "The trial ended and the subscription became active.",
        ),
        (
            {"status": "active"},
            {"status": "incomplete"},
            "created",
            "The first payment came and the subscription began.",
        ),
        ({"status": "paused"}, {}, "paused", "The subscription was paused."),
        (
            {"status": "active"},
            {"status": "paused"},
            "resumed",
            "The subscription was resumed.",
        ),
        (
            {"status": "hibernating"},
            {},
            "unknown",
            (
                "Stripe now calls the subscription `hibernating`, which is not known here: access"
                " stays as it was."
            ),
        ),
        (
            {"pause_collection": {"behavior": "void", "resumes_at": seconds(END)}},
            {},
            "paused",
            "Collecting payments was paused until 1 July 2026. Access stays as it is.",
        ),
        (
            {"pause_collection": None},
            {"pause_collection": {"behavior": "void"}},
            "resumed",
            "Payments are collected again.",
        ),
        (
            {"schedule": "sub_sched_1"},
            {},
            "schedule",
            "A change of the subscription was scheduled.",
        ),
        (
            {"trial_end": seconds(END)},
            {"status": "trialing", "trial_end": seconds(START)},
            "trial",
            "The trial now ends on 1 July 2026, not 1 June 2026.",
        ),
        (
            {"collection_method": "send_invoice"},
            {},
            "status",
            "Payment is now collected by invoices that the customer pays.",
        ),
    ],
)
def test_a_changed_subscription_is_told_by_what_changed(
    changes: dict[str, Any], base: dict[str, Any], kind: str, text: str
) -> None:
    sentence = updated(changes, {**subscription("sub_1", "cus_1"), **base})
    assert (sentence.kind, sentence.text) == (kind, text)
    assert not sentence.quiet


def test_what_the_customer_wrote_stands_apart_as_it_was_written() -> None:
    details = {**ASKED, "comment": "**Bye** <b>"}
    sentence = updated({"cancel_at": seconds(END), "cancellation_details": details})
    assert sentence.details == ("Comment: **Bye** <b>",)
    assert "Bye" not in sentence.text


def test_a_change_that_nothing_depends_on_is_quiet() -> None:
    assert updated({"metadata": {"a": "b"}}).quiet


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {
                "cancellation_details": ASKED,
                "canceled_at": seconds(START),
                "ended_at": seconds(END),
            },
            "The subscription to Pro monthly ended; the customer had asked for it on 1 June 2026.",
        ),
        (
            {
                "cancellation_details": UNTOLD,
                "canceled_at": seconds(START),
                "ended_at": seconds(END),
            },
            "The subscription to Pro monthly ended, as had been asked for on 1 June 2026.",
        ),
        (
            {
                "cancellation_details": UNTOLD,
                "canceled_at": seconds(START),
                "ended_at": seconds(START),
            },
            "The subscription to Pro monthly was canceled and ended at once.",
        ),
        (
            {"cancellation_details": {"reason": "payment_failed"}},
            "The subscription to Pro monthly ended because payment failed.",
        ),
        (
            {"cancellation_details": {"reason": "payment_disputed"}},
            "The subscription to Pro monthly ended because a payment was disputed.",
        ),
        ({"cancellation_details": None}, "The subscription to Pro monthly ended."),
        (
            {"status": "incomplete_expired"},
            "The first payment never came, so the subscription expired.",
        ),
    ],
)
def test_an_end_says_why(changes: dict[str, Any], text: str) -> None:
    over = {**subscription("sub_1", "cus_1", status="canceled"), **changes}
    assert tell("customer.subscription.deleted", over).text == text
