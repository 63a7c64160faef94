"""What happened around a subscription, in plain words."""

from typing import Any

import pytest

from tests.core.company import customer, subscription
from tests.core.telling import END, seconds, tell


@pytest.mark.parametrize(
    ("type_", "obj", "previous", "text"),
    [
        (
            "customer.subscription.created",
            subscription("sub_1", "cus_1", quantity=5),
            None,
            "A subscription to Pro monthly began, 5 seats.",
        ),
        (
            "customer.subscription.created",
            subscription("sub_1", "cus_1", status="trialing", trial_end=seconds(END)),
            None,
            "A trial of Pro monthly began. It runs until 1 July 2026.",
        ),
        (
            "customer.subscription.created",
            subscription("sub_1", "cus_1", status="incomplete"),
            None,
            "A subscription to Pro monthly was started. It waits for its first payment.",
        ),
        (
            "customer.subscription.trial_will_end",
            subscription("sub_1", "cus_1", status="trialing", trial_end=seconds(END)),
            None,
            "The trial ends on 1 July 2026.",
        ),
        (
            "invoice.paid",
            {
                "object": "invoice",
                "amount_paid": 4900,
                "currency": "eur",
                "billing_reason": "subscription_cycle",
                "number": "A-1",
            },
            None,
            "€49.00 was paid for the new period.",
        ),
        (
            "invoice.payment_failed",
            {
                "object": "invoice",
                "amount_due": 5000,
                "currency": "jpy",
                "next_payment_attempt": seconds(END),
            },
            None,
            "A payment of ¥5,000 failed. Stripe tries again on 1 July 2026.",
        ),
        (
            "checkout.session.completed",
            {
                "object": "checkout.session",
                "amount_total": 4900,
                "currency": "usd",
                "payment_status": "paid",
            },
            None,
            "The customer completed Checkout and paid $49.00.",
        ),
        (
            "payment_method.attached",
            {
                "object": "payment_method",
                "type": "card",
                "card": {"brand": "visa", "last4": "4242"},
            },
            None,
            "The Visa ending in 4242 was added.",
        ),
        (
            "payment_method.attached",
            {"object": "payment_method", "type": "sepa_debit"},
            None,
            "A way to pay (sepa debit) was added.",
        ),
        (
            "customer.updated",
            customer("cus_1", name="New"),
            {"name": "Old", "email": "old@x.example"},
            "The customer is now called New. The e-mail address is now (none).",
        ),
        (
            "customer.updated",
            customer("cus_1", org_id="org_1"),
            {"metadata": {"org_id": None}},
            "The customer was linked to org_1.",
        ),
        (
            "customer.updated",
            customer("cus_1", invoice_settings={"default_payment_method": "pm_2"}),
            {"invoice_settings": {"default_payment_method": "pm_1"}},
            "The default way to pay was changed.",
        ),
        (
            "customer.deleted",
            customer("cus_1", deleted=True),
            None,
            "The Stripe customer was deleted.",
        ),
        ("x.y", {}, None, "Stripe sent `x.y`: nothing here depends on it."),
    ],
)
def test_what_happens_around_a_subscription_is_told(
    type_: str, obj: dict[str, Any], previous: dict[str, Any] | None, text: str
) -> None:
    assert tell(type_, obj, previous).text == text
