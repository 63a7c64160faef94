"""The lives that are stored for real: through the listener's inbox, projection and imports.

Each event is received a moment after Stripe made it, some late, some twice, so that two years of
arrivals, lags and outcomes lie in the tables as a listener would have left them.
"""

import csv
import heapq
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from sqlalchemy import Engine, bindparam, update

from bench.console.lives import DAY, SPAN, Happening, Newcomer, catalogue, life
from bench.console.objects import event, marked
from billing_core.config import BillingConfig, load_config
from billing_core.settings import ROOT
from webhook_listener.apply import apply_round
from webhook_listener.database import derived_transaction
from webhook_listener.imports import import_organizations
from webhook_listener.inbox import Audience, Delivery, store
from webhook_listener.receive import read_delivery
from webhook_listener.tables import EVENTS

EVENTS_AN_ORG = 10
_OURS = Audience(livemode=False, account=None)
_A_BATCH = 40
_MOST = 128
_FILLERS = ("payment_method.attached", "charge.succeeded", "invoice.upcoming", "customer.updated")


@dataclass(frozen=True, slots=True)
class _Arrival:
    """An event on its way: when it arrives, and how long it then waits to be applied."""

    received: float
    happening: Happening
    waits: float
    times: int = 1
    livemode: bool = False


def store_template(engine: Engine, orgs: int, *, end: int) -> list[Happening]:
    """Store ``10 * orgs`` events of ``orgs`` organizations, the last of them just before ``end``.

    What happened, oldest first, so that links can be made up that led to it.
    """
    choose = random.Random(20_261_124)  # noqa: S311 - a company that can be made again, no secret
    happenings, newcomers = _lives(orgs, choose, end)
    config = load_config(ROOT / "billing.toml")
    arrivals = sorted(_arrivals(happenings, choose, end), key=lambda each: each.received)
    sequence = 0
    window = SPAN * _A_BATCH / len(arrivals)
    for batch in _batches(arrivals, window):
        deliveries = []
        for arrival in batch:
            deliveries += [_delivery(arrival, sequence)] * arrival.times
            sequence += 1
        _store(engine, config, batch, deliveries)
    _import(engine, newcomers, end)
    return happenings


def _lives(orgs: int, choose: random.Random, end: int) -> tuple[list[Happening], list[Newcomer]]:
    newcomers, told = [], [list(catalogue(end - SPAN - DAY))]
    for number in range(orgs):
        story = life(number, choose, end)
        if isinstance(story, Newcomer):
            newcomers.append(story)
        else:
            told.append(story)
    happenings = list(heapq.merge(*told, key=lambda each: each.created))
    return _of_length(happenings, orgs * EVENTS_AN_ORG, choose, end), newcomers


def _of_length(
    happenings: list[Happening], length: int, choose: random.Random, end: int
) -> list[Happening]:
    """Exactly ``length``: some that are about money left out, or others put in."""
    minor = [index for index, each in enumerate(happenings) if each.minor]
    surplus = len(happenings) - length
    if surplus > 0:
        gone = set(choose.sample(minor, surplus))
        return [each for index, each in enumerate(happenings) if index not in gone]
    customers = [each for each in happenings if each.type == "customer.created"]
    for index in range(-surplus):
        whose = choose.choice(customers)
        at = choose.randint(whose.created + 1, end)
        happenings.append(_filler(whose, at, choose.choice(_FILLERS), index))
    return sorted(happenings, key=lambda each: each.created)


def _filler(whose: Happening, at: int, type_: str, index: int) -> Happening:
    kind = type_.rpartition(".")[0]
    if kind == "customer":
        return Happening(at, type_, whose.object, {"preferred_locales": []})
    obj = {"id": marked("pm" if kind == "payment_method" else kind[:2], index), "object": kind}
    return Happening(at, type_, {**obj, "customer": whose.object["id"], "created": at})


def _arrivals(
    happenings: Sequence[Happening], choose: random.Random, end: int
) -> Iterator[_Arrival]:
    for happening in happenings:
        lag = choose.lognormvariate(0.4, 0.7)
        if choose.random() < 0.003:
            lag += choose.uniform(60, 4_000)
        yield _Arrival(
            received=min(happening.created + lag, end + 1.0),
            happening=happening,
            waits=choose.lognormvariate(-3.5, 0.6),
            times=2 if choose.random() < 0.004 else 1,
            livemode=choose.random() < 0.001 and happening.minor,
        )
    for index in range(3):
        at = end - choose.randint(60, 20 * DAY)
        broken = {"id": marked("sub", index, "broken"), "object": "subscription"}
        happening = Happening(at, "customer.subscription.updated", broken)
        yield _Arrival(at + 2.0, happening, 0.05)


def _batches(arrivals: Sequence[_Arrival], window: float) -> Iterator[list[_Arrival]]:
    """Neighbours within so many seconds: what is dated by its batch is dated about right."""
    batch: list[_Arrival] = []
    for arrival in arrivals:
        if batch and (len(batch) == _MOST or arrival.received > batch[0].received + window):
            yield batch
            batch = []
        batch.append(arrival)
    if batch:
        yield batch


def _delivery(arrival: _Arrival, sequence: int) -> Delivery:
    each = arrival.happening
    body = event(marked("evt", sequence), each.type, each.created, each.object, each.previous)
    body["livemode"] = arrival.livemode
    return read_delivery(orjson.dumps(body), _OURS, now=arrival.received)


def _store(
    engine: Engine,
    config: BillingConfig,
    batch: Sequence[_Arrival],
    deliveries: Sequence[Delivery],
) -> None:
    waits = {arrival.received: arrival.waits for arrival in batch}
    applied = update(EVENTS).where(EVENTS.c.event_id == bindparam("key"))
    with derived_transaction(engine) as connection:
        stored = store(connection, deliveries)
        # Said beforehand, as for a replay, so that lags are counted as of then and not as of now.
        connection.execute(
            applied.values(applied_at=bindparam("at")),
            [
                {
                    "key": new.event.event_id,
                    "at": new.received_at
                    + timedelta(seconds=waits.get(new.received_at.timestamp(), 0.02)),
                }
                for new in stored.new
            ],
        )
    now = datetime.fromtimestamp(batch[-1].received + 1, UTC)
    while apply_round(engine, config, now=now).full:
        pass


def _import(engine: Engine, newcomers: Sequence[Newcomer], end: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "newcomers.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("org_id", "name", "email"))
            writer.writerows((each.org_id, each.name, each.email) for each in newcomers)
        import_organizations(engine, path, now=datetime.fromtimestamp(end, UTC))
