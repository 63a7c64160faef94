"""A plan in words, for a terminal and for a pull request."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from billing_core.config import BillingConfig
from billing_core.configuration.applying import Done
from billing_core.configuration.difference import Action, Field, Item, Kind, Plan, Value
from billing_core.money import money

_SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "±"}
_COUNTED = {
    Action.CREATE: "to create",
    Action.UPDATE: "to change",
    Action.REPLACE: "to replace by a new price",
}
_DONE = {Action.CREATE: "created", Action.UPDATE: "changed", Action.REPLACE: "replaced"}
_NOUNS = {
    Kind.PRODUCT: "product",
    Kind.PRICE: "price",
    Kind.CONFIGURATION: "portal configuration",
}
ABSENT = "not there"


def told_plan(plan: Plan, where: str) -> Iterator[str]:
    """What a plan would do to Stripe at ``where``, line by line; what keeps it from it at the end."""
    for item in plan.pending:
        yield from _told_item(item)
        yield ""
    if not plan.pending:
        yield f"Nothing to do: {where} has all {len(plan.items)} of these as the file says."
    else:
        counts = Counter(item.action for item in plan.items)
        parts = [
            f"{counts[action]} {words}" for action, words in _COUNTED.items() if counts[action]
        ]
        rest = counts[Action.NONE]
        yield f"{', '.join(parts)}; {rest} of {len(plan.items)} as the file says at {where}."
    yield from (f"In the way: {fault}" for fault in plan.faults)


def told_done(done: Done) -> str:
    """One step that was taken."""
    line = f"{_DONE[done.item.action]} {_NOUNS[done.item.kind]} {done.item.name}: {done.stripe_id}"
    if done.retired_id is None:
        return line
    return f"{line} has the lookup key now; {done.retired_id} stays for whoever pays it"


def told_retired(config: BillingConfig, done: Iterable[Done]) -> Iterator[str]:
    """What belongs into the file after prices have lost their lookup keys; nothing if none has."""
    retired: dict[str, list[str]] = {}
    for each in done:
        plan = config.plan_by_lookup_key.get(each.item.name)
        if each.retired_id is not None and plan is not None:
            retired.setdefault(plan, list(config.plans[plan].retired_price_ids)).append(
                each.retired_id
            )
    if not retired:
        return
    yield ""
    yield "Put this into billing.toml, so that the old prices keep their plan whatever happens:"
    for plan, ids in retired.items():
        listed = ", ".join(f'"{price_id}"' for price_id in ids)
        yield ""
        yield f"    [plans.{plan}]"
        yield f"    retired_price_ids = [{listed}]"


def value_text(value: Value) -> str:
    """A setting's value as people read it."""
    match value:
        case None:
            return ABSENT
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(value) or "none"
        case _:
            return str(value)


def amount_text(fields: Mapping[str, Value]) -> str | None:
    """The amount that a price states, in its currency: "$49.00"; None for one without."""
    amount, currency = fields.get("unit_amount"), fields.get("currency")
    if not isinstance(amount, int) or not isinstance(currency, str):
        return None
    return money(amount, currency)


def _told_item(item: Item) -> Iterator[str]:
    noun = _NOUNS[item.kind]
    sign = _SIGNS[item.action]
    match item.action:
        case Action.CREATE:
            yield f"{sign} {noun} {item.name}, new"
        case Action.REPLACE:
            yield f"{sign} {noun} {item.name}: a new one takes the lookup key from {item.stripe_id}"
        case _:
            yield f"{sign} {noun} {item.name} ({item.stripe_id})"
    width = max(len(_short(field.name)) for field in item.changes)
    for field in item.changes:
        yield f"    {_short(field.name).ljust(width)}  {_told_change(item, field)}"
    if item.action is Action.REPLACE:
        yield f"    {item.stripe_id} stays as it is for whoever pays it, without the lookup key."


def _told_change(item: Item, field: Field) -> str:
    new = _with_amount(field.name, field.file, {each.name: each.file for each in item.fields})
    if item.action is Action.CREATE:
        return new
    if isinstance(field.stripe, tuple) and isinstance(field.file, tuple):
        gone = [f"-{each}" for each in field.stripe if each not in field.file]
        return " ".join([*gone, *(f"+{each}" for each in field.file if each not in field.stripe)])
    old = _with_amount(field.name, field.stripe, {each.name: each.stripe for each in item.fields})
    return f"{old} -> {new}"


def _with_amount(name: str, value: Value, fields: Mapping[str, Value]) -> str:
    amount = amount_text(fields) if name == "unit_amount" else None
    return f"{value_text(value)} ({amount})" if amount is not None else value_text(value)


def _short(name: str) -> str:
    return name.removeprefix("features.")
