"""The whole trip in a real browser: sign in, send to cancel, watch it land, undo, end."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import create_engine, inspect, text

from tests.console.browsing import create_link, fresh, idle, sign_in, window
from tests.console.serving import Console, running_console
from tests.console.stack import Stack, running_stack
from tests.support.forked import installed

pytestmark = pytest.mark.timeout(300)
LANDS = 25_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Console]]:
    """Everything running, as a person starts it: a stand-in Stripe, the listener, the console."""
    folder = tmp_path_factory.mktemp("the console")
    with (
        installed(),
        running_stack(tmp_path_factory.mktemp("the whole house")) as stack,
        running_console(folder, **stack.variables) as console,
    ):
        yield stack, console


def subscribe(stack: Stack, org_id: str, name: str, mode: str) -> str:
    """A customer on Pro in this billing mode; the subscription's id."""
    price = stack.v1.prices.list({"lookup_keys": ["pro_monthly"]}).data[0]
    customer_params: Any = {
        "name": name,
        "email": f"billing@{org_id}.example",
        "payment_method": "pm_card_visa",
        "invoice_settings": {"default_payment_method": "pm_card_visa"},
        "metadata": {"org_id": org_id},
    }
    customer = stack.v1.customers.create(customer_params)
    params: Any = {
        "customer": customer.id,
        "items": [{"price": price.id}],
        "billing_mode": {"type": mode},
    }
    subscription = stack.v1.subscriptions.create(params).id
    stack.settle()
    return subscription


def winding_down(page: Page) -> Any:  # noqa: ANN401 - playwright's locator
    return page.get_by_text(re.compile("^Winding down: ends on "))


def cancel_as_the_customer(visitor: Page, url: str) -> None:
    visitor.goto(url)
    visitor.get_by_role("button", name="Cancel plan").click()
    visitor.get_by_label("It's too expensive").check()
    visitor.get_by_role("button", name="Submit feedback").click()


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_a_cancellation_is_sent_seen_undone_repeated_and_ends(
    browser: Browser, house: tuple[Stack, Console], mode: str, tmp_path: Path
) -> None:
    stack, desk = house
    name = f"Trip {mode.capitalize()}"
    subscription = subscribe(stack, f"org_{mode}", name, mode)
    urls: list[str] = []
    with window(browser) as staff, window(browser) as customer, window(browser) as office:
        page, visitor, finance = staff.new_page(), customer.new_page(), office.new_page()
        sign_in(page, f"{desk.url}/organizations", "support")
        fresh(page.get_by_label("Search")).fill(name)
        expect(fresh(page.get_by_text("1 organization", exact=True))).to_be_visible()
        fresh(page.get_by_role("link", name=name)).click()
        expect(fresh(page.get_by_text("Send the customer to"))).to_be_visible()
        page.evaluate("window.neverReloaded = true")

        urls.append(create_link(page, "Cancel subscription", "ticket 1"))
        cancel_as_the_customer(visitor, urls[-1])
        expect(winding_down(page).first).to_be_visible(timeout=LANDS)

        sign_in(finance, f"{desk.url}/winding-down", "finance")
        expect(finance.get_by_text(name).first).to_be_visible(timeout=LANDS)

        fresh(page.get_by_role("button", name="Make another link")).click()
        urls.append(create_link(page, "Billing home", "ticket 2"))
        visitor.goto(urls[-1])
        visitor.get_by_role("button", name="Don't cancel plan").first.click()
        expect(winding_down(page)).to_have_count(0, timeout=LANDS)

        fresh(page.get_by_role("button", name="Make another link")).click()
        urls.append(create_link(page, "Cancel subscription", "ticket 3"))
        cancel_as_the_customer(visitor, urls[-1])
        expect(winding_down(page).first).to_be_visible(timeout=LANDS)

        stack.control.advance_past(subscription)
        stack.settle()
        expect(page.get_by_text("No access").first).to_be_visible(timeout=LANDS)
        assert page.evaluate("window.neverReloaded") is True

        page.goto(f"{desk.url}/organization?org=org_{mode}")
        idle(page)
        urls.append(create_link(page, "Billing home", "invoices, please"))
        visitor.goto(urls[-1])
        expect(visitor.get_by_role("heading", name="Invoice history")).to_be_visible()

        assert_story_in_order(page)
    assert_nothing_kept(stack, desk, urls)


def assert_story_in_order(page: Page) -> None:
    """Newest first: ended, canceled again, undone, canceled, started."""
    page.reload()
    steps = ["ticket 3", "ticket 2", "ticket 1"]
    for step in steps:
        expect(page.get_by_text(step).first).to_be_visible(timeout=LANDS)
    idle(page)
    told = page.locator("[data-testid='stMain']").inner_text()
    places = [told.index(step) for step in steps]
    assert places == sorted(places)
    assert re.search(r"ended", told, re.IGNORECASE)


def assert_nothing_kept(stack: Stack, desk: Console, urls: list[str]) -> None:
    """No minted URL in any table or log."""
    secrets = [url.rsplit("/", 1)[-1] for url in urls]
    assert all(len(secret) > 10 for secret in secrets)
    logs = stack.listener.log + desk.log.read_text(encoding="utf-8")
    engine = create_engine(stack.database_url)
    with engine.connect() as connection:
        kept = "\n".join(
            repr(row)
            for table in inspect(engine).get_table_names()
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
        )
    engine.dispose()
    for secret in secrets:
        assert secret not in logs
        assert secret not in kept
