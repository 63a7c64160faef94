"""Support links that staff made over the two years, what came of them, and the log of it all.

Every cancellation that was asked for gives some chance of a link that led to it. The log is written
for all copies together, in the order of time, sealed as the listener seals it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, select
from sqlmodel import SQLModel

from bench.console.lives import DAY, HOUR, SPAN, Happening
from bench.console.objects import MARK, marked
from billing_core.destinations import BILLING_HOME, CANCEL_SUBSCRIPTION, UPDATE_PAYMENT_METHOD
from webhook_listener import audit
from webhook_listener.audit import Entry
from webhook_listener.database import derived_transaction
from webhook_listener.tables import AUDIT, DRIFT, STATE

_LINKS = SQLModel.metadata.tables["portal_links"]
_VISITS = SQLModel.metadata.tables["link_visits"]
_STAFF = tuple(f"support{number}" for number in range(1, 13))
_LED_TO_A_CANCELLATION = 0.2
_OTHERS_AN_ORG = 0.02
_A_COMMIT = 2_000
Json = dict[str, Any]


def store_links(engine: Engine, template: Sequence[Json], *, copies: int) -> int:
    """Store the links of every copy and the audit log of them; how many links that were."""
    links = [_of_copy(link, copy) for copy in range(copies) for link in template]
    entries = sorted((one for link in links for one in _told(link)), key=lambda each: each[0].at)
    for start in range(0, len(links), _A_COMMIT):
        with derived_transaction(engine) as connection:
            some = links[start : start + _A_COMMIT]
            connection.execute(_LINKS.insert(), some)
            connection.execute(_VISITS.insert(), [_visit(link) for link in some])
    numbers: dict[str, int] = {}
    for start in range(0, len(entries), _A_COMMIT):
        with derived_transaction(engine) as connection:
            for entry, completes in entries[start : start + _A_COMMIT]:
                follows = numbers.get(f"{entry.link_id}") if completes else None
                number = audit.append(connection, replace(entry, follows=follows))
                numbers[f"{entry.link_id}"] = number
    return len(links)


def store_drift(engine: Engine, orgs: int, *, end: int) -> None:
    """Some fields that stood otherwise at Stripe, as the comparison by the clock finds them."""
    choose = random.Random(3)  # noqa: S311 - no secret
    rows = [
        {
            "found_at": datetime.fromtimestamp(end - SPAN * choose.random() ** 2, UTC),
            "subscription_id": marked("sub", choose.randrange(orgs)),
            "field": choose.choice(("status", "quantity", "cancel_at")),
            "ours": "1",
            "stripes": "2",
        }
        for _ in range(20 + orgs // 500)
    ]
    with derived_transaction(engine) as connection:
        connection.execute(DRIFT.insert(), rows)


def take_links(engine: Engine) -> list[Json]:
    """The links of a company that is about to grow; they and their log are stored anew then."""
    with derived_transaction(engine) as connection:
        links = [dict(row) for row in connection.execute(select(_LINKS)).mappings()]
        for table in (_LINKS, _VISITS, AUDIT):
            connection.execute(delete(table))
        connection.execute(delete(STATE).where(STATE.c.name == "audit_head"))
    return links


def made_up_links(happenings: Sequence[Happening], *, orgs: int, end: int) -> list[Json]:
    """Links that led to what happened to ``orgs`` organizations up to ``end``, and some others."""
    choose = random.Random(7)  # noqa: S311 - links that can be made again, no secret
    return list(_links(happenings, orgs, choose, end))


def _links(
    happenings: Sequence[Happening], orgs: int, choose: random.Random, end: int
) -> Iterator[Json]:
    number = 0
    for each in happenings:
        asked = each.type == "customer.subscription.updated" and each.object.get("canceled_at")
        if asked and choose.random() < _LED_TO_A_CANCELLATION:
            number += 1
            yield _link(number, each.object, CANCEL_SUBSCRIPTION, each.created - 200, choose)
    for _ in range(int(orgs * _OTHERS_AN_ORG)):
        number += 1
        each = choose.choice(happenings)
        if each.type.startswith("customer.subscription."):
            destination = choose.choice((UPDATE_PAYMENT_METHOD, BILLING_HOME))
            yield _link(number, each.object, destination, each.created + HOUR, choose)
    newest = [each for each in happenings if each.created > end - DAY and "customer" in each.object]
    for each in newest[:40]:
        number += 1
        yield {**_link(number, each.object, BILLING_HOME, each.created, choose), "uses": 0}


def _link(number: int, obj: Json, destination: str, at: int, choose: random.Random) -> Json:
    created = datetime.fromtimestamp(at - choose.randint(120, 2 * HOUR), UTC)
    redeemed = choose.random() < 0.8
    customer_id = obj["customer"]
    return {
        "link_id": marked("link", number),
        "token_hash": marked("token", number),
        "return_token_hash": marked("return", number),
        "org_id": customer_id.replace("cus_", "org_", 1),
        "customer_id": customer_id,
        "destination": destination,
        "subscription_id": obj["id"] if destination == CANCEL_SUBSCRIPTION else None,
        "reason": f"Ticket {choose.randint(10_000, 99_999)}",
        "created_by": choose.choice(_STAFF),
        "created_by_role": "support",
        "created_at": created,
        "expires_at": created + timedelta(hours=72),
        "uses_allowed": 1,
        "uses": int(redeemed),
        "last_redeemed_at": datetime.fromtimestamp(at, UTC) if redeemed else None,
    }


def _visit(link: Json) -> Json:
    """Mail scanners look at every link, and people who use it come back."""
    looked, used = link["created_at"] + timedelta(minutes=1), link["last_redeemed_at"]
    return {
        "link_id": link["link_id"],
        "opened": 1 + link["uses"],
        "first_opened_at": looked,
        "last_opened_at": used or looked,
        "returned": link["uses"],
        "last_returned_at": used + timedelta(minutes=3) if used else None,
    }


def _of_copy(link: Json, copy: int) -> Json:
    mark = f"x{int(MARK[1:]) + copy}"
    return {
        name: value.replace(MARK, mark) if isinstance(value, str) else value
        for name, value in link.items()
    }


def _told(link: Json) -> Iterator[tuple[Entry, bool]]:
    """The log's entries about a link, each with whether it completes the one before."""
    made = Entry(
        at=link["created_at"],
        actor=link["created_by"],
        role=link["created_by_role"],
        action="support_link.create",
        outcome="created",
        org_id=link["org_id"],
        destination=link["destination"],
        subscription_id=link["subscription_id"],
        reason=link["reason"],
        link_id=link["link_id"],
    )
    yield made, False
    if link["last_redeemed_at"] is not None:
        used = replace(
            made,
            at=link["last_redeemed_at"],
            actor="customer",
            role="customer",
            action="support_link.redeem",
            reason=None,
            outcome="begun",
        )
        yield used, False
        yield replace(used, at=used.at + timedelta(milliseconds=400), outcome="minted"), True
