"""The reason for the present state, in one sentence."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from billing_core.rows import EntitlementRow, OrganizationFacts, OrganizationView
from billing_core.sentences import why
from tests.core.company import START
from tests.core.telling import END, WORDS


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
                " set to end on 1 July 2026; access stays until Stripe reports the end."
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
