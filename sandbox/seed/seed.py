"""Writes the sample company's two years in memory, then adds them to an account at once."""

from __future__ import annotations

import random

from sandbox.account import Account, wants
from sandbox.ids import Ids
from sandbox.periods import DAY
from sandbox.seed.catalogue import MOVED_KEY, open_shop
from sandbox.seed.company import HISTORY_DAYS, KEY_MOVED_DAYS_AGO, Company
from sandbox.seed.lives import LIVES
from sandbox.seed.people import People
from sandbox.store import Store

_DICE = 2019
_GRANDFATHERED = 5
_DONE = "seeded"


def is_seeded(account: Account) -> bool:
    """Whether the sample company is in the account."""
    return account.store.setting(_DONE) is not None


def write_history(now: int, public_url: str) -> Account:
    """The sample company in an account of its own, its history ending at `now`.

    The dice are fixed: names, objects and their ids are the same every time. Only event ids
    differ, as an event is never the same one again.
    """
    dice = random.Random(_DICE)  # noqa: S311 - sample data
    account = Account(
        Store(),
        public_url=public_url,
        ids=Ids(random.Random(_DICE)),  # noqa: S311 - sample data
        event_ids=Ids(random.Random()),  # noqa: S311 - sample data
    )
    with account.store.transaction():
        account.clock.stop_at(now - HISTORY_DAYS * DAY)
        company = Company(account, open_shop(account), dice, People(dice), now)
        _pay_the_old_price(company)
        for live, how_many in LIVES:
            for _ in range(how_many):
                live(company)
        company.catalogue.offer_switching()
    account.clock.run()
    return account


def _pay_the_old_price(company: Company) -> None:
    """Some customers took Pro before its price was raised, and still pay what it was."""
    moved = company.now - KEY_MOVED_DAYS_AGO * DAY
    early = []
    for _ in range(_GRANDFATHERED):
        life = company.newcomer().at(moved - company.dice.randint(10, 300) * DAY)
        early.append(life.subscribe(MOVED_KEY, flexible=False))
    early[0].at(moved)
    company.catalogue.move_key()
    early[0].at(company.now)


def adopt(account: Account, history: Account) -> None:
    """Add a history to an account, its events in the order of time, queued for the endpoints."""
    store, written = account.store.connection, history.store.connection
    with account.store.transaction():
        store.executemany(
            "INSERT INTO objects (id, kind, created, customer, due_at, token, json)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            written.execute(
                "SELECT id, kind, created, customer, due_at, token, json FROM objects"
                " ORDER BY created, seq"
            ),
        )
        events = written.execute(
            "SELECT id, type, created, json FROM events ORDER BY created, seq"
        ).fetchall()
        store.executemany(
            "INSERT INTO events (id, type, created, api_version, json) VALUES (?, ?, ?, ?, ?)",
            [(event[0], event[1], event[2], account.api_version, event[3]) for event in events],
        )
        for endpoint in account.endpoints():
            store.executemany(
                "INSERT INTO deliveries (event_id, endpoint_id) VALUES (?, ?)",
                [(event[0], endpoint["id"]) for event in events if wants(endpoint, event[1])],
            )
        account.store.remember(_DONE, str(account.now))
    history.store.close()
