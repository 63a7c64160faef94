"""The Configuration page: what was found, what to run, and asking Stripe only for a click."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from billing_core.configuration.comparison import STATE, Check, compare, kept
from billing_core.configuration.difference import Action
from billing_core.database import reader
from billing_core.settings import settings as billing_settings
from billing_core.stripe_gateway import configuration as gateways
from billing_core.stripe_gateway.configuration import ConfigurationGateway
from billing_core.stripe_gateway.ration import ReadRation
from console import comparing
from sandbox.control import SandboxControl
from sandbox.server import running
from sandbox.settings import Settings
from tests.configuration.account import KEY, Account
from tests.console.browsing import fresh, idle, sign_in, window
from tests.console.serving import running_console
from tests.console.watching import Desk, desk, markdown_read, visible
from tests.support.databases import fresh_sqlite
from webhook_listener import state
from webhook_listener.database import durable_transaction, writer_engine

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOSTILE = "**bold** <script>alert(1)</script> ![](http://evil.example/p.png)"


def script() -> None:
    from console.pages.configuration import page

    page()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account that is as the file says."""
    settings = Settings(
        _env_file=None,
        state=tmp_path_factory.mktemp("account") / "sandbox.sqlite3",
        webhook_url="http://127.0.0.1:9/webhooks/stripe",
        webhook_secret="whsec_a_secret_of_the_tests_alone",
        retry_seconds=60,
    )
    with running(settings) as sandbox:
        made = Account(sandbox.url)
        made.app_url = billing_settings().app_url
        made.apply()
        yield made


class Office:
    """A console beside a listener that has looked, and a gateway whose reads are counted."""

    def __init__(self, seat: Desk, engine: Engine, account: Account) -> None:
        self.seat = seat
        self._engine = engine
        self._account = account
        self.ration = ReadRation(burst=1000)
        self.gateway = ConfigurationGateway(KEY, api_base=account.url, ration=self.ration)

    @property
    def reads(self) -> int:
        return 1000 - self.ration.left

    def found(self, *, at: datetime = NOON) -> Check:
        """What a listener would find now."""
        gateway = self._account.gateway
        config, app_url = self._account.config, self._account.app_url
        return Check(at, compare(config, gateway, app_url=app_url, now=at))

    def keep(self, check: Check) -> None:
        """As the listener keeps it."""
        with durable_transaction(self._engine) as connection:
            state.keep(connection, STATE, kept(check), now=check.tried_at)

    def open(self, view: str = "stripe") -> AppTest:
        at = self.seat.open(script, view=view)
        assert not at.exception
        return at


@pytest.fixture
def office(
    sqlite_template: Path, tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    url = fresh_sqlite(tmp_path, sqlite_template)
    engine = writer_engine(url)
    made = Office(desk(monkeypatch, reader(url)), engine, account)
    made.seat.sit("ops")
    monkeypatch.setattr(gateways, "configuration_gateway", lambda: made.gateway)
    comparing._compared.clear()
    yield made
    engine.dispose()


def test_an_account_in_step_is_one_green_sentence_with_its_age(office: Office) -> None:
    office.keep(office.found(at=datetime.now(UTC) - timedelta(hours=2)))
    seen = visible(office.open())
    assert "Stripe has everything as billing.toml says. Checked 2 hours ago." in seen
    assert "To bring Stripe there" not in seen
    assert "pro_monthly" in seen
    assert "$49.00 a month" in seen
    assert "In step" in seen


def test_what_differs_stands_beside_what_the_file_says_with_the_commands_to_run(
    office: Office,
) -> None:
    check = office.found()
    assert check.comparison is not None
    items = tuple(
        replace(
            item,
            action=Action.REPLACE,
            fields=tuple(
                replace(field, stripe=3900) if field.name == "unit_amount" else field
                for field in item.fields
            ),
        )
        if item.name == "pro_monthly"
        else item
        for item in check.comparison.catalog.items
    )
    catalog = replace(check.comparison.catalog, items=items)
    differing = replace(check.comparison, catalog=catalog, differs_since=NOON)
    office.keep(replace(check, comparison=differing))
    at = office.open()
    seen = visible(at)
    assert "1 of 21 differs from what billing.toml says, seen since 24 November 2026" in seen
    assert "$49.00 a month" in seen
    assert "$39.00 a month" in seen
    assert "Needs a new price" in seen
    [commands] = [element.value for element in at.code]
    assert "billing-config catalog apply" in commands
    assert "billing-config portal apply" in commands  # it offers prices by id
    assert KEY not in commands


def test_a_headline_that_somebody_wrote_in_the_dashboard_is_no_markdown_here(
    office: Office,
) -> None:
    check = office.found()
    assert check.comparison is not None
    items = tuple(
        replace(
            item,
            action=Action.UPDATE,
            fields=tuple(
                replace(field, stripe=HOSTILE)
                if field.name == "business_profile.headline"
                else field
                for field in item.fields
            ),
        )
        for item in check.comparison.portal.items
    )
    portal = replace(check.comparison.portal, items=items)
    office.keep(replace(check, comparison=replace(check.comparison, portal=portal)))
    at = office.open()
    bodies = [element.proto.body for element in at.get("html")]
    assert any("**bold** &lt;script&gt;" in body for body in bodies)
    assert not any("<script>alert" in body for body in bodies)
    assert "evil.example" not in markdown_read(at)


def test_a_check_that_failed_says_why_and_shows_what_was_known(office: Office) -> None:
    office.keep(replace(office.found(), failure="The API key may not do that."))
    seen = visible(office.open())
    assert "failed: The API key may not do that." in seen
    assert "Stripe has everything as billing.toml says." in seen


def test_another_file_than_the_one_that_was_compared_is_noticed(office: Office) -> None:
    check = office.found()
    assert check.comparison is not None
    office.keep(replace(check, comparison=replace(check.comparison, file="older")))
    assert "billing.toml is another one here" in visible(office.open())


def test_stripe_is_asked_for_a_click_and_never_for_a_rerun(office: Office) -> None:
    at = office.open()
    assert "Not compared yet." in visible(at)
    assert office.reads == 0
    at = at.button(key="check_now").click().run()
    assert "Stripe has everything as billing.toml says." in visible(at)
    assert office.reads == 3
    at = at.run()
    assert "Stripe has everything as billing.toml says." in visible(at)
    at.button(key="check_now").click().run()
    assert office.reads == 3  # again within seconds


def test_a_check_that_stripe_refuses_is_a_sentence(office: Office, account: Account) -> None:
    at = office.open()
    control = SandboxControl(account.url)
    control.fail_next(status=401, path="/v1/prices")
    at = at.button(key="check_now").click().run()
    control.close()
    assert not at.exception
    assert "failed: Stripe does not accept the API key." in visible(at)


def test_a_newer_look_of_the_listeners_replaces_ones_own(office: Office) -> None:
    at = office.open().button(key="check_now").click().run()
    later = datetime.now(UTC) + timedelta(minutes=1)
    office.keep(replace(office.found(at=later), failure="Later."))
    assert "failed: Later." in visible(at.run())


def test_the_rest_of_the_file_can_be_read(office: Office) -> None:
    seen = visible(office.open(view="file"))
    assert "pro_yearly" in seen
    assert "Keep it while Stripe retries the payment" in seen
    assert "72 hours" in seen
    assert "Receive lag" in seen
    assert "5 minutes" in seen


def test_what_differs_is_found_by_a_click_and_read_on_a_phone_in_the_dark(
    browser: Browser, account: Account, sqlite_template: Path, tmp_path: Path
) -> None:
    found = {each.mark: each.configuration_id for each in account.gateway.read_configurations()}
    account.v1.billing_portal.configurations.update(
        found["main"], {"business_profile": {"headline": "Written by hand"}}
    )
    with (
        running_console(
            tmp_path,
            DATABASE_URL=fresh_sqlite(tmp_path, sqlite_template),
            STRIPE_API_BASE=account.url,
            STRIPE_API_KEY=KEY,
        ) as console,
        window(browser, 390, "dark") as context,
    ):
        page = context.new_page()
        sign_in(page, f"{console.url}/configuration", "ops")
        fresh(page.get_by_role("button", name="Check now")).click()
        expect(fresh(page.get_by_text("1 of 21 differs from what"))).to_be_visible()
        idle(page)
        expect(fresh(page.get_by_text("Written by hand"))).to_be_visible()
        fresh(page.get_by_text("17 settings in step")).click()
        expect(fresh(page.get_by_text("Cancel subscription: mode"))).to_be_visible()
        main = "document.querySelector('[data-testid=stMain]')"
        assert page.evaluate(f"{main}.scrollWidth - {main}.clientWidth") <= 0
        seen = Axe().run(page, context={"include": [["[class^='bc-']"]]})
        assert seen.response["violations"] == []
        fresh(page.get_by_text("Plans and policies")).click()
        expect(page.get_by_text("Retired price ids")).to_have_count(1)
        expect(fresh(page.get_by_text("30 an hour"))).to_be_visible()
        expect(page).to_have_url(re.compile(r"\?view=file$"))
    account.apply()
