"""Whatever Stripe refuses becomes one of our sentences, and none of its own words get through."""

import pytest

from billing_core.errors import BillingErrorCode as Code
from billing_core.stripe_gateway.refusals import REFUSALS, Fault, refusal_for

CASES = [
    (
        (
            "No configuration provided and your test mode default configuration has not been created."
            " Provide a configuration or create your default by saving your customer portal settings in"
            " test mode at https://dashboard.stripe.com/test/settings/billing/portal."
        ),
        Code.NO_CONFIGURATION,
    ),
    (
        "No configuration provided and your live mode default configuration has not been created.",
        Code.NO_CONFIGURATION,
    ),
    (
        (
            "This subscription cannot be canceled because the subscription is already set to be"
            " canceled at period end."
        ),
        Code.ALREADY_CANCELING,
    ),
    (
        "This subscription cannot be updated because there are no changes to confirm.",
        Code.NO_CHANGES,
    ),
    (
        (
            "This subscription cannot be updated because the subscription update feature in the portal"
            " configuration is disabled."
        ),
        Code.FLOW_DISABLED,
    ),
    (
        (
            "The payment method cannot be updated because the payment method update feature in the"
            " portal configuration is disabled."
        ),
        Code.FLOW_DISABLED,
    ),
    (
        "This subscription cannot be canceled because it has a scheduled update.",
        Code.SCHEDULED_UPDATE,
    ),
    (
        "The subscription is managed by the subscription schedule `sub_sched_1`.",
        Code.SCHEDULED_UPDATE,
    ),
    (
        "This subscription cannot be updated because the subscription contains multiple products.",
        Code.SEVERAL_ITEMS,
    ),
    (
        "This subscription cannot be updated because it is already canceled.",
        Code.SUBSCRIPTION_ENDED,
    ),
    ("No such subscription: 'sub_1'", Code.NO_SUBSCRIPTION),
    ("No such customer: 'cus_1'", Code.NO_CUSTOMER),
    ("No such price: 'price_1'; it exists in live mode", Code.UNKNOWN_PRICE),
    (
        "The price price_1 is not one of the prices in the portal configuration's products.",
        Code.UNKNOWN_PRICE,
    ),
    (
        "The price specified is inactive. This field only supports active prices.",
        Code.UNKNOWN_PRICE,
    ),
    (
        (
            "This subscription cannot be updated because quantity is not among the allowed updates in"
            " the portal configuration."
        ),
        Code.FLOW_DISABLED,
    ),
    (
        "This subscription cannot be paused because its billing mode is classic.",
        Code.FLOW_DISABLED,
    ),
    ("No such coupon: 'STAY'", Code.STRIPE_REFUSED),
    (
        (
            "You cannot combine currencies on a single customer. This customer has had a subscription"
            " in eur."
        ),
        Code.UNKNOWN_PRICE,
    ),
    ("Not a valid URL", Code.INVALID_RETURN_PATH),
]


@pytest.mark.parametrize(("message", "code"), CASES)
def test_each_refusal_of_stripes_has_a_code_and_a_sentence_of_ours(
    message: str, code: Code
) -> None:
    refusal = refusal_for(Fault(400, message))
    assert refusal.code is code
    assert message not in refusal.message
    assert refusal.message.endswith(".")


def test_each_row_of_the_table_is_reached_by_a_case() -> None:
    reached = {refusal_for(Fault(400, message)).message for message, _ in CASES}
    assert reached == {row.sentence for row in REFUSALS}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(None, "Unexpected error communicating"), Code.STRIPE_UNAVAILABLE),
        (Fault(500), Code.STRIPE_UNAVAILABLE),
        (Fault(503, "down"), Code.STRIPE_UNAVAILABLE),
        (Fault(409, "busy", code="lock_timeout"), Code.STRIPE_UNAVAILABLE),
        (Fault(429, "Too many"), Code.RATE_LIMITED),
        (Fault(401, "Invalid API Key provided: sk_live_****abcd"), Code.PERMISSION_DENIED),
        (
            Fault(403, "The provided key 'rk_live_*****wxyz' does not have access to 'acct_1'"),
            Code.PERMISSION_DENIED,
        ),
        (Fault(400, "Something quite new about rk_live_abcd"), Code.STRIPE_REFUSED),
        (Fault(404, "Unrecognized request URL", request_id="req_7"), Code.STRIPE_REFUSED),
    ],
)
def test_what_is_not_in_the_table_is_closed_by_default(fault: Fault, code: Code) -> None:
    refusal = refusal_for(fault)
    assert refusal.code is code
    for secret in ("sk_live", "rk_live", "abcd", "wxyz", "acct_1"):
        assert secret not in refusal.message
        assert secret not in repr(refusal)


def test_an_unknown_refusal_names_the_request_to_look_up() -> None:
    assert "req_7" in refusal_for(Fault(400, "?", request_id="req_7")).message
