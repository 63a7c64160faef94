"""Events in plain words: each kind tells what a person needs, and nothing makes it stumble."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_core.errors import UnreadableShapeError
from billing_core.facts import KNOWN_STATUSES
from billing_core.rows import EntitlementRow, OrganizationFacts, OrganizationView
from billing_core.sentences import TELLINGS, Sentence, Words, describe, why
from billing_core.stripe_gateway.envelope import read_event
from billing_core.stripe_gateway.happenings import read_happening, unpack
from tests.core.company import CONFIG, START, customer, price, subscription

PAYLOADS = Path(__file__).resolve().parents[3] / "shared" / "stripe-events"
WORDS = Words(CONFIG)
END = START + timedelta(days=30)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def tell(
    type_: str, obj: dict[str, Any], previous: dict[str, Any] | None = None, words: Words = WORDS
) -> Sentence:
    data: dict[str, Any] = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    event = read_event({"id": "evt_1", "type": type_, "created": seconds(START), "data": data})
    return describe(read_happening(event, "org_id"), words)


def updated(changes: dict[str, Any], base: dict[str, Any] | None = None) -> Sentence:
    before = base or subscription("sub_1", "cus_1")
    previous = {name: before.get(name) for name in changes}
    return tell("customer.subscription.updated", {**before, **changes}, previous)


def items(*prices: dict[str, Any], quantity: int = 1, days: int = 30) -> dict[str, Any]:
    made = subscription(
        "sub_1", "cus_1", *prices, quantity=quantity, period_end=START + timedelta(days=days)
    )
    found: dict[str, Any] = made["items"]
    return found


ASKED = {"reason": "cancellation_requested", "feedback": "too_expensive", "comment": "Bye"}
UNTOLD = {"reason": "cancellation_requested", "feedback": None, "comment": None}


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


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "object",
                    "status",
                    "items",
                    "data",
                    "price",
                    "plan",
                    "quantity",
                    "recurring",
                    "interval",
                    "metadata",
                    "org_id",
                    "customer",
                    "cancel_at",
                    "cancellation_details",
                    "feedback",
                    "reason",
                    "trial_end",
                    "card",
                    "amount_due",
                    "currency",
                    "parent",
                    "pause_collection",
                    "schedule",
                    "invoice_settings",
                    "interval_count",
                    "name",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
_OBJECT = st.dictionaries(
    st.text(max_size=10) | st.sampled_from(["object", "status", "items"]), _JSON
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*TELLINGS, "something.new"]),
    _JSON.filter(lambda value: isinstance(value, dict)) | _OBJECT,
    st.none() | _JSON.filter(lambda value: isinstance(value, dict)),
)
def test_no_shape_makes_a_sentence_stumble(
    type_: str, obj: dict[str, Any], previous: dict[str, Any] | None
) -> None:
    assert tell(type_, obj, previous).text


_STATUS = st.sampled_from([*sorted(KNOWN_STATUSES), "hibernating"])
_WHEN = st.none() | st.integers(0, 4_000_000_000)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "status": _STATUS,
            "cancel_at": _WHEN,
            "cancel_at_period_end": st.booleans(),
            "canceled_at": _WHEN,
            "ended_at": _WHEN,
            "trial_end": _WHEN,
            "schedule": st.none() | st.just("sub_sched_1"),
            "pause_collection": st.none() | st.just({"behavior": "void", "resumes_at": None}),
            "cancellation_details": st.sampled_from([None, ASKED, UNTOLD, {"feedback": "new_one"}]),
            "items": st.sampled_from([{}, items(), items(price("team_monthly"), quantity=0)]),
        }
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "status": _STATUS,
            "cancel_at": _WHEN,
            "items": st.just(items()),
            "trial_end": _WHEN,
        },
    ),
)
def test_every_change_of_a_subscription_has_a_sentence(
    now: dict[str, Any], before: dict[str, Any]
) -> None:
    sentence = tell(
        "customer.subscription.updated", {**subscription("sub_1", "cus_1"), **now}, before
    )
    assert sentence.text.endswith(".")
    assert tell("customer.subscription.deleted", {**subscription("sub_1", "cus_1"), **now}).text


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the published payloads are not here")
def test_every_published_payload_is_told() -> None:
    for path in sorted(PAYLOADS.glob("*.json")):
        try:
            event = read_event(orjson.loads(path.read_bytes()))
        except UnreadableShapeError:
            continue
        assert describe(read_happening(event, "org_id"), WORDS).text, path.name


def test_a_body_that_cannot_be_unpacked_is_none() -> None:
    assert unpack(b"") is None
    assert unpack(b"\x00\x01") is None


def view(status: str, *, has_access: bool, ends_at: datetime | None = None) -> OrganizationView:
    entitlement = EntitlementRow(
        org_id="org_1",
        plan="pro",
        plan_name="Pro",
        status=status,
        has_access=has_access,
        cancel_at_period_end=False,
        cancel_at=None,
        current_period_end=END,
        ends_at=ends_at,
        quantity=1,
        subscription_id="sub_1",
        price_id="price_1",
        price_lookup_key="pro_monthly",
        unit_amount=1,
        currency="eur",
        interval="month",
        interval_count=1,
        last_event_id="evt_9",
        last_event_type="customer.subscription.updated",
        last_event_at=datetime(2026, 11, 3, 8, tzinfo=UTC),
        updated_at=START,
        revision=1,
    )
    organization = OrganizationFacts("org_1", "Acme", None, "cus_1", START, customer_deleted=False)
    return OrganizationView(organization, entitlement, (), (), ())


@pytest.mark.parametrize(
    ("given_view", "text"),
    [
        (
            view("active", has_access=True),
            "Has access because Stripe last said `active` on 3 November 2026 (event evt_9).",
        ),
        (
            view("active", has_access=True, ends_at=END),
            (
                "Has access because Stripe last said `active` on 3 November 2026 (event evt_9). It is"
                " set to end on 1 July 2026; access stays until then."
            ),
        ),
        (
            view("past_due", has_access=True),
            (
                "Has access because Stripe last said `past_due` on 3 November 2026 (event evt_9)."
                " Access stays while Stripe retries the payment."
            ),
        ),
        (
            view("past_due", has_access=False),
            (
                "No access because Stripe last said `past_due` on 3 November 2026 (event evt_9):"
                " billing.toml gives none while a payment is past due."
            ),
        ),
        (
            view("canceled", has_access=False),
            (
                "No access because Stripe last said `canceled` on 3 November 2026 (event evt_9): the"
                " subscription has ended."
            ),
        ),
        (
            view("hibernating", has_access=True),
            (
                "Has access, as before: Stripe last said `hibernating` on 3 November 2026 (event"
                " evt_9), a status that is not known here, so nothing was added or taken away."
            ),
        ),
        (
            view("none", has_access=False),
            "No access: it is a customer in Stripe and has never subscribed.",
        ),
    ],
)
def test_the_reason_names_stripes_last_word_and_its_event(
    given_view: OrganizationView, text: str
) -> None:
    assert why(given_view, WORDS) == text


def test_who_was_never_a_customer_is_told_so() -> None:
    stranger = view("none", has_access=False)
    stranger = replace(stranger, organization=replace(stranger.organization, customer_id=None))
    assert why(stranger) == (
        "No access: it has never been a customer in Stripe, so it never subscribed."
    )
