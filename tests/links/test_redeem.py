"""A link from its making to Stripe and back, over real HTTP, on both databases."""

from billing_core.destinations import CANCEL_SUBSCRIPTION
from tests.links.stage import Stage
from tests.sandbox.browser import Browser


def test_a_cancel_link_leads_to_stripes_cancel_screen_and_back(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    url = stage.create(org_id, CANCEL_SUBSCRIPTION)["url"]
    browser = Browser().open(url)
    assert browser.status == 200
    browser.press("Cancel subscription")
    assert browser.address.startswith(stage.sandbox.url), browser.page
    browser.press("Cancel plan").press("No thanks")
    stage.settle()
    assert "/return/" in browser.address
    browser.open(browser.address)
    assert "Your plan ends on" in browser.page
