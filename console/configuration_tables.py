"""The file and Stripe side by side: the catalogue price by price, the portal setting by setting."""

from collections.abc import Iterable, Mapping

from markupsafe import Markup

from billing_core.configuration.difference import Action, Field, Item, Kind, Plan, Value
from billing_core.configuration.telling import value_text
from billing_core.destinations import (
    CANCEL_SUBSCRIPTION,
    PAUSE_SUBSCRIPTION,
    SWITCH_PLAN,
    UPDATE_DETAILS,
    UPDATE_PAYMENT_METHOD,
)
from billing_core.money import recurring
from console import elements
from console.elements import Column, Text
from console.viewer import Viewer

_CATALOG = (
    Column("In the file"),
    Column("billing.toml says"),
    Column("Stripe has"),
    Column("State"),
)
_DIFFERING = (Column("Setting"), Column("billing.toml says"), Column("Stripe has"))
_IN_STEP = (Column("Setting"), Column("On both sides"))
_STATES = {
    Action.NONE: ("In step", "good"),
    Action.CREATE: ("Not there yet", "warn"),
    Action.UPDATE: ("Differs", "warn"),
    Action.REPLACE: ("Needs a new price", "warn"),
}
# What the amount in words says already.
_AMOUNT = frozenset({"currency", "unit_amount", "recurring.interval", "recurring.interval_count"})
_NAMES = {
    "customer_update": UPDATE_DETAILS,
    "invoice_history": "Invoices",
    "payment_method_update": UPDATE_PAYMENT_METHOD,
    "subscription_cancel": CANCEL_SUBSCRIPTION,
    "subscription_pause": PAUSE_SUBSCRIPTION,
    "subscription_update": SWITCH_PLAN,
}


def catalog_table(plan: Plan, who: Viewer) -> Markup:
    """The amount in the file, the amount in Stripe, and the state; what differs comes first."""
    if not plan.pending:
        return elements.table(_CATALOG, [_row(item, who) for item in plan.items], "Catalogue")
    differing = elements.table(_CATALOG, [_row(item, who) for item in plan.pending], "What differs")
    same = [_row(item, who) for item in plan.items if item.action is Action.NONE]
    if not same:
        return differing
    table = elements.table(_CATALOG, same, "What is in step")
    return differing + _folded(f"{len(same)} more in step", table)


def portal_tables(plan: Plan) -> Markup:
    """Each configuration: what differs at first sight, what does not when it is opened."""
    return elements.NOTHING.join(_configuration(item) for item in plan.items)


def _row(item: Item, who: Viewer) -> tuple[Text, ...]:
    if item.kind is Kind.PRODUCT:
        told = {field.name: field for field in item.fields}["name"]
        name: Text = Markup("<b>{}</b>").format(item.name)
        file, stripe = elements.untrusted(str(told.file)), _shown(told.stripe)
    else:
        name = elements.code(item.name)
        file = _amount({field.name: field.file for field in item.fields}, who)
        stripe = _amount({field.name: field.stripe for field in item.fields}, who)
    there = item.stripe_id is not None
    return (
        name,
        file,
        elements.lines(stripe, elements.quiet(item.stripe_id or "")) if there else "Nothing",
        elements.lines(_state(item), *_other_changes(item)),
    )


def _state(item: Item) -> Markup:
    return elements.badge(*_STATES[item.action])


def _other_changes(item: Item) -> Iterable[Markup]:
    """What differs besides the amount and, for a product, its name."""
    if item.action is Action.CREATE:
        return
    for field in item.changes:
        if field.name not in _AMOUNT and not (item.kind is Kind.PRODUCT and field.name == "name"):
            yield elements.quiet(
                Markup("{}: {}, in Stripe {}").format(
                    setting_name(field.name), value_text(field.file), value_text(field.stripe)
                )
            )


def _amount(values: Mapping[str, Value], who: Viewer) -> Markup:
    amount, currency = values.get("unit_amount"), values.get("currency")
    interval, count = values.get("recurring.interval"), values.get("recurring.interval_count")
    text = recurring(
        amount if isinstance(amount, int) else None,
        str(currency) if currency else None,
        str(interval) if interval else None,
        interval_count=count if isinstance(count, int) else 1,
        locale=who.locale,
    )
    return Markup('<span class="bc-amount">{}</span>').format(text)


def _configuration(item: Item) -> Markup:
    head = Markup('<h3 class="bc-part"><code>{}</code> {} <span class="bc-quiet">{}</span></h3>')
    heading = head.format(item.name, _state(item), item.stripe_id or "")
    changes = [
        (setting_name(field.name), _shown(field.file), _shown(field.stripe))
        for field in item.changes
    ]
    same = [field for field in item.fields if not field.differs]
    return elements.NOTHING.join(
        (
            heading,
            elements.table(_DIFFERING, changes, f"What differs in {item.name}")
            if changes
            else elements.NOTHING,
            _same_settings(item.name, same) if same else elements.NOTHING,
        )
    )


def _same_settings(name: str, same: Iterable[Field]) -> Markup:
    rows = [(setting_name(field.name), _shown(field.file)) for field in same]
    table = elements.table(_IN_STEP, rows, f"What is in step in {name}")
    return _folded(f"{len(rows)} settings in step", table)


def _folded(summary: str, inner: Markup) -> Markup:
    return Markup('<details class="bc-fold"><summary>{}</summary>{}</details>').format(
        summary, inner
    )


def setting_name(name: str) -> str:
    """A setting's name for people: "Cancel subscription: mode"."""
    parts = name.removeprefix("metadata.").split(".")
    if parts[0] != "features":
        return " ".join(parts).replace("_", " ").capitalize()
    feature = _NAMES.get(parts[1], parts[1].replace("_", " "))
    rest = [part.replace("_", " ") for part in parts[2:] if part != "enabled" or len(parts) > 3]
    return f"{feature}: {' '.join(rest)}" if rest else feature


def _shown(value: Value) -> Markup:
    return elements.DASH if value is None else elements.untrusted(value_text(value))
