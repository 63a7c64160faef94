"""The customer's card and billing details."""

from __future__ import annotations

from starlette.responses import Response

from sandbox import cards
from sandbox.errors import Refusal
from sandbox.pages.completion import complete
from sandbox.pages.rendering import page
from sandbox.pages.visit import Visit
from sandbox.portal import rules
from sandbox.shapes import overlaid

_FIELDS = {"name": "Name", "email": "Email", "phone": "Phone"}
_LONGEST = 200


def show_card(visit: Visit, _subscription_id: str, _values: dict[str, str]) -> Response:
    """The test cards to choose from."""
    rules.check_payment_method_update(visit.configuration)
    return page(
        "card.html",
        business=visit.account.business_name,
        visit=visit,
        current=cards.default_of(visit.account, visit.customer),
        test_cards=cards.TEST_CARDS,
    )


def save_card(visit: Visit, _subscription_id: str, values: dict[str, str]) -> Response:
    """Attach the chosen card and let it pay from now on."""
    rules.check_payment_method_update(visit.configuration)
    chosen = values.get("card", "")
    if chosen not in cards.TEST_CARDS:
        raise Refusal("Please choose a card.")
    card = cards.attach(visit.account, visit.customer, chosen, "card")
    cards.make_default(visit.account, visit.customer, card)
    return complete(visit)


def show(visit: Visit, _subscription_id: str, _values: dict[str, str]) -> Response:
    """The details that the configuration lets customers change."""
    rules.check_customer_update(visit.configuration)
    return page(
        "details.html",
        business=visit.account.business_name,
        visit=visit,
        fields=_editable(visit),
    )


def _editable(visit: Visit) -> dict[str, str]:
    allowed = visit.feature("customer_update")["allowed_updates"]
    return {name: label for name, label in _FIELDS.items() if name in allowed}


def save(visit: Visit, _subscription_id: str, values: dict[str, str]) -> Response:
    """Keep the changed details."""
    rules.check_customer_update(visit.configuration)
    changes = {
        name: values[name].strip()[:_LONGEST] or None for name in _editable(visit) if name in values
    }
    after = overlaid(visit.customer, changes)
    visit.account.change(visit.customer, after, "customer.updated")
    return complete(visit)
