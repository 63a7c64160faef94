"""What every resource of the API shares: the call, the routes and lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.account import Account
from sandbox.params import Params
from sandbox.shapes import Json
from sandbox.store import Query


@dataclass(frozen=True, slots=True)
class Call:
    """One API request: the ids in its path, its parameters and the API version it asked for."""

    ids: Mapping[str, str]
    params: Params
    version: str
    path: str


Handler = Callable[[Account, Call], Json]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path of the API, and the function that answers."""

    method: str
    path: str
    handler: Handler


def window(params: Params, *where: tuple[str, object]) -> Query:
    """The page of a list that the parameters ask for, among what fulfils `where`."""
    return Query(
        where=[*where, *created_between(params)],
        limit=params.integer("limit", least=1, most=100) or 10,
        starting_after=params.text("starting_after"),
        ending_before=params.text("ending_before"),
    )


def created_between(params: Params) -> list[tuple[str, object]]:
    """The conditions of a `created` filter: a moment, or gt/gte/lt/lte."""
    if not params.has("created"):
        return []
    if not params.is_nested("created"):
        return [("created = ?", params.integer("created"))]
    bounds = params.nested("created")
    comparisons = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
    return [
        (f"created {comparison} ?", bounds.integer(name))
        for name, comparison in comparisons.items()
        if bounds is not None and bounds.has(name)
    ]


def listing(account: Account, call: Call, kind: str, *where: tuple[str, object]) -> Json:
    """One page of the objects of a kind, newest first."""
    query = window(call.params, ("kind = ?", kind), *where)
    call.params.finish()
    page = account.store.page("objects", query)
    return as_list(page.rows, call.path, has_more=page.has_more)


def as_list(rows: list[Json], path: str, *, has_more: bool = False) -> Json:
    """Rows in the shape of Stripe's lists."""
    return {"object": "list", "data": rows, "has_more": has_more, "url": path}


def present(account: Account, kind: str, params: Params, name: str) -> Json | None:
    """The object that a parameter names, or None when absent; raises `Refusal` for a bad id."""
    object_id = params.text(name)
    return account.store.get(kind, object_id, params.path(name)) if object_id else None
