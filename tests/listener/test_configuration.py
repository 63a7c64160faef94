"""The listener compares billing.toml with Stripe a few times a day, and keeps what it found."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from billing_core.config import BillingConfig
from billing_core.configuration.comparison import Check, Comparison, kept, read_kept
from billing_core.configuration.difference import Action, Field, Item, Kind, Plan
from billing_core.queries.configuration import configuration_check
from billing_core.stripe_gateway.configuration import ConfigurationGateway
from billing_core.stripe_gateway.ration import ReadRation
from sandbox.control import SandboxControl
from sandbox.server import running
from sandbox.settings import Settings as SandboxSettings
from tests.configuration.account import KEY, Account
from tests.support.databases import fresh_sqlite
from tests.support.listener import Listener, reading, wait_for
from tests.support.stripe_events import WEBHOOK_SECRET
from webhook_listener import rollups
from webhook_listener.database import durable_transaction, reading_transaction, writer_engine
from webhook_listener.inbox import Audience
from webhook_listener.missed import configuration
from webhook_listener.missed.configuration import ConfigurationLook
from webhook_listener.missed.inbound import Inbound, utc_now
from webhook_listener.rollups import Count


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    settings = SandboxSettings(
        _env_file=None,
        state=tmp_path / "sandbox.sqlite3",
        webhook_url="http://127.0.0.1:9/webhooks/stripe",
        webhook_secret=WEBHOOK_SECRET,
        retry_seconds=3600,
    )
    with running(settings) as sandbox:
        yield Account(sandbox.url)


@pytest.fixture
def engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """A new SQLite database; the service's own test covers PostgreSQL too."""
    made = writer_engine(fresh_sqlite(tmp_path, sqlite_template))
    yield made
    made.dispose()


class Looking:
    """One listener's look at the account, with its reads counted."""

    def __init__(self, engine: Engine, account: Account, config: BillingConfig) -> None:
        def write(work: Callable[[Connection], Any]) -> Any:  # noqa: ANN401 - whatever work gives
            with durable_transaction(engine) as connection:
                return work(connection)

        self._engine = engine
        self.ration = ReadRation(burst=1000)
        self._look = ConfigurationLook(
            Inbound(engine, write, Audience(livemode=False, account=None)),
            ConfigurationGateway(KEY, api_base=account.url, ration=self.ration),
            config,
            app_url=account.url,
            every_seconds=3600,
        )

    def look(self) -> Check:
        self._look.look()
        with reading_transaction(self._engine) as connection:
            check = configuration_check(connection)
        assert check is not None
        return check

    @property
    def reads(self) -> int:
        return 1000 - self.ration.left


@pytest.fixture
def looking(
    engine: Engine, account: Account, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Looking]:
    monkeypatch.setattr(configuration, "_GLANCE_SECONDS", 0.0)
    monkeypatch.setattr(configuration, "_FIRST_GLANCE_SECONDS", 0.0)
    account.apply()
    return lambda config=account.config: Looking(engine, account, config)


def hear(engine: Engine, type_: str) -> None:
    """An event of that type has been applied."""
    with durable_transaction(engine) as connection:
        rollups.add(connection, [Count(utc_now(), type_, "ignored")])


def test_what_was_compared_is_kept_for_hours_at_the_price_of_few_reads(
    looking: Callable[..., Looking],
) -> None:
    one = looking()
    first = one.look()
    assert first.comparison is not None
    assert first.comparison.in_step
    assert first.comparison.differs_since is None
    assert one.reads == 3  # fifteen lookup keys, and the portal
    assert one.look() == first
    assert looking().look() == first
    assert one.reads == 3


def test_an_event_about_prices_or_the_portal_brings_a_look_and_others_do_not(
    looking: Callable[..., Looking], engine: Engine, account: Account
) -> None:
    one = looking()
    first = one.look()
    hear(engine, "invoice.paid")
    assert one.look() == first
    [price] = account.v1.prices.list({"lookup_keys": ["pro_monthly"]}).data
    account.v1.prices.update(price.id, {"active": False})
    hear(engine, "price.updated")
    second = one.look()
    assert second.comparison is not None
    [item] = second.comparison.catalog.pending
    assert (item.name, item.action) == ("pro_monthly", Action.UPDATE)
    assert second.comparison.portal.faults  # it offers that price
    assert one.look() == second
    hear(engine, "price.updated")
    third = one.look()
    assert third.tried_at > second.tried_at
    assert third.comparison is not None
    assert third.comparison.differs_since == second.comparison.differs_since


def test_however_many_events_come_the_reads_stay_few(
    looking: Callable[..., Looking], engine: Engine
) -> None:
    one = looking()
    for _ in range(20):
        hear(engine, "price.created")
        one.look()
    assert one.reads <= 3 * 7


def test_a_changed_file_is_compared_at_once(
    looking: Callable[..., Looking], account: Account
) -> None:
    looking().look()
    raised = looking(account.at_price(5900)).look()
    assert raised.comparison is not None
    [item] = raised.comparison.catalog.pending
    assert item.action is Action.REPLACE


def test_a_refusal_is_kept_beside_what_was_known_before(
    looking: Callable[..., Looking], account: Account, engine: Engine
) -> None:
    one = looking()
    before = one.look()
    control = SandboxControl(account.url)
    control.fail_next(status=403, path="/v1/prices", method="GET")
    hear(engine, "price.created")
    after = one.look()
    control.close()
    assert after.comparison == before.comparison
    assert after.failure is not None
    assert "permissions" in after.failure


def test_the_service_compares_by_itself(
    start: Callable[..., Listener], account: Account, database_url: str
) -> None:
    account.apply()
    start(STRIPE_API_KEY=KEY, STRIPE_API_BASE=account.url, APP_URL=account.url)
    with reading(database_url) as rows:
        query = "SELECT value FROM listener_state WHERE name = 'configuration'"
        wait_for(lambda: rows(query), what="the comparison", seconds=60)


def test_a_check_is_read_back_as_it_was_kept_and_another_versions_is_none() -> None:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    fields = (
        Field("unit_amount", 4900, 3900),
        Field("active", file=True, stripe=False),
        Field("recurring.interval_count", 1, 1),
        Field("allowed", ("email",), ()),
        Field("nickname", "Pro", None),
    )
    plan = Plan((Item(Kind.PRICE, "pro", Action.REPLACE, "price_1", fields),), ("a fault",))
    check = Check(at + timedelta(hours=1), Comparison(at, "f", plan, Plan(()), at), "refused")
    again = read_kept(kept(check))
    assert again == check
    assert again is not None
    assert again.comparison is not None
    values = [(field.file, field.stripe) for field in again.comparison.catalog.items[0].fields]
    assert [type(one) for pair in values for one in pair][2:4] == [bool, bool]
    assert read_kept({"of": "another version"}) is None
    assert read_kept({}) is None
