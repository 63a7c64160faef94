"""Stripe's `expand`: ids replaced by the objects that they name."""

from __future__ import annotations

from typing import Any

from sandbox.account import Account
from sandbox.errors import invalid
from sandbox.shapes import Json

_DEEPEST = 4
# What Stripe leaves out unless it is asked for, by the kind of object.
_LEFT_OUT = {"billing_portal.configuration": ("features", "subscription_update", "products")}


def expanded(account: Account, value: Json, paths: list[str]) -> Json:
    """`value` with every path such as `data.product` expanded; raises `Refusal` for a wrong one."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEEPEST:
            raise invalid("expand", f"You cannot expand more than {_DEEPEST} levels of a property.")
        _expand(account, value, parts, path)
    _leave_out(value, paths)
    return value


def _leave_out(value: Json, paths: list[str]) -> None:
    listed = value.get("object") == "list"
    for each in value["data"] if listed else [value]:
        place = _LEFT_OUT.get(each.get("object", ""))
        if place is None or ".".join(["data", *place] if listed else place) in paths:
            continue
        inner = each
        for part in place[:-1]:
            inner = inner[part]
        inner.pop(place[-1], None)


def _expand(account: Account, value: Any, parts: list[str], path: str) -> None:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        for each in value:
            _expand(account, each, parts, path)
        return
    if value is None:
        return
    name, rest = parts[0], parts[1:]
    if not isinstance(value, dict) or name not in value:
        raise invalid("expand", f"This property cannot be expanded ({path}).")
    value[name] = _resolved(account, value[name], path, last=not rest)
    if rest:
        _expand(account, value[name], rest, path)


def _resolved(account: Account, value: Any, path: str, *, last: bool) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list) and last:
        return [_resolved(account, each, path, last=last) for each in value]
    if not isinstance(value, str):
        return value
    found = account.store.find(value)
    if found is None and last:
        raise invalid("expand", f"This property cannot be expanded ({path}).")
    return found if found is not None else value
