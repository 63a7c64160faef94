"""Events of the last 30 days, newest first, in the shape in which they were kept."""

from __future__ import annotations

from sandbox.account import Account
from sandbox.errors import Refusal, no_such
from sandbox.periods import DAY
from sandbox.rendering import render_event
from sandbox.resources.common import Call, Route, as_list, window
from sandbox.shapes import Json
from sandbox.store import Query

KEPT_DAYS = 30
_MOST_TYPES = 20
COLUMNS = (
    "id, type, created, api_version, (SELECT count(*) FROM deliveries"
    " WHERE event_id = events.id AND state = 'pending') AS pending_webhooks, json"
)


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/events`, by `type` or `types`, `created` and cursors."""
    params = call.params
    where = [_recent(account)]
    one, several = params.text("type"), params.texts("types", most=_MOST_TYPES)
    if one is not None and several:
        raise Refusal("You may only specify one of these parameters: type, types.")
    if one is not None:
        where.append(("type GLOB ?", one))
    if several:
        joined = "\n" + "\n".join(several) + "\n"
        where.append(("instr(?, char(10) || type || char(10)) > 0", joined))
    delivered = params.boolean("delivery_success")
    if delivered is not None:
        undelivered = "SELECT event_id FROM deliveries WHERE state IN ('pending', 'failed')"
        where.append((f"id {'NOT ' if delivered else ''}IN ({undelivered})", None))
    query = window(params, *where)
    params.finish()
    page = account.store.page("events", query, COLUMNS)
    rows = [render_event(row, row["api_version"]) for row in page.rows]
    return as_list(rows, call.path, has_more=page.has_more)


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/events/{id}`."""
    call.params.finish()
    rows = account.store.page(
        "events", Query([("id = ?", call.ids["id"]), _recent(account)]), COLUMNS
    ).rows
    if not rows:
        raise no_such("event", call.ids["id"])
    return render_event(rows[0], rows[0]["api_version"])


def _recent(account: Account) -> tuple[str, object]:
    return ("created >= ?", account.now - KEPT_DAYS * DAY)


ROUTES = [
    Route("GET", "/v1/events", list_all),
    Route("GET", "/v1/events/{id}", retrieve),
]
